using Holdfast.Optimum;
using Holdfast.Sim.Checkers;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Tests.Sim.Scenarios;

/// <summary>Scenarios in which our engine breaks no invariant and holds what the scenario demands; the whole suite is
/// <c>bench/run suite</c>. One that holds is added here, so that it goes on holding.</summary>
public class HeldScenariosTests
{
    [Theory]
    [InlineData("black-hole")]
    [InlineData("black-hole-site")]
    [InlineData("grey-30")]
    [InlineData("grey-50")]
    [InlineData("fast-failing-attracts")]
    [InlineData("slow-target")]
    [InlineData("one-operation-broken")]
    [InlineData("mail-site-dark")]
    [InlineData("one-full-mailbox")]
    [InlineData("clock-steps")]
    [InlineData("partition-between-edges")]
    [InlineData("low-traffic")]
    public void Our_engine_breaks_no_invariant_and_holds_what_is_demanded(string name)
    {
        var run = Simulation.Run(Read(name), PolicyTable.All[0]);
        var breaches = RunCheckers.Check(run, new LinearOptimum().Solve(run.World));
        Assert.True(breaches.Count == 0, string.Join('\n', breaches) + $"\nreplay: bench/run suite --only {name}");
    }

    [Theory]
    [InlineData("no-manager")]
    [InlineData("haproxy")]
    [InlineData("nginx")]
    [InlineData("envoy")]
    public void January_22_is_borne_better_than(string baseline)
    {
        var scenario = Read("january-22");
        var served = Simulation.Run(scenario, PolicyTable.All[0]).Totals.Served;
        var theirs = Simulation.Run(scenario, PolicyTable.Find(baseline)!).Totals.Served;
        Assert.True(served > theirs, $"{baseline} served {theirs}, we {served}");
    }

    private static Scenario Read(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "scenarios", name + ".json");
        var (scenario, faults) = ScenarioReader.ReadFile(path);
        return scenario ?? throw new InvalidDataException(string.Join('\n', faults));
    }
}
