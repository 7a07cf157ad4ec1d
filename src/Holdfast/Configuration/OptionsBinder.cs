using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace Holdfast.Configuration;

/// <summary>Makes options objects out of configuration nodes and reports all that doesn't fit, with its line.</summary>
/// <remarks>
/// Not Microsoft's binder: that one drops unknown keys, appends to default arrays, and knows no lines. What a fault
/// concerns keeps its default, so that later checks still see a whole object. Durations are accepted as
/// <c>"00:05:00"</c> and <c>"5m"</c>, sizes (whole numbers whose key ends in Bytes) as <c>4096</c> and <c>"4KiB"</c>.
/// </remarks>
internal sealed class OptionsBinder(List<ConfigurationFault> faults)
{
    /// <summary>Binds an object node. Names in <paramref name="childSections"/> belong to other options.</summary>
    public object BindObject(Type type, ConfigurationNode node, string path, IReadOnlyList<string> childSections)
    {
        var target = Activator.CreateInstance(type)
            ?? throw new InvalidOperationException($"{type} can't be made without arguments");
        var properties = SettableProperties(type);
        foreach (var member in node.Members)
        {
            if (childSections.Contains(member.Name, StringComparer.OrdinalIgnoreCase))
                continue;
            var memberPath = path + ":" + member.Name;
            var property = Array.Find(properties,
                p => string.Equals(p.Name, member.Name, StringComparison.OrdinalIgnoreCase));
            if (property is null)
            {
                string[] known = [.. properties.Select(p => p.Name), .. childSections];
                faults.Add(new(member.At, memberPath, "unknown key", NameGuess.Suggest(member.Name, known)));
                continue;
            }
            if (member.Value.Kind == NodeKind.Null && TakesNull(property))
                property.SetValue(target, null);
            else if (TryBind(property.PropertyType, member.Value, memberPath, property.Name, out var value))
                property.SetValue(target, value);
        }
        foreach (var property in properties)
            CheckAttributes(property, target, node, path);
        return target;
    }

