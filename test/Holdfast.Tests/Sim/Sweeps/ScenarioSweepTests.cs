using System.Text.Json.Nodes;
using Holdfast.Optimum;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Sweeps;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Sim.Sweeps;

public class ScenarioSweepTests
{
    [Fact]
    public void Every_seed_draws_a_scenario_that_is_read_and_the_same_one_each_time()
    {
        for (var seed = 1UL; seed <= 300; seed++)
        {
            var drawn = RandomScenario.Draw(seed);
            Assert.Equal(drawn.ToJsonString(), RandomScenario.Draw(seed).ToJsonString());
            var scenario = ScenarioSweep.Read(drawn);
            Assert.NotEmpty(scenario.Faults);
            Assert.True(scenario.Duration - scenario.HealedAt >= TimeSpan.FromSeconds(120));
        }
    }

    [Fact]
    public void Random_scenarios_keep_every_request_accounted_for()
    {
        var failed = new List<string>();
        Parallel.For(1, 201, seed =>
        {
            var breaches = ScenarioSweep.Run((ulong)seed, new LinearOptimum());
            lock (failed)
                failed.AddRange(breaches.Where(b => b.Checker == "conservation").Select(b => $"seed {seed}: {b}"));
        });
        Assert.True(failed.Count == 0, string.Join('\n', failed) + "\nreplay: bench/run sweep --count 1 --seed N --shrink");
    }

    [Fact]
    public void What_fails_is_made_smaller_as_long_as_it_fails()
    {
        var drawn = Enumerable.Range(1, 1000).Select(s => RandomScenario.Draw((ulong)s))
            .First(d => d["faults"]!.AsArray().Count == 3 && d["acts"]!.AsArray().Count == 1 && HasPause(d));
        var smallest = ScenarioSweep.Shrink(drawn, HasPause);
        Assert.Equal("pause", (string?)Assert.Single(smallest["faults"]!.AsArray())!["kind"]);
        Assert.Empty(smallest["acts"]!.AsArray());
        Assert.Null(smallest["sites"]![0]!["targets"]!["slowing"]);

        static bool HasPause(JsonObject scenario) =>
            scenario["faults"]!.AsArray().Any(f => (string?)f!["kind"] == "pause");
    }

    [Fact]
    public void A_detection_trial_tells_how_soon_and_how_often_in_vain()
    {
        var linkerd = new DetectionTrial(PolicyTable.Find("linkerd")!, 4, 10, 3);
        linkerd.RunQuietly(TimeSpan.FromHours(1));
        Assert.Equal(0, linkerd.Closures);
        // Seven in a row: 7/10 s on average.
        Assert.InRange(linkerd.SecondsToSee(0, 1, VerdictState.Closed, TimeSpan.FromMinutes(1))!.Value, 0.1, 5);
        var blind = new DetectionTrial(PolicyTable.Find("round-robin")!, 4, 10, 3);
        Assert.Null(blind.SecondsToSee(0, 1, VerdictState.Suspect, TimeSpan.FromMinutes(1)));
    }
}
