using System.Globalization;
using System.Text;
using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Reports;

/// <summary>Lines over virtual time as inline SVG, with faults shaded behind them.</summary>
/// <remarks>The drawing stretches with the page and its strokes and letters don't: axes are text beside it, so that
/// they
/// can be read on a phone. What the lines say stands in data attributes for the script, which moves a cursor over
/// them by
/// pointer and by arrow keys; without the script nothing is missing but the cursor.</remarks>
internal sealed class TimeChart(RunRecord run, string title, string unit)
{
    private const int PointsMax = 300;
    private readonly List<(string Class, string Label, double[] Values)> _lines = [];

    /// <summary>True: equal steps of the axis are equal factors.</summary>
    public bool IsLogarithmic { get; init; }
    /// <summary>Values are seconds.</summary>
    public bool IsTime { get; init; }
    /// <summary>Top of the axis; NaN: what the lines need.</summary>
    public double Max { get; init; } = double.NaN;
    public bool IsSmall { get; init; }
    public bool IsPercent { get; init; }

    public TimeChart Add(string cssClass, string label, IEnumerable<double> values)
    {
        _lines.Add((cssClass, label, Thin([.. values])));
        return this;
    }

    public static double[] PerSecond(RunRecord run, double[] values) =>
        [.. values.Select(v => v / run.Step.TotalSeconds)];

    public static double[] PerSecond(RunRecord run, int[] values) =>
        [.. values.Select(v => v / run.Step.TotalSeconds)];

