using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;

namespace Holdfast.Tests.Sim.Runs;

public class RunTests
{
    private const string Outage = """
        "healedAt": "40s", "faults": [ { "kind": "down", "at": "10s", "for": "20s", "where": "s-na", "targets": 0.5 },
          { "kind": "error", "at": "15s", "for": "20s", "where": "s-eu", "share": 0.3 } ]
        """;

    [Theory]
    [InlineData("holdfast", "http")]
    [InlineData("holdfast", "mail")]
    [InlineData("round-robin", "http")]
    public void The_same_seed_gives_the_same_bytes(string policy, string kind)
    {
        var text = ScenarioText.TwoSites(Outage, kind, client: """{ "timeout": "2s", "retries": 2 }""");
        Assert.Equal(Bytes(ScenarioText.Run(text, policy, 5)), Bytes(ScenarioText.Run(text, policy, 5)));
    }

    [Fact]
    public void Another_seed_gives_another_run()
    {
        var text = ScenarioText.TwoSites(Outage);
        Assert.NotEqual(Bytes(ScenarioText.Run(text, seed: 5)), Bytes(ScenarioText.Run(text, seed: 6)));
    }

    [Fact]
    public void Arrivals_are_the_same_for_every_policy()
    {
        var text = ScenarioText.TwoSites(Outage);
        var ours = ScenarioText.Run(text, "holdfast");
        var other = ScenarioText.Run(text, "round-robin");
        Assert.Equal(ours.Of(0, 2).Requests, other.Of(0, 2).Requests);
        Assert.Equal(ours.World.Demands.Select(d => d.Arrivals), other.World.Demands.Select(d => d.Arrivals));
    }

    [Theory]
    [InlineData("holdfast", "http")]
    [InlineData("holdfast", "mail")]
    [InlineData("round-robin", "http")]
    [InlineData("round-robin", "mail")]
    public void Every_request_has_exactly_one_end(string policy, string kind)
    {
        var run = ScenarioText.Run(
            ScenarioText.TwoSites(Outage, kind, client: """{ "timeout": "1s", "retries": 3 }"""), policy);
        Assert.True(run.Totals.Requests > 5000);
        Assert.Equal(0, run.Totals.Unaccounted);
        Assert.Equal(run.Totals.Served, run.Services.Sum(s => s.Served.Sum()));
        Assert.Equal(run.Totals.Attempts, run.Sites.Sum(s => s.Placed.Sum()));
    }

    private static byte[] Bytes(RunRecord run)
    {
        using var stream = new MemoryStream();
        RunJson.Write(stream, [run], null, [[]]);
        return stream.ToArray();
    }
}
