using System.Globalization;

namespace Holdfast.Configuration;

/// <summary>Durations and sizes as people write them: <c>90s</c>, <c>1h30m</c>, <c>00:05:00</c>; <c>64KiB</c>.
/// </summary>
internal static class Quantity
{
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        text = text.Trim();
        duration = TimeSpan.Zero;
        if (text.Contains(':', StringComparison.Ordinal))
            // On some fractions of more than its seven digits TimeSpan.TryParse throws (.NET 10).
            return (text.LastIndexOf('.') < text.LastIndexOf(':') || text.LastIndexOf('.') >= text.Length - 8)
                && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out duration);
        if (text == "0")
            return true;
        double seconds = 0;
        var rest = text.AsSpan();
        if (rest.IsEmpty)
            return false;
        while (!rest.IsEmpty)
        {
            var digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
                digits++;
            if (!double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                    out var number))
                return false;
            rest = rest[digits..];
            var letters = 0;
            while (letters < rest.Length && char.IsAsciiLetter(rest[letters]))
                letters++;
            double? unit = rest[..letters] switch
            {
                "ms" => 0.001,
                "s" => 1,
                "m" or "min" => 60,
                "h" => 3600,
                "d" => 86_400,
                "w" => 604_800,
                _ => null,
            };
            if (unit is null)
                return false;
            seconds += number * unit.Value;
            rest = rest[letters..].TrimStart();
        }
        if (seconds > TimeSpan.MaxValue.TotalSeconds / 2)
            return false;
        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    public static bool TryParseBytes(string text, out long bytes)
    {
        text = text.Trim();
        bytes = 0;
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
            digits++;
        if (!decimal.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                out var number))
            return false;
        decimal? unit = text[digits..].Trim() switch
        {
            "" or "B" => 1,
            "KiB" => 1L << 10,
            "MiB" => 1L << 20,
            "GiB" => 1L << 30,
            "TiB" => 1L << 40,
            "kB" or "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            _ => null,
        };
        if (unit is null || number > long.MaxValue / unit.Value)
            return false;
        bytes = (long)(number * unit.Value);
        return true;
    }

    /// <summary>The shortest exact form: <c>90d</c>, <c>1h30m</c>, <c>0.5s</c>.</summary>
    public static string Describe(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        var sign = duration < TimeSpan.Zero ? "-" : "";
        duration = Magnitude(duration);
        var text = "";
        if (duration.Days > 0)
            text += duration.Days.ToString(CultureInfo.InvariantCulture) + "d";
        if (duration.Hours > 0)
            text += duration.Hours.ToString(CultureInfo.InvariantCulture) + "h";
        if (duration.Minutes > 0)
            text += duration.Minutes.ToString(CultureInfo.InvariantCulture) + "m";
        var seconds = duration.Ticks % TimeSpan.TicksPerMinute / (double)TimeSpan.TicksPerSecond;
        if (seconds > 0)
            text += seconds.ToString("0.#######", CultureInfo.InvariantCulture) + "s";
        return sign + text;
    }

    /// <summary>The same rounded to its two largest units, for tables: <c>3d4h</c>, <c>12m5s</c>.</summary>
    public static string Roughly(TimeSpan duration)
    {
        duration = Magnitude(duration);
        if (duration.TotalDays >= 1)
            return Describe(TimeSpan.FromHours((long)duration.TotalHours));
        if (duration.TotalHours >= 1)
            return Describe(TimeSpan.FromMinutes((long)duration.TotalMinutes));
        if (duration.TotalSeconds >= 10)
            return Describe(TimeSpan.FromSeconds((long)duration.TotalSeconds));
        return Describe(TimeSpan.FromMilliseconds((long)duration.TotalMilliseconds));
    }

    // The least TimeSpan has no positive counterpart.
    private static TimeSpan Magnitude(TimeSpan duration) =>
        duration == TimeSpan.MinValue ? TimeSpan.MaxValue : duration.Duration();

    /// <summary>Bytes with a binary unit: <c>4.0 KiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        var unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
