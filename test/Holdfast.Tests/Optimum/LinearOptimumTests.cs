using System.Collections.Immutable;
using Holdfast.Optimum;
using Holdfast.Sim.Runs;

namespace Holdfast.Tests.Optimum;

public class LinearOptimumTests
{
    [Fact]
    public void What_two_sites_can_do_together_bounds_the_service()
    {
        var world = World(20, [Site(0, 6), Site(0, 3)], [Demand(0, 10)]);
        var result = new LinearOptimum().Solve(world);
        Assert.Equal(180, result.Total, 1e-3);
        Assert.All(result.Goodput, g => Assert.Equal(9, g, 1e-3));
    }

    [Fact]
    public void A_site_that_half_of_the_edges_reach_serves_their_requests_only()
    {
        var half = Site(0, 100) with { Reachable = Full(20, 0.5) };
        Assert.Equal(100, new LinearOptimum().Solve(World(20, [half], [Demand(0, 10)])).Total, 1e-3);
    }

    [Fact]
    public void One_operation_that_fails_on_a_site_is_served_by_the_other()
    {
        var shares = new double[]?[8];
        shares[2] = Full(20, 0);
        var broken = Site(0, 100) with { SuccessShare = shares };
        var result = new LinearOptimum().Solve(World(20, [broken, Site(0, 4)], [Demand(0, 10), Demand(0, 10, operation: 2)]));
        Assert.Equal(20 * 10 + 20 * 4, result.Total, 1e-3);
    }

    [Fact]
    public void A_component_bounds_the_services_that_share_it()
    {
        var world = World(20, [Site(0, 50) with { DependsOn = [0] }, Site(1, 50) with { DependsOn = [0] }],
            [Demand(0, 10, priority: 1), Demand(1, 10, priority: 0)], new WorldComponent("locator", Full(20, 12)));
        var result = new LinearOptimum().Solve(world);
        Assert.Equal(240, result.Total, 1e-3);
        Assert.Equal(200, result.ByService[1].Sum(), 1e-3);
    }

    [Fact]
    public void A_long_run_is_gathered_into_buckets_and_spread_again()
    {
        var result = new LinearOptimum().Solve(World(1000, [Site(0, 5, 1000)], [Demand(0, 8, steps: 1000)]));
        Assert.Equal(1000, result.Goodput.Length);
        Assert.Equal(5000, result.Total, 1);
        Assert.Contains("buckets of 5 s", result.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Waiting_mail_has_a_time_by_which_it_can_be_gone()
    {
        var world = World(60, [Site(0, 10, 60)], [Demand(0, 5, steps: 60, deadline: 3600) with { Backlog = 100 }]);
        Assert.Equal(20, new LinearOptimum().Solve(world).DrainedAt!.Value.TotalSeconds, 1e-6);
    }

    private static TrueWorld World(int steps, WorldSite[] sites, WorldDemand[] demands, params WorldComponent[] components) =>
        new()
        {
            Step = TimeSpan.FromSeconds(1), Steps = steps, Sites = [.. sites.Select((s, i) => s with { Name = $"site {i}" })],
            Demands = [.. demands], Components = [.. components],
        };

    private static WorldSite Site(int service, double capacity, int steps = 20) =>
        new("", service, "na", Full(steps, capacity), Full(steps, 1), []) { BaseLatency = 0 };

    private static WorldDemand Demand(int service, double rate, int priority = 2, int operation = 1, int steps = 20,
        double deadline = 0.01) =>
        new("work", service, operation, priority, Full(steps, rate), 0, deadline, false);

    private static double[] Full(int steps, double value)
    {
        var row = new double[steps];
        Array.Fill(row, value);
        return row;
    }
}
