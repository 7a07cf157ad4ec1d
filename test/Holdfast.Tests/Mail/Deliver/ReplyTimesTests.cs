using Holdfast.Mail.Deliver;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Mail.Deliver;

public class ReplyTimesTests
{
    [Fact]
    public void A_target_that_nothing_is_known_of_is_allowed_the_boards_second() =>
        Assert.Equal(TimeSpan.FromSeconds(1), new ReplyTimes().Allowance(AttemptPhase.Rcpt));

    [Fact]
    public void A_step_that_always_takes_long_is_allowed_twice_as_long_and_the_others_are_not()
    {
        var times = new ReplyTimes();
        for (var i = 0; i < 5; i++)
            times.Note(AttemptPhase.Greeting, TimeSpan.FromSeconds(6), false);
        Assert.InRange(times.Allowance(AttemptPhase.Greeting).TotalSeconds, 11.5, 13);
        Assert.Equal(TimeSpan.FromSeconds(1), times.Allowance(AttemptPhase.Rcpt));
    }

    [Fact]
    public void Forty_replies_that_come_after_a_standstill_of_twenty_seconds_allow_less_than_ten()
    {
        var times = new ReplyTimes();
        for (var i = 0; i < 10; i++)
            times.Note(AttemptPhase.Mail, TimeSpan.FromMilliseconds(20), false);
        for (var i = 0; i < 40; i++)
            times.Note(AttemptPhase.Mail, TimeSpan.FromSeconds(20), false);
        Assert.InRange(times.Allowance(AttemptPhase.Mail).TotalSeconds, 1, 10);
        for (var i = 0; i < 5_000; i++)
            times.Note(AttemptPhase.Mail, TimeSpan.FromMilliseconds(20), false);
        Assert.Equal(TimeSpan.FromSeconds(1), times.Allowance(AttemptPhase.Mail));
    }

    [Fact]
    public void A_canary_that_was_answered_late_is_believed_at_once()
    {
        var times = new ReplyTimes();
        for (var i = 0; i < 10; i++)
            times.Note(AttemptPhase.Mail, TimeSpan.FromMilliseconds(20), false);
        times.Note(AttemptPhase.Mail, TimeSpan.FromSeconds(4), isCanary: true);
        Assert.Equal(TimeSpan.FromSeconds(8), times.Allowance(AttemptPhase.Mail));
    }

    [Fact]
    public void No_step_is_allowed_more_than_half_a_minute_and_the_dot_is_the_boards()
    {
        var times = new ReplyTimes();
        for (var i = 0; i < 1_000; i++)
        {
            times.Note(AttemptPhase.Data, TimeSpan.FromMinutes(5), false);
            times.Note(AttemptPhase.FinalDot, TimeSpan.FromMinutes(5), false);
        }
        Assert.Equal(TimeSpan.FromSeconds(30), times.Allowance(AttemptPhase.Data));
        Assert.Equal(TimeSpan.Zero, times.Allowance(AttemptPhase.FinalDot));
    }
}
