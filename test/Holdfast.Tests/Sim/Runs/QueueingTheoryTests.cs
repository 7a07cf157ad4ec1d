using Holdfast.Sim.Runs;

namespace Holdfast.Tests.Sim.Runs;

public class QueueingTheoryTests
{
    [Theory]
    [InlineData(1, 0.5)]
    [InlineData(1, 0.8)]
    [InlineData(4, 0.8)]
    [InlineData(16, 0.9)]
    public void Waiting_at_exponential_servers_is_what_Erlang_says(int workers, double use)
    {
        const double Mean = 0.1;
        var rate = use * workers / Mean;
        var run = Run(workers, rate);
        var waited = run.Totals.LatencySeconds / run.Totals.Served - Mean;
        var expected = ErlangC(workers, rate * Mean) / (workers / Mean - rate);
        Assert.InRange(waited, 0.92 * expected, 1.08 * expected);
    }

    [Fact]
    public void What_is_there_is_arrivals_times_their_stay()
    {
        var run = Run(4, 32);
        var site = run.Sites[0];
        var present = site.Queued.Zip(site.InService, (a, b) => a + b).Average();
        var seconds = run.Scenario.Duration.TotalSeconds;
        var expected = run.Totals.Served / seconds * (run.Totals.LatencySeconds / run.Totals.Served);
        Assert.InRange(present, 0.95 * expected, 1.05 * expected);
    }

    [Fact]
    public void A_full_house_serves_its_capacity_and_no_more()
    {
        var run = Run(4, 60);
        var served = run.Sites[0].Done.Skip(100).Average();
        Assert.InRange(served, 38.8, 41.2);
        Assert.All(run.Sites[0].TrueCapacity, c => Assert.Equal(40, c, 9));
    }

    private static RunRecord Run(int workers, double rate) => ScenarioText.Run(FormattableString.Invariant($$"""
        {
          "name": "queue", "teaches": "theory", "duration": "3h", "step": "1s", "regions": ["r"],
          "services": [ { "name": "s", "kind": "http", "attemptTimeout": "1h" } ],
          "sites": [ { "name": "site", "region": "r", "concurrencyMax": 10000, "targets": { "concurrency": {{workers}},
            "serviceTime": { "mean": "100ms", "exponential": true }, "queueMax": 1000000 } } ],
          "network": { "delay": "0", "jitter": "0" }, "canaries": { "enabled": false },
          "workloads": [ { "ratePerSecond": {{rate}}, "deadline": "1h", "client": { "timeout": "1h" } } ]
        }
        """));

    /// <summary>Share of arrivals that wait, by the recursion of Erlang's B.</summary>
    private static double ErlangC(int workers, double load)
    {
        var blocked = 1.0;
        for (var n = 1; n <= workers; n++)
            blocked = load * blocked / (n + load * blocked);
        return blocked / (1 - load / workers * (1 - blocked));
    }
}
