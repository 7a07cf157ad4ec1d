using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Holdfast.Traffic;

namespace Holdfast.Sim.Scenarios;

/// <summary>Reads options of the engine by their names, within their own ranges.</summary>
internal static class TrafficOverrides
{
    public static TrafficOptions Read(
        IReadOnlyList<(string Name, int Line, ScenarioNode Value)> pairs, List<ScenarioFault> faults)
    {
        var options = new TrafficOptions();
        PropertyInfo[] known = [.. typeof(TrafficOptions).GetProperties().Where(p => p.CanWrite)];
        foreach (var (name, line, value) in pairs)
        {
            var property = known.FirstOrDefault(p => FieldReader.Same(p.Name, name));
            if (property is null)
            {
                faults.Add(new(line, "traffic." + name, "there is no such option",
                    NearName.Suggest(name, [.. known.Select(p => p.Name)])));
                continue;
            }
            var parsed = Parse(property.PropertyType, value);
            if (parsed is null)
                faults.Add(new(line, "traffic." + name, $"must be a {Words(property.PropertyType)}"));
            else if (property.GetCustomAttribute<RangeAttribute>() is { } range && !range.IsValid(parsed))
                faults.Add(new(line, "traffic." + name, $"must be from {range.Minimum} to {range.Maximum}"));
            else
                property.SetValue(options, parsed);
        }
        if (faults.Count == 0)
            faults.AddRange(options.Faults().Select(f => new ScenarioFault(0, "traffic", f)));
        return options;
    }

    private static object? Parse(Type type, ScenarioNode value)
    {
        if (type == typeof(TimeSpan))
            return value.Kind == NodeKind.Text && Duration.TryParse(value.Text, out var time) ? time : null;
        if (type == typeof(bool))
            return value.Kind == NodeKind.Boolean ? value.Text == "true" : null;
        if (value.Kind != NodeKind.Number)
            return null;
        if (type == typeof(int))
        {
            return int.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                ? whole : null;
        }
        return type == typeof(double)
            && double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number : null;
    }

    private static string Words(Type type) => type == typeof(TimeSpan) ? "duration in quotes"
        : type == typeof(bool) ? "flag (true or false)" : type == typeof(int) ? "whole number" : "number";
}
