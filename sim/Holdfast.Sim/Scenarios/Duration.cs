using System.Buffers;
using System.Globalization;

namespace Holdfast.Sim.Scenarios;

/// <summary>Durations as people write them: <c>90s</c>, <c>20ms</c>, <c>1h30m</c>, <c>0</c>.</summary>
internal static class Duration
{
    private const double SecondsMax = 1e9;
    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789.");

    public static bool TryParse(string text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        if (text == "0")
            return true;
        var rest = text.AsSpan();
        var seconds = 0.0;
        if (rest.IsEmpty || rest.Length > 32)
            return false;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(s_digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint,
                    CultureInfo.InvariantCulture, out var number))
                return false;
            rest = rest[digits..];
            var letters = rest.IndexOfAny(s_digits);
            var unit = letters < 0 ? rest : rest[..letters];
            var factor = unit switch
            {
                "us" => 1e-6, "ms" => 1e-3, "s" => 1, "m" or "min" => 60, "h" => 3600, "d" => 86_400, _ => 0.0,
            };
            if (factor == 0)
                return false;
            seconds += number * factor;
            rest = rest[unit.Length..];
        }
        if (seconds > SecondsMax)
            return false;
        time = TimeSpan.FromTicks((long)Math.Round(seconds * TimeSpan.TicksPerSecond));
        return true;
    }

    public static string Describe(TimeSpan time)
    {
        if (time == TimeSpan.Zero)
            return "0";
        if (time < TimeSpan.FromSeconds(1))
            return Number(time.TotalMilliseconds) + "ms";
        var text = "";
        if (time.Days > 0)
            text += Number(time.Days) + "d";
        if (time.Hours > 0)
            text += Number(time.Hours) + "h";
        if (time.Minutes > 0)
            text += Number(time.Minutes) + "m";
        var seconds = time.Ticks % TimeSpan.TicksPerMinute / (double)TimeSpan.TicksPerSecond;
        return seconds > 0 || text.Length == 0 ? text + Number(seconds) + "s" : text;
    }

    private static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
