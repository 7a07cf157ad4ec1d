using Holdfast.Traffic.Spill;

namespace Holdfast.Tests.Traffic.Spill;

public class SpillTests
{
    [Fact]
    public void A_full_home_keeps_the_most_important_and_sends_the_least_important_away()
    {
        var keep = new KeepShares();
        keep.Plan([10, 20, 40, 20, 0, 10], 80, 0.8, 0.9);
        Assert.Equal(1, keep[0]);
        Assert.Equal(1, keep[1]);
        Assert.InRange(keep[2], 0.84, 0.86);
        Assert.Equal(0, keep[3]);
        Assert.Equal(0, keep[5]);
    }

    [Fact]
    public void Shares_are_dealt_out_evenly()
    {
        var keep = new KeepShares();
        keep.Plan([0, 0, 100, 0, 0, 0], 50, 0.8, 0.9);
        Assert.InRange(Enumerable.Range(0, 1000).Count(_ => keep.Keeps(2)), 399, 401);
    }

    [Fact]
    public void Nothing_leaves_a_healthy_home_below_its_mark()
    {
        var f = new WebFixture(capacity: 100);
        f.Serve(60, 60, p =>
        {
            Assert.Equal(WebFixture.Na, p.Site);
            return false;
        });
    }

    [Fact]
    public void A_lost_homes_traffic_goes_at_once_where_room_is_declared()
    {
        var f = new WebFixture(capacity: 1000);
        f.Serve(700, 5);
        var perSecond = AtEu(f, 700, 3);
        Assert.True(perSecond[1] > 690, string.Join(' ', perSecond));
    }

    [Fact]
    public void Where_the_other_site_shows_overload_its_declaration_is_no_longer_used_at_once()
    {
        var f = new WebFixture(capacity: 1000);
        f.Serve(700, 5);
        var perSecond = AtEu(f, 700, 8, isTooMuch: placed => placed > 300);
        Assert.True(perSecond[1..].Average() < 600, string.Join(' ', perSecond));
        // Nor at the next tick or second, while it is doubted.
        Assert.True(perSecond[^1] < 500, string.Join(' ', perSecond));
    }

    [Fact]
    public void A_lost_homes_traffic_is_shifted_in_steps_where_nothing_is_declared()
    {
        var f = new WebFixture(capacity: 1000, declaresEu: false);
        f.Serve(800, 5);
        var perSecond = AtEu(f, 800, 10);
        for (var i = 1; i < perSecond.Count; i++)
            Assert.True(perSecond[i] - perSecond[i - 1] <= 1000 * 0.1 + 60, string.Join(' ', perSecond));
        Assert.True(perSecond[0] < 300, string.Join(' ', perSecond));
    }

    /// <summary>What a second the other site is given while home refuses everything.</summary>
    private static List<int> AtEu(WebFixture f, int perSecond, int seconds, Func<int, bool>? isTooMuch = null)
    {
        var counts = new List<int>();
        for (var second = 0; second < seconds; second++)
        {
            var placed = 0;
            for (var i = 0; i < perSecond; i++)
            {
                if (f.Place() is { MaySend: true } p)
                {
                    placed += p.Site == WebFixture.Eu ? 1 : 0;
                    var tooMuch = p.Site == WebFixture.Eu && isTooMuch is not null && isTooMuch(placed);
                    f.Answer(p, p.Site == WebFixture.Eu && !tooMuch, pushBack: tooMuch);
                }
                f.Advance(1.0 / perSecond);
            }
            counts.Add(placed);
        }
        return counts;
    }

    [Fact]
    public void No_site_gets_more_than_it_is_declared_to_take_when_it_must_stand_in()
    {
        var f = new WebFixture(capacity: 1000, euCapacity: 300);
        f.Serve(800, 3);
        for (var second = 0; second < 15; second++)
        {
            var placed = 0;
            f.Serve(800, 1, p =>
            {
                placed += p.Site == WebFixture.Eu ? 1 : 0;
                return p.Site == WebFixture.Na;
            });
            Assert.True(placed <= 300 + 16, $"{placed} in second {second}");
        }
    }

    [Fact]
    public void Sites_that_need_the_same_failing_component_get_no_shift_from_each_other()
    {
        var options = WebFixture.Topo(1000, 2, 1000);
        options.Sites = [.. options.Sites, new() { Name = "mail-na", Service = "mail", Region = "na",
            DependsOn = ["locator"], Targets = [new() { Address = "m:1" }] }];
        options.Sites[0].DependsOn = options.Sites[1].DependsOn = ["locator"];
        var f = new WebFixture(1000, 2);
        f.Board.Reload(Holdfast.Traffic.Targets.Topology.FromOptions(options, f.Board.Topology), f.Now);
        f.Serve(100, 5);
        // Home and the mail site fail together.
        var mail = new Holdfast.Traffic.Targets.ServiceId(1);
        var atEu = 0;
        for (var i = 0; i < 2000; i++)
        {
            if (f.Place() is { MaySend: true } p)
            {
                atEu += i > 1000 && p.Site == WebFixture.Eu ? 1 : 0;
                f.Answer(p, p.Site == WebFixture.Eu);
            }
            var m = f.Board.Place(new Holdfast.Traffic.Balance.PlacementRequest(mail,
                Holdfast.Traffic.Balance.OperationClass.Write, 2, false, Holdfast.Traffic.Targets.TargetId.None),
                f.Now);
            if (m.MaySend)
                f.Answer(m, false, Holdfast.Traffic.Balance.OperationClass.Write);
            f.Advance(0.01);
        }
        Assert.InRange(atEu, 1, 40);
        // Whoever looks at any of them is told what they have in common.
        Assert.All(f.Board.Snapshot(f.Now).Sites, site => Assert.Equal(["locator"], site.FailingDependencies));
    }
}
