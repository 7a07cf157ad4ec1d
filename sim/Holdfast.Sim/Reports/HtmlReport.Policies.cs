using System.Globalization;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Reports;

/// <summary>Each policy by itself: figures, its sites, what it held of them and why.</summary>
internal sealed partial class HtmlReport
{
    private const int SitesMax = 12;
    private const int VerdictsMax = 200;

    private void WriteFigures()
    {
        string[] heads =
        [
            "Policy", "Served in time", "Top priority", "Worst minute", "At the end", "Late", "Failed", "Refused",
            "Lost", "Attempts a request", "Peak use", "Regret", "Whole after healing", "Crashes", "Healthy closed",
        ];
        _html.Append("<section><h2>Figures</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
        foreach (var head in heads)
            Add($"<th scope=\"col\">{head}</th>");
        _html.Append("</tr></thead><tbody>");
        for (var i = 0; i < _runs.Count; i++)
        {
            var (figures, totals) = (_figures[i], _runs[i].Totals);
            string[] cells =
            [
                Percent(figures.ServedShare), Percent(figures.ServedTopShare), Percent(figures.WorstMinuteShare),
                Percent(figures.ServedAtEndShare), Of(totals.Late), Of(totals.Failed), Of(totals.Shed), Of(totals.Lost),
                figures.AttemptsPerRequest.ToString("0.00", CultureInfo.InvariantCulture), Percent(figures.PeakUse),
                figures.Regret is { } regret ? Percent(regret) : "–",
                figures.ConvergedAfter is { } after ? Duration.Describe(after)
                    : _runs[i].Scenario.HealedAt is null ? "–" : "never",
                figures.Crashes.ToString(CultureInfo.InvariantCulture),
                figures.HealthyClosed.ToString(CultureInfo.InvariantCulture),
            ];
            Add($"<tr><th scope=\"row\">{Safe(_runs[i].Policy)}</th>");
            foreach (var cell in cells)
                Add($"<td>{cell}</td>");
            _html.Append("</tr>");

            string Of(long part) => Percent(part / (double)Math.Max(1, totals.Requests));
        }
        _html.Append("</tbody></table></div></section>\n");
    }

    private void WritePolicy(int index)
    {
        var run = _runs[index];
        Add($"<details class=\"policy\" id=\"policy-{index}\"");
        _html.Append(index == 0 ? " open>" : ">");
        Add($"<summary><h2>{Safe(run.Policy)}</h2>");
        Add($" <span>{Safe(_stories[index].Sentence)}</span></summary>");
        if (_broken[index].Count > 0)
        {
            _html.Append("<div class=\"broken\"><h3>What should have held</h3><ul>");
            foreach (var sentence in _broken[index])
                Add($"<li>{Safe(sentence)}</li>");
            _html.Append("</ul></div>");
        }
        WriteEnds(run);
        WriteSites(run);
        WriteComponents(run);
        WriteVerdicts(run);
        _html.Append("</details>\n");
    }

    private void WriteEnds(RunRecord run)
    {
        for (var service = 0; service < run.Scenario.Services.Length; service++)
        {
            var of = Enumerable.Range(0, RunRecord.Priorities).Select(p => run.Of(service, p)).ToList();
            var name = run.Scenario.Services[service].Name;
            new TimeChart(run, name, "a second: what clients sent, and what became of it")
                .Add("demand", "sent by clients", Sum(of, s => s.Offered))
                .Add("good", "served in time", Sum(of, s => s.Served))
                .Add("warn", "refused on purpose", Sum(of, s => s.Shed))
                .Add("bad", "failed or late", Sum(of, s => s.Failed).Zip(Sum(of, s => s.Late), (a, b) => a + b))
                .WriteTo(_html);
            Key("demand", "sent by clients", "good", "served in time", "warn", "refused on purpose", "bad",
                "failed or late");
            var waiting = Enumerable.Range(0, run.Steps).Select(i => (double)of.Sum(s => s.Waiting[i])).ToList();
            if (waiting.Max() >= 20)
            {
                new TimeChart(run, name + ": waiting at the edges", "requests or messages") { IsSmall = true }
                    .Add("demand", "waiting", waiting).WriteTo(_html);
            }
        }

        double[] Sum(List<ServiceSeries> of, Func<ServiceSeries, int[]> series) =>
            [.. Enumerable.Range(0, run.Steps).Select(i => of.Sum(s => series(s)[i]) / run.Step.TotalSeconds)];
    }

    /// <summary>The legend of one chart: class and words by turns.</summary>
    private void Key(params string[] pairs)
    {
        _html.Append("<p class=\"key\">");
        for (var i = 0; i < pairs.Length; i += 2)
        {
            _html.Append("<span>");
            Sample(pairs[i]);
            Add($"{pairs[i + 1]}</span>");
        }
        _html.Append("</p>");
    }

    private void WriteSites(RunRecord run)
    {
        _html.Append("<h3>Sites</h3>");
        Key("demand", "sent there", "good", "answered well", "capacity", "what it can truly do", "limit",
            "limit that the policy keeps");
        _html.Append("<p class=\"key verdicts\">");
        foreach (var verdict in Enum.GetValues<VerdictState>())
            Add($"<span><i class=\"v{(int)verdict}\"></i>{Word(verdict)}</span>");
        _html.Append("</p><div class=\"sites\">");
        var order = Enumerable.Range(0, run.Sites.Length).ToList();
        if (order.Count > SitesMax)
            order = [.. order.OrderByDescending(i => run.Sites[i].Placed.Sum(p => (long)p)).Take(SitesMax).Order()];
        foreach (var i in order)
        {
            var (site, series) = (run.Scenario.Sites[i], run.Sites[i]);
            _html.Append("<div class=\"site\">");
            var chart = new TimeChart(run, site.Name, $"a second, {site.Region}") { IsSmall = true }
                .Add("capacity", "true capacity", series.TrueCapacity);
            if (series.Limit.Any(double.IsFinite))
                chart.Add("limit", "limit", Bounded(series));
            chart.Add("demand", "sent there", TimeChart.PerSecond(run, series.Placed))
                .Add("good", "answered well", TimeChart.PerSecond(run, series.Succeeded)).WriteTo(_html);
            WriteStrip(run, series);
            new TimeChart(run, "Share of its service", "") { IsSmall = true, IsPercent = true, Max = 1 }
                .Add("good", "share", series.Share).WriteTo(_html);
            _html.Append("</div>");
        }
        _html.Append("</div>");
        if (order.Count < run.Sites.Length)
        {
            Add($"<p class=\"hint\">The {order.Count} sites with the most traffic of {run.Sites.Length}.</p>");
        }
    }

    /// <summary>A limit far above everything would press the other lines to the ground.</summary>
    private static IEnumerable<double> Bounded(SiteSeries series)
    {
        var most = 1.5 * Math.Max(series.TrueCapacity.Max(), 1);
        return series.Limit.Select(v => Math.Min(v, most));
    }

    /// <summary>What the policy held of the site, as a band of colours under its chart.</summary>
    private void WriteStrip(RunRecord run, SiteSeries series)
    {
        _html.Append("<div class=\"strip\" role=\"img\" aria-label=\"Verdicts: ");
        var runs = new List<(byte Verdict, int From, int To)>();
        for (var i = 0; i < run.Steps; i++)
        {
            if (runs.Count > 0 && runs[^1].Verdict == series.Verdict[i])
                runs[^1] = runs[^1] with { To = i + 1 };
            else
                runs.Add((series.Verdict[i], i, i + 1));
        }
        _html.AppendJoin(", ", runs.Take(12).Select(r =>
            $"{Word((VerdictState)r.Verdict)} from {TimeChart.Clock(r.From * run.Step.TotalSeconds)}"));
        _html.Append("\">");
        foreach (var (verdict, from, to) in runs.Take(2000))
        {
            var words = $"{Word((VerdictState)verdict)} from {TimeChart.Clock(from * run.Step.TotalSeconds)} to "
                + TimeChart.Clock(to * run.Step.TotalSeconds);
            Add($"<i class=\"v{verdict}\" title=\"{words}\" style=\"left:");
            Add($"{100.0 * from / run.Steps:0.##}%;width:");
            Add($"{100.0 * (to - from) / run.Steps:0.##}%\"></i>");
        }
        _html.Append("</div>");
    }

    private static string Word(VerdictState verdict) => verdict.ToString().ToLowerInvariant();

    private void WriteComponents(RunRecord run)
    {
        if (run.Components.Length == 0)
            return;
        _html.Append("<h3>What the sites depend on</h3><div class=\"sites\">");
        for (var i = 0; i < run.Components.Length; i++)
        {
            var series = run.Components[i];
            _html.Append("<div class=\"site\">");
            new TimeChart(run, run.Scenario.Components[i].Name, "calls a second") { IsSmall = true }
                .Add("capacity", "true capacity", series.TrueCapacity)
                .Add("demand", "asked", TimeChart.PerSecond(run, series.Asked))
                .Add("good", "answered", TimeChart.PerSecond(run, series.Done))
                .Add("bad", "failed", TimeChart.PerSecond(run, series.Failed)).WriteTo(_html);
            _html.Append("</div>");
        }
        _html.Append("</div>");
    }

    private void WriteVerdicts(RunRecord run)
    {
        if (run.Verdicts.Count == 0)
            return;
        Add($"<details><summary>Verdicts and their evidence ({run.Verdicts.Count}");
        _html.Append(run.Verdicts.Count > VerdictsMax ? $", the first {VerdictsMax} shown" : "");
        _html.Append(")</summary><div class=\"scroll\" tabindex=\"0\"><table class=\"log\"><thead><tr>");
        _html.Append("<th scope=\"col\">At</th><th scope=\"col\">Edge</th><th scope=\"col\">Place</th>");
        _html.Append("<th scope=\"col\">Verdict</th><th scope=\"col\">Evidence</th></tr></thead><tbody>");
        foreach (var entry in run.Verdicts.Take(VerdictsMax))
        {
            var place = run.Scenario.Sites[entry.Site].Name
                + (entry.Target >= 0 ? "/" + (entry.Target - First(run, entry.Site)) : "");
            Add($"<tr><td>{TimeChart.Clock(entry.At.TotalSeconds)}</td>");
            Add($"<td>{Safe(run.Scenario.Edges[entry.Edge].Name)}</td>");
            Add($"<td>{Safe(place)}</td>");
            Add($"<td><i class=\"v{(int)entry.To}\"></i>{Word(entry.To)}</td>");
            Add($"<td>{Safe(entry.Evidence)}</td></tr>");
        }
        _html.Append("</tbody></table></div></details>");
    }

    private static int First(RunRecord run, int site)
    {
        var first = 0;
        for (var i = 0; i < site; i++)
            first += run.Scenario.Sites[i].Server.Count;
        return first;
    }
}
