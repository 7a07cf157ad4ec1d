using System.Text;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Tests.Sim.Runs;

/// <summary>Scenarios written in tests.</summary>
internal static class ScenarioText
{
    public static Scenario Read(string json)
    {
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(json), _ => null);
        Assert.True(scenario is not null, string.Join('\n', faults.Select(f => f.Describe("scenario"))));
        return scenario!;
    }

    public static RunRecord Run(string json, string policy = "round-robin", ulong? seed = null) =>
        Simulation.Run(Read(json), PolicyTable.Find(policy)!, seed);

    /// <summary>One service of the kind at a site in each of two regions, and whatever else is given.</summary>
    public static string TwoSites(string more, string kind = "http", string duration = "60s", int rate = 100,
        string targets = "{ \"count\": 4, \"capacityPerSecond\": 50, \"concurrency\": 4 }", string client = "{}",
        string workload = "") => $$"""
        {
          "name": "two sites", "teaches": "for tests", "duration": "{{duration}}", "regions": ["na", "eu"],
          "services": [ { "name": "svc", "kind": "{{kind}}" } ],
          "sites": [
            { "name": "s-na", "region": "na", "declaredCapacity": 200, "targets": {{targets}} },
            { "name": "s-eu", "region": "eu", "declaredCapacity": 200, "targets": {{targets}} }
          ],
          "workloads": [ { "ratePerSecond": {{rate}}, "client": {{client}} {{workload}} } ],
          {{more}}
        }
        """;
}
