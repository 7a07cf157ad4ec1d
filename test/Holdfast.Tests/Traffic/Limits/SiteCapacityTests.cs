using Holdfast.Traffic;
using Holdfast.Traffic.Limits;

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
}
