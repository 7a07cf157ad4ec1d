using System.Globalization;

namespace Holdfast.Watch.Recorded;

/// <summary>Times as people record them: ISO 8601 (UTC unless it says otherwise), or seconds since 1970; numbers from
/// 100 000 000 000 on are milliseconds.</summary>
internal static class RecordedTime
{
    private const double MillisecondsFrom = 1e11;
    private static readonly double s_secondsMax = (DateTime.MaxValue - DateTime.UnixEpoch).TotalSeconds - 86_400;

    public static bool TryParse(ReadOnlySpan<char> text, out DateTime time)
    {
        time = default;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out var seconds))
        {
            if (seconds >= MillisecondsFrom)
                seconds /= 1000;
            if (!(seconds >= 0 && seconds < s_secondsMax))
                return false;
            time = DateTime.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
            return true;
        }
        // The general parser takes much more than ISO 8601, as "1/2": the date must look like one.
        if (text.Length < 10 || text[4] != '-' || text[7] != '-' || !char.IsAsciiDigit(text[0])
            || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
            return false;
        time = at.UtcDateTime;
        return time.Year is >= 1970 and < 9999;
    }
}
