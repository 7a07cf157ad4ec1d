using CsCheck;
using Holdfast.Bench.Web;

namespace Holdfast.Tests.Bench;

public class ArrivalScheduleTests
{
    [Fact]
    public void Requests_are_evenly_spread_and_begin_at_once()
    {
        var schedule = new ArrivalSchedule(200, 3);
        Assert.Equal(600, schedule.Count);
        Assert.Equal(0, schedule.At(0));
        Assert.Equal(0.005, schedule.At(1), 9);
        Assert.Equal(2.995, schedule.At(599), 9);
    }

    [Fact]
    public void What_is_due_does_not_depend_on_what_was_sent()
    {
        var schedule = new ArrivalSchedule(100, 2);
        Assert.Equal(0, schedule.DueBy(-0.001));
        Assert.Equal(1, schedule.DueBy(0));
        Assert.Equal(1, schedule.DueBy(0.0099));
        Assert.Equal(2, schedule.DueBy(0.01));
        Assert.Equal(101, schedule.DueBy(1)); // a second in which nothing was sent
        Assert.Equal(200, schedule.DueBy(60));
    }

    [Fact]
    public void Every_request_is_due_at_its_own_time_and_not_before() =>
        Gen.Select(Gen.Double[0.5, 5000], Gen.Double[0.01, 20], Gen.Double[0, 1]).Sample((rate, seconds, share) =>
        {
            var schedule = new ArrivalSchedule(rate, seconds);
            if (schedule.Count == 0)
                return;
            var request = (int)(share * (schedule.Count - 1));
            Assert.True(schedule.DueBy(schedule.At(request)) >= request + 1);
            Assert.True(schedule.DueBy(schedule.At(request) - (0.01 / rate)) <= request);
            Assert.True(schedule.At(schedule.Count - 1) <= seconds);
        });
}
