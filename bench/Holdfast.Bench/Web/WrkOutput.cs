using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Bench.Web;

/// <summary>Reads what <c>wrk --latency</c> prints.</summary>
internal static partial class WrkOutput
{
    /// <exception cref="FormatException">It isn't that.</exception>
    public static PlainMeasure Parse(string text)
    {
        var failed = 0L;
        if (Unwanted().Match(text) is { Success: true } unwanted)
            failed += long.Parse(unwanted.Groups[1].Value, CultureInfo.InvariantCulture);
        if (Sockets().Match(text) is { Success: true } sockets)
        {
            for (var group = 1; group <= 4; group++)
                failed += long.Parse(sockets.Groups[group].Value, CultureInfo.InvariantCulture);
        }
        if (Rate().Match(text) is not { Success: true } rate)
            throw new FormatException("wrk said no rate:\n" + text);
        return new PlainMeasure(double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture), Milliseconds(text, "50%"),
            Milliseconds(text, "99%"), failed, Total().Match(text) is { Success: true } total
                ? long.Parse(total.Groups[1].Value, CultureInfo.InvariantCulture) : throw new FormatException("wrk said no total:\n" + text));
    }

    private static double Milliseconds(string text, string share)
    {
        var match = Regex.Match(text, $@"^\s+{share}\s+([\d.]+)(us|ms|s)\s*$", RegexOptions.Multiline);
        if (!match.Success)
            throw new FormatException($"wrk said no {share}:\n{text}");
        var number = double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        return match.Groups[2].Value switch { "us" => number / 1000, "ms" => number, _ => number * 1000 };
    }

    [GeneratedRegex(@"^Requests/sec:\s+([\d.]+)", RegexOptions.Multiline)]
    private static partial Regex Rate();

    [GeneratedRegex(@"^\s+(\d+) requests in ", RegexOptions.Multiline)]
    private static partial Regex Total();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (\d+)")]
    private static partial Regex Unwanted();

    [GeneratedRegex(@"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")]
    private static partial Regex Sockets();
}
