using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Bench.Web;

/// <summary>Reads what <c>h2load</c> prints and the lines of its log, which has what it doesn't print: percentiles.</summary>
internal static partial class H2LoadOutput
{
    /// <param name="log">A line a request: when it began, its status, microseconds.</param>
    /// <exception cref="FormatException">It isn't that.</exception>
    public static PlainMeasure Parse(string text, IEnumerable<string> log)
    {
        if (Rate().Match(text) is not { Success: true } rate || Requests().Match(text) is not { Success: true } requests)
            throw new FormatException("h2load said no rate:\n" + text);
        var failed = 0L;
        for (var group = 1; group <= 3; group++)
            failed += long.Parse(requests.Groups[group].Value, CultureInfo.InvariantCulture);
        var times = new List<int>();
        foreach (var line in log)
        {
            var fields = line.Split('\t');
            if (fields.Length != 3)
                throw new FormatException("h2load logged: " + line);
            if (fields[1] is not ['2', ..])
                failed++;
            times.Add(int.Parse(fields[2], CultureInfo.InvariantCulture));
        }
        times.Sort();
        double At(double share) => times.Count == 0 ? 0 : times[(int)Math.Round((times.Count - 1) * share)] / 1000.0;
        return new PlainMeasure(double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture), At(0.5), At(0.99), failed,
            Math.Max(times.Count, failed));
    }

    [GeneratedRegex(@"^finished in [^,]+, ([\d.]+) req/s", RegexOptions.Multiline)]
    private static partial Regex Rate();

    [GeneratedRegex(@"(\d+) failed, (\d+) errored, (\d+) timeout")]
    private static partial Regex Requests();
}
