using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Targets;
using Holdfast.Traffic;

namespace Holdfast.Tests.Traffic.Limits;

public class SiteCapacityTests
{
    private static double After(SiteCapacity capacity, int seconds)
    {
        for (var second = 1; second <= seconds; second++)
            capacity.EndWindow(capacity.PerSecond, isFlat: true, isNeeded: false, second);
        return capacity.PerSecond;
    }

    [Fact]
    public void Of_an_undeclared_site_away_from_home_each_of_five_gateways_takes_a_fifth()
    {
        var capacity = new SiteCapacity(null, isHome: false, new TrafficOptions { Gateways = 5 });
        Assert.Equal(10, capacity.PerSecond);
        Assert.Equal(20, After(capacity, 10), 0.01);
    }

    [Fact]
    public void Alone_it_takes_it_whole_and_explores_five_more_a_second()
    {
        var capacity = new SiteCapacity(null, isHome: false, new TrafficOptions());
        Assert.Equal(50, capacity.PerSecond);
        Assert.Equal(100, After(capacity, 10), 0.01);
    }

    [Fact]
    public void Home_is_no_shift_and_grows_faster()
    {
        var capacity = new SiteCapacity(null, isHome: true, new TrafficOptions { Gateways = 5 });
        Assert.Equal(50, capacity.PerSecond);
        Assert.True(After(capacity, 10) > 1000);
    }

    [Fact]
    public void Options_for_one_of_many_keep_what_they_say_themselves()
    {
        Assert.Equal(3, new TrafficOptions().For(3).Gateways);
        Assert.Equal(7, new TrafficOptions { Gateways = 7 }.For(3).Gateways);
    }

    [Fact]
    public void A_home_that_nobody_declared_takes_what_cant_wait_at_once_until_it_is_pushed_back_for_the_first_time()
    {
        var f = new WebFixture(declaresNa: false, declaresEu: false);
        int Placed(int perSecond, Func<int, bool>? isTooMuch = null)
        {
            var placed = 0;
            for (var i = 0; i < perSecond; i++)
            {
                if (f.Place() is { MaySend: true } p)
                {
                    placed++;
                    var tooMuch = isTooMuch?.Invoke(i) ?? false;
                    f.Answer(p, !tooMuch, pushBack: tooMuch);
                }
                f.Advance(1.0 / perSecond);
            }
            return placed;
        }
        Assert.Equal(600, Placed(600));
        Assert.Equal(1200, Placed(1200));
        // A tenth pushed back: from now on what was learnt counts.
        Placed(1000, i => i % 10 == 0);
        Placed(1000, i => i % 10 == 0);
        Assert.InRange(Placed(5000), 500, 3000);
    }

    [Fact]
    public void Mail_keeps_to_what_an_undeclared_home_has_shown()
    {
        var f = new WebFixture(declaresNa: false, declaresEu: false);
        var placed = 0;
        for (var i = 0; i < 2000; i++)
        {
            if (f.Board.Place(new PlacementRequest(f.Service, OperationClass.Read, 2, false, TargetId.None), f.Now)
                is { MaySend: true } p)
            {
                placed++;
                f.Answer(p);
            }
            f.Advance(0.0005);
        }
        Assert.True(placed < 1000, $"{placed} in the first second");
    }
}
