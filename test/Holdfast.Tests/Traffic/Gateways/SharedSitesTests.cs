using Holdfast.Sim.Sweeps;
using Holdfast.Traffic;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Gateways;

/// <summary>Several gateways before the same sites.</summary>
public class SharedSitesTests
{
    private static void Hear(WebFixture f, SiteReport told, long number) =>
        f.Board.Hear(new GatewayReport(1, number, [0], [told], []), f.Now);

    /// <summary>Serves from eu, na being down, and hears the same of another gateway each second.</summary>
    /// <returns>What eu was given in the last of the seconds.</returns>
    private static int StandIn(WebFixture f, int seconds, SiteReport? told)
    {
        var placed = 0;
        for (var second = 0; second < seconds; second++)
        {
            if (told is { } report)
                Hear(f, report, (long)f.Seconds);
            placed = 0;
            f.Serve(90, 1, p =>
            {
                placed += p.Site == WebFixture.Eu ? 1 : 0;
                return p.Site == WebFixture.Na;
            });
        }
        return placed;
    }

    [Fact]
    public void What_another_gateway_sends_to_a_site_is_left_to_it()
    {
        var f = new WebFixture(capacity: 100);
        f.Serve(50, 3);
        Assert.InRange(StandIn(f, 30, new SiteReport(WebFixture.Eu, 70, false, 0, 0, 0, double.PositiveInfinity)), 20, 35);
        Assert.InRange(StandIn(f, 30, null), 80, 95);
    }

    [Fact]
    public void Gateways_that_are_short_of_a_site_divide_it()
    {
        var f = new WebFixture(capacity: 100);
        f.Serve(50, 3);
        Assert.InRange(StandIn(f, 30, new SiteReport(WebFixture.Eu, 70, true, 0, 0, 0, double.PositiveInfinity)), 42, 56);
    }

    [Fact]
    public void Several_that_do_not_hear_each_other_begin_away_with_even_parts_and_explore()
    {
        var f = new WebFixture(capacity: 100, options: new TrafficOptions { Gateways = 4 });
        f.Serve(50, 3);
        Assert.InRange(StandIn(f, 10, null), 15, 45);
        Assert.InRange(StandIn(f, 60, null), 80, 95);
    }

    [Fact]
    public void What_others_reach_is_not_cut_off_for_bad_luck_but_for_more_of_it()
    {
        var f = new WebFixture(targets: 1);
        f.Serve(20, 10);
        Hear(f, new SiteReport(WebFixture.Na, 20, false, 0, 60, 25, double.PositiveInfinity), 1);
        f.Advance(1);
        f.Serve(100, 0.06, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Degraded, f.StateOf(WebFixture.Na));
        f.Serve(200, 2, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    public void What_fails_while_others_do_well_or_as_badly_is_closed_as_before(double failures)
    {
        var f = new WebFixture(targets: 1);
        f.Serve(20, 10);
        Hear(f, new SiteReport(WebFixture.Na, 20, false, 0, 60, failures, double.PositiveInfinity), 1);
        f.Advance(1);
        f.Serve(100, 0.06, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Theory]
    [InlineData(2, VerdictState.Healthy)]
    [InlineData(20, VerdictState.Closed)]
    public void Canaries_that_pass_elsewhere_pass(double ago, VerdictState then)
    {
        var f = new WebFixture();
        f.Serve(50, 10);
        for (var i = 0; i < 3; i++)
        {
            Hear(f, new SiteReport(WebFixture.Na, 20, false, 0, 0, 0, ago), i + 1);
            f.Advance(1.1);
            f.Board.ReportCanary(WebFixture.Na, false, TimeSpan.FromSeconds(1), f.Now);
        }
        Assert.Equal(then, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void What_others_held_open_all_the_time_comes_back_at_half_its_share()
    {
        var f = new WebFixture(targets: 1);
        f.Serve(50, 10);
        f.Serve(100, 0.2, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        Hear(f, new SiteReport(WebFixture.Na, 20, false, 0, 60, 1, double.PositiveInfinity), 1);
        f.Serve(100, 1.8);
        Assert.Equal(VerdictState.Recovering, f.StateOf(WebFixture.Na));
        Assert.True(f.Site(WebFixture.Na).HeadroomPerSecond > 400);
    }

    [Fact]
    public void Limits_that_bind_come_together_while_their_sum_stays()
    {
        var (small, large) = (new ConcurrencyLimit(8, 100), new ConcurrencyLimit(80, 100));
        for (var i = 0; i < 10; i++)
        {
            var fair = (small.Exact + large.Exact) / 2;
            small.Approach(small.Exact + 0.5 * (fair - small.Exact));
            large.Approach(large.Exact + 0.5 * (fair - large.Exact));
        }
        Assert.InRange(small.Exact, 43.8, 44.2);
        Assert.InRange(large.Exact, 43.8, 44.2);
    }

    [Fact]
    public void A_report_tells_what_was_sent_and_how_it_went()
    {
        var f = new WebFixture(targets: 1);
        f.Serve(20, 10, p => f.Seconds < 2);
        var told = f.Board.Tell(3, f.Now);
        Assert.Equal(3, told.Gateway);
        Assert.True(f.Board.Tell(3, f.Now).Number > told.Number);
        var na = Assert.Single(told.Sites, s => s.Site == WebFixture.Na);
        Assert.InRange(na.PlacedPerSecond, 10, 30);
        Assert.False(na.IsShort);
    }

    /// <summary>Seeds of the sweep in which edges that knew nothing of each other were unfair or shifted too much.
    /// </summary>
    [Theory]
    [InlineData(92, "fairness")]
    [InlineData(383, "fairness")]
    [InlineData(399, "fairness")]
    [InlineData(29, "shift")]
    [InlineData(345, "shift")]
    [InlineData(1704, "shift")]
    public void Edges_that_tell_each_other_share_what_alone_they_did_not(ulong seed, string invariant) =>
        Assert.DoesNotContain(ScenarioSweep.Run(seed, null), b => b.Checker == invariant);
}