    /// <summary>What the options class can be told, for messages and documents.</summary>
    internal static PropertyInfo[] SettableProperties(Type type) =>
        [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.SetMethod is { IsPublic: true } && p.GetIndexParameters().Length == 0)];

    private bool TryBind(Type type, ConfigurationNode node, string path, string name, out object? value)
    {
        value = null;
        if (node.Kind == NodeKind.Null)
            return Fault(node, path, "null is not allowed here", "leave the key out for its default");
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (ElementType(type) is { } element)
            return TryBindList(type, element, node, path, name, out value);
        if (ValueTypeOfMap(type) is { } mapped)
            return TryBindMap(mapped, node, path, out value);
        if (IsScalar(type))
            return TryBindScalar(type, node, path, name, out value);
        if (node.Kind != NodeKind.Object)
            return Fault(node, path, $"must be an object, not {Describe(node)}", "write { … }");
        return Is(BindObject(type, node, path, []), out value);
    }

    /// <summary>Only what is declared nullable takes null: everything behind relies on the declarations.</summary>
    private static bool TakesNull(PropertyInfo property) =>
        Nullable.GetUnderlyingType(property.PropertyType) is not null
        || new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;

    private bool TryBindList(Type type, Type element, ConfigurationNode node, string path, string name,
        out object? value)
    {
        value = null;
        if (node.Kind != NodeKind.Array)
            return Fault(node, path, $"must be a list, not {Describe(node)}", "write [ … ]");
        var items = new ArrayList();
        for (var i = 0; i < node.Items.Count; i++)
        {
            if (TryBind(element, node.Items[i], $"{path}:{i}", name, out var item) && item is not null)
                items.Add(item);
        }
        var array = items.ToArray(element);
        if (type.IsAssignableFrom(array.GetType()))
            return Is(array, out value);
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        foreach (var item in array)
            list.Add(item);
        return Is(list, out value);
    }

    private bool TryBindMap(Type valueType, ConfigurationNode node, string path, out object? value)
    {
        value = null;
        if (node.Kind != NodeKind.Object)
            return Fault(node, path, $"must be an object, not {Describe(node)}", "write { … }");
        var map = (IDictionary)Activator.CreateInstance(
            typeof(Dictionary<,>).MakeGenericType(typeof(string), valueType), StringComparer.OrdinalIgnoreCase)!;
        foreach (var member in node.Members)
        {
            if (TryBind(valueType, member.Value, path + ":" + member.Name, member.Name, out var item))
                map[member.Name] = item;
        }
        return Is(map, out value);
    }

    private bool TryBindScalar(Type type, ConfigurationNode node, string path, string name, out object? value)
    {
        value = null;
        if (node.Kind is NodeKind.Object or NodeKind.Array)
            return Fault(node, path, $"must be {Describe(type, name)}, not {Describe(node)}", null);
        var text = node.Text;
        if (type == typeof(string))
        {
            return node.Kind == NodeKind.Text ? Is(text, out value)
                : Fault(node, path, $"must be text, not {Describe(node)}", $"write \"{text}\" in double quotes");
        }
        if (type == typeof(bool))
        {
            if (node.Kind == NodeKind.Boolean)
                return Is(text == "true", out value);
            var guess = text.ToUpperInvariant() is "TRUE" or "YES" or "ON" or "1" ? "write true without quotes"
                : text.ToUpperInvariant() is "FALSE" or "NO" or "OFF" or "0" ? "write false without quotes" : null;
            return Fault(node, path, $"must be true or false, not {Describe(node)}", guess);
        }
        if (type.IsEnum)
            return TryBindEnum(type, node, path, out value);
        if (type == typeof(TimeSpan))
        {
            if (node.Kind == NodeKind.Text && Quantity.TryParseDuration(text, out var duration))
                return Is(duration, out value);
            return Fault(node, path, $"must be a duration, not {Describe(node)}",
                node.Kind == NodeKind.Number ? $"with its unit: \"{text}s\" or \"{text}m\""
                    : "such as \"90s\", \"1h30m\" or \"00:05:00\"");
        }
        if (IsWhole(type))
        {
            long bytes = 0;
            var isSize = name.EndsWith("Bytes", StringComparison.Ordinal) && node.Kind == NodeKind.Text
                && Quantity.TryParseBytes(text, out bytes);
            if (isSize)
                text = bytes.ToString(CultureInfo.InvariantCulture);
            if (node.Kind != NodeKind.Number && !isSize)
                return Fault(node, path, $"must be {Describe(type, name)}, not {Describe(node)}",
                    long.TryParse(text, out _) ? $"write {text} without quotes" : null);
        }
        else if (type == typeof(double) || type == typeof(float) || type == typeof(decimal))
        {
            if (node.Kind != NodeKind.Number)
                return Fault(node, path, $"must be a number, not {Describe(node)}",
                    double.TryParse(text, CultureInfo.InvariantCulture, out _) ? $"write {text} without quotes" : null);
        }
        try
        {
            return Is(TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text), out value);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException
            or OverflowException or InvalidCastException)
        {
            return Fault(node, path, $"must be {Describe(type, name)}, not {Describe(node)}", null);
        }
    }

    private bool TryBindEnum(Type type, ConfigurationNode node, string path, out object? value)
    {
        value = null;
        var names = Enum.GetNames(type);
        if (node.Kind == NodeKind.Text)
        {
            var parts = node.Text.Split(',', StringSplitOptions.TrimEntries);
            var isFlags = type.IsDefined(typeof(FlagsAttribute), false);
            if ((parts.Length == 1 || isFlags)
                && Array.TrueForAll(parts, p => names.Contains(p, StringComparer.OrdinalIgnoreCase)))
                return Is(Enum.Parse(type, node.Text, ignoreCase: true), out value);
        }
        var near = node.Kind == NodeKind.Text ? NameGuess.Nearest(node.Text, names) : null;
        return Fault(node, path, $"{Describe(node)} is not one of {string.Join(", ", names)}",
            near is null ? null : $"did you mean \"{near}\"?");
    }

    private void CheckAttributes(PropertyInfo property, object target, ConfigurationNode node, string path)
    {
        var member = node.Find(property.Name);
        var value = property.GetValue(target);
        foreach (var attribute in property.GetCustomAttributes<ValidationAttribute>())
        {
            if (attribute is RequiredAttribute)
            {
                if (attribute.IsValid(value))
                    continue;
                // A value of the wrong type has its fault already.
                if (member is null)
                    faults.Add(new(node.At, path, $"\"{property.Name}\" is missing", $"add \"{property.Name}\": …"));
                else if (member.Value.Kind == NodeKind.Text)
                    faults.Add(new(member.Value.At, path + ":" + member.Name, "must not be empty"));
                continue;
            }
            if (member is null || attribute.IsValid(value))
                continue;
            var problem = attribute is RangeAttribute range
                ? $"{Show(value)} is out of range: "
                    + $"{Show(range.Minimum, property.Name)} to {Show(range.Maximum, property.Name)}"
                : attribute.FormatErrorMessage(property.Name).TrimEnd('.');
            faults.Add(new(member.Value.At, path + ":" + member.Name, problem));
        }
    }

    private static string Show(object? value, string name = "") => value switch
    {
        TimeSpan duration => Quantity.Describe(duration),
        string text when TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var duration) =>
            Quantity.Describe(duration),
        double or long or int when name.EndsWith("Bytes", StringComparison.Ordinal)
            && Convert.ToDouble(value, CultureInfo.InvariantCulture) is >= 1024 and <= long.MaxValue / 2 =>
            Quantity.Bytes(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value?.ToString() ?? "null",
    };

    private bool Fault(ConfigurationNode node, string path, string problem, string? suggestion)
    {
        faults.Add(new(node.At, path, problem, suggestion));
        return false;
    }

    private static bool Is(object? made, out object? value)
    {
        value = made;
        return true;
    }

    private static string Describe(ConfigurationNode node) => node.Kind switch
    {
        NodeKind.Null => "null",
        NodeKind.Object => "an object",
        NodeKind.Array => "a list",
        NodeKind.Text => node.Text.Length <= 60 ? $"\"{node.Text}\"" : $"\"{node.Text[..57]}…\"",
        _ => node.Text,
    };

    private static string Describe(Type type, string name)
    {
        if (IsWhole(type))
            return name.EndsWith("Bytes", StringComparison.Ordinal)
                ? "a size such as 65536 or \"64KiB\"" : "a whole number";
        return type == typeof(string) ? "text" : type == typeof(bool) ? "true or false"
            : type == typeof(TimeSpan) ? "a duration such as \"90s\""
            : type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type))
            : type == typeof(double) ? "a number" : "a value of the form of " + type.Name;
    }

    private static bool IsWhole(Type type) => type == typeof(int) || type == typeof(long) || type == typeof(short)
        || type == typeof(ushort) || type == typeof(byte) || type == typeof(uint) || type == typeof(ulong);

    private static bool IsScalar(Type type) => type.IsPrimitive || type.IsEnum || type == typeof(string)
        || type == typeof(decimal) || type == typeof(TimeSpan) || type == typeof(Uri) || type == typeof(DateTimeOffset)
        || TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string));

    private static Type? ElementType(Type type)
    {
        if (type.IsArray)
            return type.GetElementType();
        if (!type.IsGenericType || type.GetGenericArguments().Length != 1)
            return null;
        var element = type.GetGenericArguments()[0];
        return type.IsAssignableFrom(typeof(List<>).MakeGenericType(element)) ? element : null;
    }

    private static Type? ValueTypeOfMap(Type type)
    {
        if (!type.IsGenericType || type.GetGenericArguments() is not [var key, var item] || key != typeof(string))
            return null;
        return type.IsAssignableFrom(typeof(Dictionary<,>).MakeGenericType(key, item)) ? item : null;
    }
}
