using System.Globalization;
using System.Reflection;
using System.Text;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Reports;

/// <summary>Runs of one scenario as one page that needs nothing else: no request leaves it.</summary>
/// <remarks>From the top down: who came through, told in words and small curves on one time axis; all policies in one
/// chart each for service, latency and load on the sites; then each policy by itself with its sites, what it held of
/// them and the evidence it gave. Colours are told apart by dashes too; everything can be read without the script.
/// </remarks>
internal sealed partial class HtmlReport
{
    private readonly IReadOnlyList<RunRecord> _runs;
    private readonly OptimumResult? _optimum;
    private readonly IReadOnlyList<IReadOnlyList<string>> _broken;
    private readonly List<RunFigures> _figures;
    private readonly List<PolicyStory> _stories;
    private readonly StringBuilder _html = new();

    private HtmlReport(
        IReadOnlyList<RunRecord> runs, OptimumResult? optimum, IReadOnlyList<IReadOnlyList<string>> broken)
    {
        _runs = runs;
        _optimum = optimum;
        _broken = broken;
        _figures = [.. runs.Select(r => RunFigures.Of(r, optimum))];
        _stories = [.. runs.Select((r, i) => PolicyStory.Of(r, _figures[i]))];
    }

    /// <param name="broken">By run: what should have held and didn't.</param>
    public static string Write(IReadOnlyList<RunRecord> runs, OptimumResult? optimum,
        IReadOnlyList<IReadOnlyList<string>> broken) => new HtmlReport(runs, optimum, broken).Write();