    public void WriteTo(StringBuilder html)
    {
        var all = _lines.SelectMany(l => l.Values).Where(double.IsFinite).DefaultIfEmpty(0).ToList();
        var low = IsLogarithmic ? Math.Pow(10, Math.Floor(Math.Log10(Math.Max(1e-4, all.Where(v => v > 0)
            .DefaultIfEmpty(1e-3).Min())))) : 0;
        var high = !double.IsNaN(Max) ? Max : IsLogarithmic
            ? Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(low * 10, all.Max())))) : Nice(all.Max());
        var name = HtmlText.Encode(title);
        html.Append(CultureInfo.InvariantCulture, $"<figure class=\"chart{(IsSmall ? " small" : "")}\">");
        html.Append(CultureInfo.InvariantCulture, $"<figcaption>{name} <span class=\"unit\">{HtmlText.Encode(unit)}");
        html.Append("</span></figcaption><div class=\"plot\" tabindex=\"0\" role=\"img\" aria-label=\"");
        html.Append(CultureInfo.InvariantCulture, $"{name}: {HtmlText.Encode(Spoken())}\" data-end=\"");
        html.Append(CultureInfo.InvariantCulture, $"{run.Scenario.Duration.TotalSeconds}\" data-low=\"{low}\" ");
        html.Append(CultureInfo.InvariantCulture, $"data-high=\"{high}\"{(IsLogarithmic ? " data-log" : "")}>");
        WriteAxis(html, low, high);
        html.Append("<svg viewBox=\"0 0 1000 200\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        WriteShades(html, run);
        foreach (var (css, label, values) in _lines)
        {
            html.Append(CultureInfo.InvariantCulture, $"<path class=\"line {css}\" data-label=\"");
            html.Append(HtmlText.Encode(label)).Append("\" d=\"");
            WritePath(html, values, low, high);
            html.Append("\"/>");
        }
        html.Append("</svg><div class=\"cursor\" hidden></div></div>");
        WriteTimes(html, run);
        html.Append("<output class=\"readout\" aria-live=\"polite\"></output></figure>\n");
    }

    /// <summary>Bands where a fault was at work, a line where everything was healed.</summary>
    public static void WriteShades(StringBuilder html, RunRecord run)
    {
        var end = run.Scenario.Duration.TotalSeconds;
        foreach (var (from, to) in Merge(run))
        {
            html.Append(CultureInfo.InvariantCulture, $"<rect class=\"fault\" x=\"{1000 * from / end:0.##}\" y=\"0\" ");
            html.Append(CultureInfo.InvariantCulture, $"width=\"{Math.Max(1.5, 1000 * (to - from) / end):0.##}\" ");
            html.Append("height=\"200\"/>");
        }
        if (run.Scenario.HealedAt is { } healed)
        {
            var x = 1000 * healed.TotalSeconds / end;
            html.Append(CultureInfo.InvariantCulture, $"<path class=\"healed\" d=\"M{x:0.##} 0V200\"/>");
        }
    }

    public static void WriteTimes(StringBuilder html, RunRecord run)
    {
        var end = run.Scenario.Duration.TotalSeconds;
        double[] steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];
        var step = steps.FirstOrDefault(s => end / s <= 6, 604_800);
        html.Append("<div class=\"times\" aria-hidden=\"true\">");
        for (var at = 0.0; at <= end * 0.98; at += step)
        {
            html.Append(CultureInfo.InvariantCulture, $"<span style=\"left:{100 * at / end:0.##}%\">");
            html.Append(Clock(at)).Append("</span>");
        }
        html.Append("</div>");
    }

    /// <summary>12:30, or 2d 04:00.</summary>
    public static string Clock(double seconds)
    {
        var at = TimeSpan.FromSeconds(seconds);
        return at.TotalDays >= 1 ? at.ToString(@"d\d\ hh\:mm", CultureInfo.InvariantCulture)
            : at.TotalHours >= 1 ? at.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
            : at.ToString(@"m\:ss", CultureInfo.InvariantCulture);
    }

    private static List<(double From, double To)> Merge(RunRecord run)
    {
        var merged = new List<(double From, double To)>();
        var end = run.Scenario.Duration.TotalSeconds;
        foreach (var period in run.Faults.OrderBy(f => f.From))
        {
            var (from, to) = (period.From.TotalSeconds, Math.Min(period.To.TotalSeconds, end));
            if (merged.Count > 0 && from <= merged[^1].To)
                merged[^1] = (merged[^1].From, Math.Max(to, merged[^1].To));
            else
                merged.Add((from, to));
        }
        return merged;
    }

    private void WriteAxis(StringBuilder html, double low, double high)
    {
        html.Append("<div class=\"axis\" aria-hidden=\"true\">");
        if (IsLogarithmic)
        {
            for (var at = low; at <= high * 1.001; at *= 10)
                Tick(Height(at, low, high), IsTime ? Seconds(at) : Short(at));
        }
        else
        {
            for (var i = 0; i <= (IsSmall ? 2 : 4); i++)
            {
                var at = high * i / (IsSmall ? 2 : 4);
                Tick(Height(at, low, high), IsPercent
                    ? string.Create(CultureInfo.InvariantCulture, $"{100 * at:0} %") : Short(at));
            }
        }
        html.Append("</div>");

        void Tick(double y, string text)
        {
            html.Append(CultureInfo.InvariantCulture, $"<span style=\"bottom:{100 - y / 2:0.#}%\">{text}</span>");
            html.Append(CultureInfo.InvariantCulture, $"<i style=\"bottom:{100 - y / 2:0.#}%\"></i>");
        }
    }

    private static string Seconds(double seconds) => seconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#} s")
        : string.Create(CultureInfo.InvariantCulture, $"{1000 * seconds:0.##} ms");

    private void WritePath(StringBuilder html, double[] values, double low, double high)
    {
        var isDown = false;
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                isDown = false;
                continue;
            }
            var x = 1000.0 * (i + 0.5) / values.Length;
            html.Append(isDown ? 'L' : 'M');
            html.Append(CultureInfo.InvariantCulture, $"{x:0.#} {Height(values[i], low, high):0.#}");
            isDown = true;
        }
    }

    private double Height(double value, double low, double high)
    {
        var share = IsLogarithmic ? Math.Log10(Math.Max(value, low) / low) / Math.Log10(high / low)
            : high > 0 ? value / high : 0;
        return 200 * (1 - Math.Clamp(share, 0, 1));
    }

    /// <summary>Means of so many steps that the page stays light; a mean of nothing is nothing.</summary>
    private static double[] Thin(double[] values)
    {
        var width = (values.Length + PointsMax - 1) / PointsMax;
        if (width <= 1)
            return values;
        return [.. values.Chunk(width).Select(c => c.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average())];
    }

    private static double Nice(double most)
    {
        if (!(most > 0))
            return 1;
        var scale = Math.Pow(10, Math.Floor(Math.Log10(most)));
        foreach (var factor in (ReadOnlySpan<double>)[1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8])
        {
            if (factor * scale >= most)
                return factor * scale;
        }
        return 10 * scale;
    }

    /// <summary>For ears: first, least and last of each line.</summary>
    private string Spoken() => string.Join("; ", _lines.Take(10).Select(l =>
    {
        var values = l.Values.Where(double.IsFinite).DefaultIfEmpty(0).ToList();
        return $"{l.Label} from {Short(values[0])}, least {Short(values.Min())}, most {Short(values.Max())}, "
            + $"at the end {Short(values[^1])}";
    }));

    private static string Short(double value) => !double.IsFinite(value) ? "-"
        : Math.Abs(value) >= 10_000 ? (value / 1000).ToString("0.#", CultureInfo.InvariantCulture) + "k"
        : value.ToString(Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 1 ? "0.#" : "0.###",
            CultureInfo.InvariantCulture);
}
