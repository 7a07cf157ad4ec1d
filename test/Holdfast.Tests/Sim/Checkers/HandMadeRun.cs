using System.Collections.Immutable;
using System.Text;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Sim.Checkers;

/// <summary>A run put together by hand, sound until a test breaks it: 100 s of 100 requests a second at web-na.</summary>
internal sealed class HandMadeRun
{
    public const int Steps = 100;
    private readonly Scenario _scenario;

    public HandMadeRun(string more = "", double? healedAt = 50)
    {
        var healed = healedAt is { } at ? FormattableString.Invariant($"\"healedAt\": \"{at}s\",") : "";
        var json = $$"""
            {
              "name": "by hand", "teaches": "nothing", "duration": "{{Steps}}s", {{healed}}
              "regions": ["na", "eu"], "edges": [ { "name": "edge-1" }, { "name": "edge-2" } ],
              "services": [ { "name": "web" } ],
              "components": [ { "name": "locator", "instances": { "count": 2 } } ],
              "sites": [
                { "name": "web-na", "region": "na", "declaredCapacity": 200, "targets": { "count": 2, "capacityPerSecond": 100 } },
                { "name": "web-eu", "region": "eu", "declaredCapacity": 100, "dependsOn": ["locator"],
                  "targets": { "count": 2, "capacityPerSecond": 50 } }
              ],
              "workloads": [ { "ratePerSecond": 100, "deadline": "2s" } ]{{more}}
            }
            """;
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(json), _ => null);
        Assert.True(scenario is not null, string.Join('\n', faults));
        _scenario = scenario;
        Services = [.. Enumerable.Range(0, RunRecord.Priorities).Select(_ => new ServiceSeries(Steps))];
        Sites = [new SiteSeries(Steps), new SiteSeries(Steps)];
        for (var i = 0; i < Steps; i++)
        {
            Services[2].Requests[i] = Services[2].Offered[i] = Services[2].Admitted[i] = 100;
            Services[2].Placed[i] = Services[2].Served[i] = Services[2].ServedOfArrived[i] = 100;
            Sites[0].Placed[i] = Sites[0].Succeeded[i] = 100;
            Sites[0].TrueCapacity[i] = 200;
            Sites[1].TrueCapacity[i] = 100;
        }
        Totals = new RunTotals { Requests = 10_000, Offered = 10_000, Attempts = 10_000, Served = 10_000 };
    }

    public ServiceSeries[] Services { get; }
    public SiteSeries[] Sites { get; }
    public RunTotals Totals { get; }
    public List<VerdictEntry> Verdicts { get; } = [];
    public List<FaultPeriod> Faults { get; } = [];
    public List<CrashEntry> Crashes { get; } = [];
    public long[] EdgeRequests { get; set; } = [];
    public long[] EdgeServed { get; set; } = [];

    public RunRecord Record => new()
    {
        Scenario = _scenario, Policy = "holdfast", Seed = 1, Step = TimeSpan.FromSeconds(1), Steps = Steps,
        Services = Services, Sites = Sites, Components = [], Totals = Totals, Verdicts = Verdicts, Faults = Faults,
        Crashes = Crashes, EdgeRequests = EdgeRequests, EdgeServed = EdgeServed,
        World = new TrueWorld
        {
            Step = TimeSpan.FromSeconds(1), Steps = Steps, Components = [], Demands = [],
            Sites = [.. _scenario.Sites.Select((s, i) => new WorldSite(s.Name, 0, s.Region, Sites[i].TrueCapacity,
                [.. Enumerable.Repeat(1.0, Steps)], s.DependsOn) { BaseLatency = 0.01 })],
        },
    };

    public void Close(double at, int site, int target) => Verdicts.Add(new VerdictEntry(TimeSpan.FromSeconds(at), 0,
        site, target, VerdictState.Healthy, VerdictState.Closed, "by hand"));

    public void AddFault(double from, double to, int[] servers, int[] sites) => Faults.Add(new FaultPeriod(0,
        TimeSpan.FromSeconds(from), TimeSpan.FromSeconds(to), [.. servers], [.. sites]));
}
