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

    [Fact]
    public void On_january_22_mail_and_web_lose_their_locator_together_and_neither_starves_the_other()
    {
        var scenario = Read("january-22");
        var together = ServedShares(scenario);
        // Each as if the other weren't there: what it then has, it keeps within a few hundredths beside the other.
        for (var service = 0; service < scenario.Services.Length; service++)
        {
            var alone = ServedShares(scenario with
            {
                Workloads = [.. scenario.Workloads.Where(w => w.Service == service)],
            });
            var name = scenario.Services[service].Name;
            Assert.True(together[service].All > alone[service].All - 0.05,
                $"{name}: {together[service].All:0.000} beside the other, {alone[service].All:0.000} alone");
            Assert.True(together[service].Top > 0.99, $"{name}: {together[service].Top:0.000} of the most important");
            Assert.True(together[service].All > 0.9, $"{name}: {together[service].All:0.000}");
        }
    }

    /// <summary>Share of each service's requests that were served in time: of all, and of priority 0.</summary>
    private static (double All, double Top)[] ServedShares(Scenario scenario)
    {
        var run = Simulation.Run(scenario, PolicyTable.All[0]);
        return [.. scenario.Services.Select((_, service) => (Of(service, RunRecord.Priorities), Of(service, 1)))];

        double Of(int service, int priorities)
        {
            double asked = 0, served = 0;
            for (var edge = 0; edge < scenario.Edges.Length; edge++)
            {
                for (var priority = 0; priority < priorities; priority++)
                {
                    var index = (edge * scenario.Services.Length + service) * RunRecord.Priorities + priority;
                    asked += run.EdgeRequests[index];
                    served += run.EdgeServed[index];
                }
            }
            return asked > 0 ? served / asked : 1;
        }
    }

    private static Scenario Read(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "scenarios", name + ".json");
        var (scenario, faults) = ScenarioReader.ReadFile(path);
        return scenario ?? throw new InvalidDataException(string.Join('\n', faults));
    }
}
