using Holdfast.Sim.Runs;

namespace Holdfast.Tests.Sim.Runs;

/// <summary>Each kind of fault, from 20 s to 40 s of a minute, at one of two sites that share 100 requests/s.</summary>
public class FaultKindTests
{
    [Fact]
    public void Slow_makes_answers_take_longer_for_its_time()
    {
        var run = Run(""" "kind": "slow", "where": "s-na", "factor": 4 """, rate: 40);
        Assert.InRange(P50(run, 25, 40) / P50(run, 5, 20), 1.3, 4.5);
        Assert.InRange(P50(run, 45, 60) / P50(run, 5, 20), 0.8, 1.25);
        Assert.InRange(run.World.Sites[0].Capacity[30], 49.9, 50.1);
        Assert.Equal(200, run.World.Sites[0].Capacity[50], 6);
    }

    [Fact]
    public void Error_fails_its_share_and_no_other_site()
    {
        var run = Run(""" "kind": "error", "where": "s-na", "share": 0.4 """);
        Assert.InRange(During(run, 0, s => s.Failed) / (double)During(run, 0, s => s.Placed), 0.3, 0.5);
        Assert.Equal(0, During(run, 1, s => s.Failed));
        Assert.Equal(0, Sum(run.Sites[0].Failed, 0, 20) + Sum(run.Sites[0].Failed, 41, 60));
    }

    [Fact]
    public void Error_of_one_operation_spares_the_others()
    {
        var run = Run(""" "kind": "error", "where": "s-na", "operation": "write" """);
        Assert.Equal(0, During(run, 0, s => s.Failed));
    }

    [Fact]
    public void Error_at_some_targets_hits_their_share_of_the_traffic()
    {
        var run = Run(""" "kind": "error", "where": "s-na", "targets": 0.25 """);
        Assert.Single(run.Faults[0].Servers);
        Assert.InRange(During(run, 0, s => s.Failed) / (double)During(run, 0, s => s.Placed), 0.2, 0.3);
    }

    [Fact]
    public void A_black_hole_answers_nothing_until_the_edge_gives_up()
    {
        var run = Run(""" "kind": "blackHole", "where": "s-na" """, service: """, "attemptTimeout": "3s" """);
        Assert.Equal(0, Sum(run.Sites[0].Succeeded, 21, 40));
        Assert.Equal(0, Sum(run.Sites[0].Failed, 20, 22));
        Assert.True(Sum(run.Sites[0].Failed, 23, 43) > 700);
    }

    [Fact]
    public void What_is_accepted_and_lost_looks_served_to_the_edge_and_is_not()
    {
        var run = Run(""" "kind": "acceptAndLose", "where": "s-na" """);
        Assert.True(During(run, 0, s => s.Succeeded) > 800);
        Assert.InRange(run.Totals.Lost, 900, 1150);
        Assert.Equal(0, run.Totals.Failed);
    }

    [Fact]
    public void Capacity_loss_shows_no_error_only_less_work()
    {
        var run = Run(""" "kind": "capacity", "where": "s-na", "factor": 0.25 """, rate: 240);
        Assert.InRange(Sum(run.Sites[0].Done, 22, 40) / 18.0, 44, 55);
        Assert.Equal(50, run.World.Sites[0].Capacity[30], 6);
    }

    [Fact]
    public void Down_refuses_at_once_and_resets_what_was_under_way()
    {
        var run = Run(""" "kind": "down", "where": "s-na" """);
        Assert.Equal(0, Sum(run.Sites[0].Done, 21, 40));
        Assert.Equal(Sum(run.Sites[0].Placed, 21, 39), Sum(run.Sites[0].Failed, 21, 39), 10.0);
        Assert.True(Sum(run.Sites[0].Succeeded, 42, 60) > 800);
        Assert.Equal(0, run.World.Sites[0].Capacity[30]);
    }

    [Fact]
    public void A_return_from_down_is_cold()
    {
        var run = Run(""" "kind": "down", "where": "s-na" """,
            targets: """
            { "count": 4, "capacityPerSecond": 100, "concurrency": 8, "coldCache": { "factor": 5, "warmsIn": "15s" } }
            """);
        Assert.True(P99(run, 41, 44) > 2 * P99(run, 5, 20));
        Assert.InRange(run.World.Sites[0].Capacity[41], 80, 200);
        Assert.Equal(400, run.World.Sites[0].Capacity[58], 6);
    }

    [Fact]
    public void A_partition_lets_nothing_through_and_connections_time_out()
    {
        var run = Run(""" "kind": "partition", "where": "na" """, service: """, "connectTimeout": "2s" """);
        Assert.Equal(0, Sum(run.Sites[0].Done, 21, 40));
        Assert.Equal(0, Sum(run.Sites[0].Failed, 20, 22));
        Assert.True(Sum(run.Sites[0].Failed, 22, 42) > 800);
        Assert.True(Sum(run.Sites[1].Done, 21, 40) > 800);
    }

    [Fact]
    public void Loss_delays_by_resending()
    {
        var run = Run(""" "kind": "loss", "where": "edge-1/na", "share": 0.3 """);
        Assert.True(P99(run, 22, 40) > 0.2 + P99(run, 5, 20));
        Assert.Equal(0, run.Totals.Failed);
    }

