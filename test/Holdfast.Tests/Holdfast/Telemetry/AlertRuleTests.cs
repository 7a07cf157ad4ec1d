using System.Text.RegularExpressions;

namespace Holdfast.Tests.Telemetry;

public class AlertRuleTests
{
    private static string Read(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "repository", name));

    private static string[] Rules() => Read("holdfast-alerts.yml").Split("- alert: ")[1..];

    [Fact]
    public void Every_metric_that_a_rule_asks_for_is_in_the_reference()
    {
        // Prometheus' names: dots become underscores; a unit and _total or _bucket follow.
        var known = Regex.Matches(Read("metrics.md"), "`(holdfast(?:\\.[a-z_]+)+)`")
            .Select(m => m.Groups[1].Value.Replace('.', '_')).ToHashSet();
        foreach (var rule in Rules())
        {
            var expression = Regex.Match(rule, @"expr: (.*?)\n        (?:for|labels):", RegexOptions.Singleline).Groups[1].Value;
            // Labels are in braces or after by; what is left are metrics.
            expression = Regex.Replace(expression, @"\{[^}]*\}|by \([^)]*\)", "");
            foreach (Match metric in Regex.Matches(expression, "holdfast_[a-z_]+"))
            {
                var name = Regex.Replace(metric.Value, "(_seconds|_bytes)?(_total|_bucket|_sum|_count)?$", "");
                Assert.True(known.Contains(name), $"{metric.Value} in rule {rule.Split('\n')[0]}");
            }
        }
    }

    [Fact]
    public void Every_rule_has_a_severity_and_an_explanation() => Assert.All(Rules(), rule =>
    {
        Assert.Matches("severity: (page|ticket)", rule);
        Assert.Matches("summary: .{10,}", rule);
        Assert.Matches(@"description: >-\s+\S.{20,}", rule);
    });

    [Fact]
    public void Every_rule_leads_to_a_symptom_in_the_operating_pages() => Assert.All(Rules(),
        rule => Assert.Matches($"\\b{rule.Split('\n')[0].Trim()}\\b", Read("operating.md")));

    [Fact]
    public void Rule_names_are_unique()
    {
        var names = Rules().Select(r => r.Split('\n')[0]).ToList();
        Assert.True(names.Count > 5);
        Assert.Equal(names.Distinct(), names);
    }
}