    private string Write()
    {
        var scenario = _runs[0].Scenario;
        _html.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        _html.Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        _html.Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
        _html.Append("style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">");
        _html.Append("<link rel=\"icon\" href=\"data:,\">");
        Add($"<title>{Safe(scenario.Name)} – simulated</title>");
        _html.Append("<style>").Append(Resource("report.css")).Append("</style></head><body><main>\n");
        WriteHead(scenario);
        WriteGlance();
        WriteCompared();
        WriteFaults(scenario);
        WriteFigures();
        for (var i = 0; i < _runs.Count; i++)
            WritePolicy(i);
        WriteFoot();
        _html.Append("</main><script>").Append(Resource("report.js")).Append("</script></body></html>\n");
        return _html.ToString();
    }

    private void WriteHead(Scenario scenario)
    {
        Add($"<header><h1>{Safe(scenario.Name)}</h1>");
        Add($"<p class=\"teaches\">{Safe(scenario.Teaches)}</p>");
        _html.Append("<p class=\"facts\">");
        Fact(Duration.Describe(scenario.Duration), "of virtual time");
        Fact(_runs[0].Totals.Requests.ToString("N0", CultureInfo.InvariantCulture), "requests");
        Fact(scenario.Targets.ToString("N0", CultureInfo.InvariantCulture), "targets");
        Fact(scenario.Sites.Length.ToString(CultureInfo.InvariantCulture), "sites");
        var edges = scenario.Edges.Length;
        Fact(edges.ToString(CultureInfo.InvariantCulture), edges == 1 ? "edge" : "edges");
        Fact(_runs[0].Seed.ToString(CultureInfo.InvariantCulture), "seed");
        _html.Append("</p></header>\n");
    }

    private void Fact(string value, string what) =>
        Add($"<span><b>{value}</b> {what}</span>");

    /// <summary>A row a policy: its fate, what it served, and the curve of it.</summary>
    private void WriteGlance()
    {
        _html.Append("<section><h2>Who came through</h2><p class=\"hint\">Share served in time of what arrived, over ");
        _html.Append("time. Faults are shaded; the thin line is when everything was healed.</p><div class=\"glance\">");
        for (var i = 0; i < _runs.Count; i++)
        {
            var (run, story, figures) = (_runs[i], _stories[i], _figures[i]);
            var css = story.Fate.ToString().ToLowerInvariant();
            Add($"<div class=\"row {css}\"><div class=\"who\">");
            Add($"<a href=\"#policy-{i}\">{Safe(run.Policy)}</a>");
            Add($"<span class=\"fate\">{story.Word}</span></div>");
            Add($"<div class=\"share\"><b>{Percent(figures.ServedShare)}</b>");
            _html.Append("<span>served in time</span></div><div class=\"curve\"><svg viewBox=\"0 0 1000 200\" ");
            _html.Append("preserveAspectRatio=\"none\" aria-hidden=\"true\">");
            TimeChart.WriteShades(_html, run);
            WriteArea(Ratio(run));
            _html.Append("</svg></div>");
            Add($"<p>{Safe(story.Sentence)}.</p></div>\n");
        }
        _html.Append("<div class=\"row axisrow\"><div></div><div></div><div class=\"curve\">");
        TimeChart.WriteTimes(_html, _runs[0]);
        _html.Append("</div></div></div></section>\n");
    }

    private void WriteArea(double[] ratio)
    {
        _html.Append("<path class=\"area\" d=\"M0 200");
        for (var i = 0; i < ratio.Length; i++)
        {
            Add($"L{1000.0 * (i + 0.5) / ratio.Length:0.#} {200 * (1 - ratio[i]):0.#}");
        }
        _html.Append("L1000 200Z\"/>");
    }

    /// <summary>Share served in time by time of arrival, at most 200 points; what arrived too late to tell is as the
    /// one
    /// before.</summary>
    private static double[] Ratio(RunRecord run)
    {
        var served = RunFigures.SumBySteps(run, s => s.ServedOfArrived);
        var offered = RunFigures.SumBySteps(run, s => s.Requests);
        var width = Math.Max((run.Steps + 199) / 200, (int)Math.Ceiling(2 / run.Step.TotalSeconds));
        var ratio = new List<double>();
        for (var i = 0; i < run.Steps; i += width)
        {
            var (got, wanted) = (0.0, 0.0);
            for (var j = i; j < Math.Min(run.Steps, i + width); j++)
            {
                got += served[j];
                wanted += offered[j];
            }
            var isTooLate = i + width >= run.Steps * 0.98;
            ratio.Add(isTooLate && ratio.Count > 0 ? ratio[^1] : wanted > 0 ? Math.Min(1, got / wanted)
                : ratio.Count > 0 ? ratio[^1] : 1);
        }
        return [.. ratio];
    }

    private void WriteCompared()
    {
        _html.Append("<section><h2>Side by side</h2>");
        if (_runs.Count > 1)
            WriteLegend();
        var first = _runs[0];
        var served = new TimeChart(first, "Served in time", "a second, when it was answered");
        served.Add("demand", "arrivals", TimeChart.PerSecond(first, RunFigures.SumBySteps(first, s => s.Requests)));
        if (_optimum is not null)
            served.Add("optimum", "optimum", TimeChart.PerSecond(first, _optimum.Goodput));
        Each((css, run) => served.Add(css, run.Policy,
            TimeChart.PerSecond(run, RunFigures.SumBySteps(run, s => s.Served))));
        served.WriteTo(_html);
        var latency = new TimeChart(first, "Latency", "99th percentile of what was answered, from the first try")
        {
            IsLogarithmic = true, IsTime = true,
        };
        Each((css, run) => latency.Add(css, run.Policy, Worst(run)));
        latency.WriteTo(_html);
        var attempts = new TimeChart(first, "Attempts at sites", "a second, retries counted") { IsLogarithmic = true };
        attempts.Add("demand", "arrivals", TimeChart.PerSecond(first, RunFigures.SumBySteps(first, s => s.Requests)));
        attempts.Add("capacity", "true capacity of all sites",
            Enumerable.Range(0, first.Steps).Select(i => first.World.Sites.Sum(s => s.Capacity[i])));
        Each((css, run) => attempts.Add(css, run.Policy,
            TimeChart.PerSecond(run, RunFigures.SumBySteps(run, s => s.Placed))));
        attempts.WriteTo(_html);
        _html.Append("</section>\n");
    }

    private void Each(Action<string, RunRecord> add)
    {
        // Ours last, so that it lies on top.
        for (var i = _runs.Count - 1; i >= 0; i--)
            add(Line(i), _runs[i]);
    }

    private static string Line(int policy) => "p" + policy % 8;

    private static IEnumerable<double> Worst(RunRecord run) => Enumerable.Range(0, run.Steps).Select(i =>
        run.Services.Select(s => (double)s.LatencyP99[i]).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max());

    private void WriteLegend()
    {
        _html.Append("<fieldset class=\"legend\"><legend>Show</legend>");
        for (var i = 0; i < _runs.Count; i++)
        {
            Add($"<label><input type=\"checkbox\" checked data-line=\"{Line(i)}\">");
            Sample(Line(i));
            Add($"{Safe(_runs[i].Policy)}</label>");
        }
        _html.Append("<span>");
        Sample("demand");
        _html.Append("arrivals</span>");
        if (_optimum is not null)
        {
            _html.Append("<span>");
            Sample("optimum");
            _html.Append("optimum</span>");
        }
        _html.Append("</fieldset>");
    }

    private void Sample(string css)
    {
        _html.Append("<svg class=\"sample\" viewBox=\"0 0 30 10\" aria-hidden=\"true\">");
        Add($"<path class=\"line {css}\" d=\"M0 5H30\"/></svg>");
    }

    private void WriteFaults(Scenario scenario)
    {
        _html.Append("<section><h2>What happened</h2><ol class=\"events\">");
        foreach (var fault in scenario.Faults)
        {
            Happened(fault.At, $"{Words(fault)}, for {Duration.Describe(fault.For)}"
                + (fault.Every > TimeSpan.Zero ? $", again every {Duration.Describe(fault.Every)}" : ""));
        }
        foreach (var act in scenario.Acts)
            Happened(act.At, $"by hand: {FieldReader.Camel(act.Kind.ToString())} {act.WhereText}");
        if (scenario.HealedAt is { } healed)
            Happened(healed, "everything is healed");
        _html.Append("</ol></section>\n");

        void Happened(TimeSpan at, string what) =>
            Add($"<li><time>{TimeChart.Clock(at.TotalSeconds)}</time> {Safe(what)}</li>");
    }

    private static string Words(FaultSpec fault)
    {
        var share = fault.Share < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * fault.Share:0.#} % of ") : "";
        var where = fault.WhereText + (fault.Targets < 1
            ? string.Create(CultureInfo.InvariantCulture, $" ({100 * fault.Targets:0.#} % of its targets)") : "");
        return fault.Kind switch
        {
            FaultKind.Slow => string.Create(CultureInfo.InvariantCulture,
                $"{where}: {share}requests take {fault.Factor:0.##} times as long"),
            FaultKind.Error => $"{where}: {share}requests answered {fault.Text}",
            FaultKind.BlackHole => $"{where}: {share}requests accepted and never answered",
            FaultKind.AcceptAndLose => $"{where}: {share}requests answered with success and not done",
            FaultKind.Capacity => string.Create(CultureInfo.InvariantCulture,
                $"{where}: {100 * fault.Factor:0.#} % of the workers left"),
            FaultKind.Down => $"{where}: down",
            FaultKind.Partition => $"network cut: {where}",
            FaultKind.Loss => $"network {where}: {share}messages lost and sent again",
            FaultKind.Pause => $"{where} stands still",
            FaultKind.ClockStep => $"wall clock of {where} steps by {fault.By}",
            FaultKind.ColdCache => string.Create(CultureInfo.InvariantCulture,
                $"{where}: caches cold, {fault.Factor:0.##} times as slow at first"),
            _ => $"{where} can't reach a component that it needs",
        };
    }

    private void WriteFoot()
    {
        _html.Append("<footer><p>");
        _html.Append(_optimum is null ? "Optimum: absent; the solver is not part of this build."
            : "Optimum: " + Safe(_optimum.Note));
        _html.Append(" Simulated by holdfast: the engine in it is the one that moves real traffic; the same ");
        _html.Append("scenario, seed and policy give the same figures everywhere.</p></footer>");
    }

    private void Add(FormattableString text) => _html.Append(FormattableString.Invariant(text));

    private static string Safe(string text) => HtmlText.Encode(text);

    private static string Percent(double share) => PolicyStory.Percent(share);

    private static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