    [Fact]
    public void A_paused_edge_places_nothing_and_catches_up()
    {
        var run = Run(""" "kind": "pause", "where": "edge-1" """, last: "5s", client: """{ "timeout": "30s" }""");
        Assert.Equal(0, Sum(run.Sites[0].Placed, 21, 24) + Sum(run.Sites[1].Placed, 21, 24));
        Assert.True(Sum(run.Sites[0].Placed, 24, 26) > 200);
        Assert.Equal(0, run.Totals.Failed);
    }

    [Fact]
    public void A_step_of_the_wall_clock_changes_nothing()
    {
        var run = Run(""" "kind": "clockStep", "where": "edge-1", "by": "-1h" """);
        var calm = Run(""" "kind": "clockStep", "where": "edge-1", "by": "0" """);
        Assert.Equal(calm.Events, run.Events);
        Assert.Equal(calm.Totals.Served, run.Totals.Served);
    }

    [Fact]
    public void Cold_caches_slow_down_and_warm_up()
    {
        var run = Run(""" "kind": "coldCache", "where": "s-na", "factor": 6 """, rate: 40);
        Assert.True(P99(run, 21, 24) > 2 * P99(run, 5, 20));
        Assert.InRange(P99(run, 45, 60) / P99(run, 5, 20), 0.7, 1.3);
    }

    [Fact]
    public void A_lost_dependency_fails_its_site_after_the_time_out()
    {
        var run = Run(""" "kind": "dependencyLoss", "where": "s-na", "component": "locator" """,
            components: """
            "components": [ { "name": "locator", "timeout": "500ms",
                "instances": { "count": 2, "capacityPerSecond": 200, "concurrency": 4 } } ],
            """,
            site: """, "dependsOn": "locator" """);
        Assert.Equal(0, Sum(run.Sites[0].Succeeded, 22, 40));
        Assert.True(Sum(run.Sites[1].Succeeded, 22, 40) > 800);
        Assert.True(Sum(run.Sites[0].Succeeded, 45, 60) > 600);
    }

    [Fact]
    public void A_component_that_loses_instances_is_overrun_and_crashes()
    {
        var run = Run(""" "kind": "down", "where": "locator/0" """,
            components: """
            "components": [ { "name": "locator", "timeout": "500ms", "retries": 2,
                "instances": { "count": 2, "capacityPerSecond": 60, "concurrency": 4, "queueMax": 20,
                    "crash": { "after": "2s", "for": "5s" } } } ],
            """,
            site: """, "dependsOn": "locator" """);
        Assert.Contains(run.Crashes, c => c.Component == 0 && c.At > TimeSpan.FromSeconds(21));
        Assert.True(Sum(run.Components[0].Failed, 22, 40) > 500);
        Assert.Equal([0, 1], run.Faults[0].Sites);
    }

    [Fact]
    public void A_fault_comes_again_as_often_as_it_says()
    {
        var run = Run(""" "kind": "error", "where": "s-na", "every": "10s", "until": "55s" """, last: "2s");
        Assert.Equal([20, 30, 40, 50], run.Faults.Select(f => (int)f.From.TotalSeconds));
        Assert.True(Sum(run.Sites[0].Failed, 30, 33) > 50);
        Assert.Equal(0, Sum(run.Sites[0].Failed, 24, 30));
    }

    [Fact]
    public void An_act_by_hand_reaches_every_policy()
    {
        var drained = ScenarioText.Run(ScenarioText.TwoSites(
            """ "acts": [ { "at": "20s", "act": "drain", "where": "s-na", "for": "20s" } ] """));
        Assert.Equal(0, Sum(drained.Sites[0].Placed, 21, 40));
        Assert.True(Sum(drained.Sites[0].Placed, 41, 60) > 800);
    }

    private static RunRecord Run(string fault, int rate = 100, string last = "20s", string service = "",
        string components = "", string site = "", string client = "{}",
        string targets = "{ \"count\": 4, \"capacityPerSecond\": 50, \"concurrency\": 4 }") => ScenarioText.Run($$"""
        {
          "name": "fault", "teaches": "for tests", "duration": "60s", "regions": ["na", "eu"],
          "services": [ { "name": "svc", "kind": "http" {{service}} } ], {{components}}
          "sites": [ { "name": "s-na", "region": "na", "targets": {{targets}} {{site}} },
            { "name": "s-eu", "region": "eu", "targets": {{targets}} {{site}} } ],
          "workloads": [ { "ratePerSecond": {{rate}}, "client": {{client}}, "deadline": "30s" } ],
          "faults": [ { "at": "20s", "for": "{{last}}", {{fault}} } ]
        }
        """);

    private static long During(RunRecord run, int site, Func<SiteSeries, int[]> series) =>
        Sum(series(run.Sites[site]), 21, 40);

    private static long Sum(int[] series, int from, int to) => series[from..to].Sum(v => (long)v);

    private static double P50(RunRecord run, int from, int to) => run.Of(0, 2).LatencyP50[from..to].Average();

    private static double P99(RunRecord run, int from, int to) => run.Of(0, 2).LatencyP99[from..to].Average();
}
