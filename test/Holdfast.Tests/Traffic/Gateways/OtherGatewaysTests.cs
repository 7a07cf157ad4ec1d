using CsCheck;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Gateways;

public class OtherGatewaysTests
{
    private static readonly Topology s_topology = Topology.FromOptions(WebFixture.Topo(100, 2));

    private static GatewayReport Report(int gateway, long number, double placed, double limit = 8) => new(gateway,
        number, [10], [new SiteReport(WebFixture.Eu, placed, false, 0, 50, 5, 2)],
        [new TargetReport(new TargetId(2), limit)]);

    private static OtherGateways Heard(double now, params GatewayReport[] reports)
    {
        var others = new OtherGateways();
        foreach (var report in reports)
            others.Hear(report, now);
        others.Sum(s_topology, now);
        return others;
    }

    [Fact]
    public void What_several_told_adds_up()
    {
        var others = Heard(1, Report(0, 1, 20), Report(3, 1, 5));
        Assert.Equal(2, others.Count);
        Assert.Equal(25, others[WebFixture.Eu].PlacedPerSecond);
        Assert.Equal(100, others[WebFixture.Eu].Outcomes);
        Assert.Equal(16, others[new TargetId(2)].Limit);
        Assert.Equal(20, others[new TargetId(2)].Demand);
        Assert.Equal(double.PositiveInfinity, others[WebFixture.Na].CanaryPassedAgo);
    }

    [Theory]
    [InlineData(2.9, true)]
    [InlineData(3.1, false)]
    public void A_report_holds_for_three_seconds(double age, bool holds)
    {
        var others = Heard(1, Report(0, 1, 20));
        others.Sum(s_topology, 1 + age);
        Assert.Equal(holds, others.AreHeard);
        Assert.Equal(holds ? 20 : 0, others[WebFixture.Eu].PlacedPerSecond);
    }

    [Fact]
    public void An_older_report_that_comes_late_changes_nothing_and_a_gateway_begun_anew_is_heard_again()
    {
        var others = Heard(1, Report(0, 5, 20), Report(0, 4, 90));
        Assert.Equal(20, others[WebFixture.Eu].PlacedPerSecond);
        others.Hear(Report(0, 1, 7), 5);
        others.Sum(s_topology, 5);
        Assert.Equal(7, others[WebFixture.Eu].PlacedPerSecond);
    }

    [Theory]
    [InlineData(-1, false)]
    [InlineData(0, true)]
    [InlineData(OtherGateways.GatewaysMax - 1, true)]
    [InlineData(OtherGateways.GatewaysMax, false)]
    public void Only_so_many_gateways_are_kept(int gateway, bool isHeard) =>
        Assert.Equal(isHeard, Heard(1, Report(gateway, 1, 20)).AreHeard);

    [Fact]
    public void Whatever_is_told_the_sums_are_sound()
    {
        var any = Gen.OneOf(Gen.Double, Gen.Const(double.NaN), Gen.Const(double.NegativeInfinity),
            Gen.Const(double.PositiveInfinity), Gen.Const(-1.0), Gen.Const(1e300));
        var site = Gen.Select(Gen.Int[-3, 6], any, Gen.Bool, any, any, any, any, (id, a, isShort, b, c, d, e) =>
            new SiteReport(new SiteId(id), a, isShort, b, c, d, e));
        var target = Gen.Select(Gen.Int[-3, 9], any, (id, limit) => new TargetReport(new TargetId(id), limit));
        Gen.Select(Gen.Int, any.Array[0, 3], site.Array[0, 5], target.Array[0, 5]).Sample((gateway, demand, sites, targets) =>
        {
            var others = Heard(1, new GatewayReport(gateway, 1, demand, sites, targets), Report(0, 1, 20));
            for (var i = 0; i < others.Sites; i++)
            {
                var sum = others[new SiteId(i)];
                Assert.True(double.IsFinite(sum.PlacedPerSecond + sum.DemandOfShort + sum.Capacity + sum.Outcomes));
                Assert.True(sum.PlacedPerSecond >= 0 && sum.DemandOfShort >= 0 && sum.CanaryPassedAgo >= 0);
                Assert.InRange(sum.Failures, 0, sum.Outcomes);
            }
            for (var i = 0; i < others.Targets; i++)
                Assert.True(double.IsFinite(others[new TargetId(i)].Limit + others[new TargetId(i)].Demand));
        });
    }
}
