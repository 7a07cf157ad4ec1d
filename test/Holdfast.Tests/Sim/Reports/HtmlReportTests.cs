using System.Text.RegularExpressions;
using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;
using Holdfast.Tests.Sim.Runs;

namespace Holdfast.Tests.Sim.Reports;

public class HtmlReportTests
{
    private static readonly RunRecord[] Runs = [Run("holdfast"), Run("no-manager")];

    [Fact]
    public void The_page_asks_for_nothing_from_outside()
    {
        var html = HtmlReport.Write(Runs, null, [[], []]);
        Assert.DoesNotMatch(new Regex(@"(src|href)=""(?!#|data:,)"), html);
        Assert.DoesNotContain("url(", html, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", html, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_policy_has_its_line_and_its_story()
    {
        var html = HtmlReport.Write(Runs, null, [[], ["it broke"]]);
        Assert.Contains("no-manager", html, StringComparison.Ordinal);
        Assert.Contains("class=\"line p1\"", html, StringComparison.Ordinal);
        Assert.Contains("<li>it broke</li>", html, StringComparison.Ordinal);
        Assert.Contains("Optimum: absent", html, StringComparison.Ordinal);
        Assert.Equal(Fate.StayedDown, PolicyStory.Of(Runs[1], RunFigures.Of(Runs[1], null)).Fate);
    }

    [Fact]
    public void The_optimum_is_a_line_when_there_is_one()
    {
        var best = new OptimumResult([.. Enumerable.Repeat(100.0, 60)], [], 6000, null, "made up");
        var html = HtmlReport.Write(Runs, best, [[], []]);
        Assert.Contains("class=\"line optimum\"", html, StringComparison.Ordinal);
        Assert.Contains("Optimum: made up", html, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_scenario_names_is_text_and_never_markup()
    {
        var run = ScenarioText.Run(ScenarioText.TwoSites("""
            "faults": [ { "kind": "error", "at": "5s", "for": "50s", "where": "s-na", "text": "500 <script>alert(1)</script>" } ]
            """), "holdfast");
        Assert.NotEmpty(run.Verdicts);
        Assert.DoesNotContain("<script>alert", HtmlReport.Write([run], null, [["<b>bad</b>"]]), StringComparison.Ordinal);
        Assert.DoesNotContain("<b>bad", HtmlReport.Write([run], null, [["<b>bad</b>"]]), StringComparison.Ordinal);
    }

    [Fact]
    public void Holds_that_are_broken_are_told_with_their_figures()
    {
        var run = ScenarioText.Run(ScenarioText.TwoSites("""
            "faults": [ { "kind": "down", "at": "10s", "for": "30s", "where": ["s-na", "s-eu"] } ],
            "holds": { "servedMin": 0.9, "attemptsMax": 1.0, "detectWithin": "2s", "healthyClosedMax": 0 }
            """), "no-manager");
        var broken = BrokenHolds.Find(run, null);
        Assert.Contains(broken, b => b.StartsWith("served in time: ", StringComparison.Ordinal)
            && b.EndsWith("at least 90 %", StringComparison.Ordinal));
        Assert.Contains(broken, b => b.Contains("no verdict named it within 2s", StringComparison.Ordinal));
        var calm = ScenarioText.Run(ScenarioText.TwoSites(""" "holds": { "servedMin": 0.9, "overloadMax": 1 } """));
        Assert.Empty(BrokenHolds.Find(calm, null));
    }

    private static RunRecord Run(string policy) => ScenarioText.Run(ScenarioText.TwoSites("""
        "healedAt": "30s", "faults": [ { "kind": "blackHole", "at": "10s", "where": "s-na" } ]
        """, duration: "120s", client: """{ "timeout": "2s", "retries": 5, "backoff": "100ms" }""",
        rate: 180, workload: """, "deadline": "3s" """), policy);
}
