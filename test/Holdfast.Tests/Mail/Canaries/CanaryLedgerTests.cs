using Holdfast.Mail.Canaries;

namespace Holdfast.Tests.Mail.Canaries;

public class CanaryLedgerTests
{
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static CanaryLedger Knowing(double seconds)
    {
        var ledger = new CanaryLedger();
        for (var i = 0; i < 5; i++)
        {
            ledger.TrySend($"k{i}", Most, At(0));
            ledger.Arrived($"k{i}", false, At(seconds));
        }
        return ledger;
    }

    private static List<CanaryEnd> Expire(CanaryLedger ledger, double lookedAt, double now)
    {
        var ended = new List<CanaryEnd>();
        ledger.Expire(At(lookedAt), Grace, At(now), ended);
        return ended;
    }

    [Fact]
    public void While_little_is_known_a_canary_has_all_the_time_there_is()
    {
        var ledger = new CanaryLedger();
        Assert.Equal(Most, ledger.Deadline(Most));
        for (var i = 0; i < 4; i++)
        {
            ledger.TrySend($"k{i}", Most, At(0));
            ledger.Arrived($"k{i}", false, At(1));
        }
        Assert.Equal(Most, ledger.Deadline(Most));
        ledger.TrySend("k4", Most, At(0));
        ledger.Arrived("k4", false, At(1));
        Assert.Equal(At(10), ledger.Deadline(Most));
    }

    [Fact]
    public void A_canary_is_lost_after_ten_seconds_or_three_times_the_usual_whichever_is_longer()
    {
        Assert.Equal(At(10), Knowing(3).Deadline(Most));
        Assert.Equal(At(12), Knowing(4).Deadline(Most));
        Assert.Equal(Most, Knowing(30).Deadline(Most));
    }

    [Fact]
    public void A_canary_is_lost_when_its_time_has_come_and_not_a_moment_before()
    {
        var ledger = Knowing(1);
        ledger.TrySend("a", Most, At(100));
        Assert.Empty(Expire(ledger, 109.9, 109.9));
        Assert.Equal(CanaryFate.Lost, Assert.Single(Expire(ledger, 110, 110)).Fate);
        Assert.Null(ledger.Arrived("a", false, At(111)));
    }

    [Fact]
    public void A_canary_that_nobody_could_look_for_is_void_and_not_lost()
    {
        var ledger = Knowing(1);
        ledger.TrySend("a", Most, At(100));
        Assert.Empty(Expire(ledger, 109, 140));
        Assert.Equal(CanaryFate.Void, Assert.Single(Expire(ledger, 109, 140.1)).Fate);
    }

    [Fact]
    public void A_canary_ends_once()
    {
        var ledger = Knowing(1);
        ledger.TrySend("a", Most, At(100));
        Assert.Equal(new CanaryEnd(CanaryFate.Passed, At(2)), ledger.Arrived("a", false, At(102)));
        Assert.Null(ledger.Arrived("a", false, At(103)));
        Assert.Null(ledger.NotSent("a", true, At(103)));
        Assert.Empty(Expire(ledger, 200, 200));
    }

    [Fact]
    public void A_bounce_is_a_refusal_and_what_we_could_not_send_is_void()
    {
        var ledger = new CanaryLedger();
        ledger.TrySend("a", Most, At(0));
        ledger.TrySend("b", Most, At(0));
        ledger.TrySend("c", Most, At(0));
        Assert.Equal(CanaryFate.Refused, ledger.Arrived("a", true, At(1))?.Fate);
        Assert.Equal(CanaryFate.Refused, ledger.NotSent("b", true, At(1))?.Fate);
        Assert.Equal(CanaryFate.Void, ledger.NotSent("c", false, At(1))?.Fate);
    }

    [Fact]
    public void Sixteen_canaries_may_wait_and_no_more()
    {
        var ledger = new CanaryLedger();
        for (var i = 0; i < CanaryLedger.WaitingMax; i++)
            Assert.True(ledger.TrySend($"t{i}", Most, At(i)));
        Assert.False(ledger.TrySend("one more", Most, At(20)));
        Assert.Equal(16, ledger.VoidAll());
        Assert.True(ledger.TrySend("one more", Most, At(20)));
    }
}
