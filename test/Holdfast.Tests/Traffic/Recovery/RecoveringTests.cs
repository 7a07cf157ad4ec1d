using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Recovery;

public class RecoveringTests
{
    private static Placement NextCanary(BoardFixture f)
    {
        for (var i = 0; i < 400; i++)
        {
            var placement = f.Place();
            if (placement.Kind == PlacementKind.Canary)
                return placement;
            if (placement.MaySend)
                f.Deliver(placement);
            f.Advance(0.1);
        }
        throw new InvalidOperationException("no canary within 40 s");
    }

    [Fact]
    public void A_closed_site_is_tried_after_about_a_second_then_ever_more_rarely_to_fifteen()
    {
        var f = new BoardFixture();
        f.CloseHome();
        var closedAt = f.Now;
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            var canary = NextCanary(f);
            Assert.Equal(BoardFixture.Na, canary.Site);
            waits.Add((f.Now - closedAt).TotalSeconds);
            f.Fail(canary, FailureScope.Site);
            closedAt = f.Now;
        }
        Assert.InRange(waits[0], 0.5, 1.5);
        Assert.InRange(waits[1], 1.5, 2.6);
        Assert.InRange(waits[2], 3.1, 5.0);
        Assert.All(waits, w => Assert.True(w <= 18.2));
        Assert.True(waits[^1] >= 11.9);
    }

    [Fact]
    public void There_is_one_canary_at_a_time()
    {
        var f = new BoardFixture();
        f.CloseHome();
        var canary = NextCanary(f);
        for (var i = 0; i < 100; i++)
        {
            var placement = f.Place();
            Assert.Equal((PlacementKind.Send, BoardFixture.Eu), (placement.Kind, placement.Site));
            f.Deliver(placement);
            f.Advance(0.5);
        }
        f.Fail(canary, FailureScope.Site);
    }

    [Fact]
    public void A_canary_that_was_lost_is_replaced()
    {
        var f = new BoardFixture(concurrencyMax: 10_000);
        f.CloseHome();
        NextCanary(f);
        f.Advance(f.Options.CanaryLostAfter.TotalSeconds + 5);
        Assert.Equal(PlacementKind.Canary, NextCanary(f).Kind);
    }

    [Fact]
    public void A_canary_whose_own_recipient_is_at_fault_decides_nothing()
    {
        var f = new BoardFixture();
        f.CloseHome();
        f.Fail(NextCanary(f), FailureScope.Recipient, detail: "550 5.1.1 no such user");
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        var at = f.Now;
        NextCanary(f);
        Assert.True((f.Now - at).TotalSeconds < 1.5);
    }

    [Fact]
    public void A_delivered_canary_begins_recovery_at_a_hundredth()
    {
        var f = new BoardFixture(capacity: 2000);
        f.CloseHome();
        f.Deliver(NextCanary(f));
        Assert.Equal(VerdictState.Recovering, f.StateOf(BoardFixture.Na));
        var sent = 0;
        for (var ms = 0; ms < 950; ms++) // The first step comes after a second, since more is asked for.
        {
            var placement = f.Place();
            if (placement.MaySend && placement.Site == BoardFixture.Na)
                sent++;
            f.Deliver(placement);
            f.Advance(0.001);
        }
        Assert.InRange(sent, 15, 23);
    }

    [Fact]
    public void With_no_other_site_open_a_canary_goes_each_second_and_recovery_begins_at_a_twentieth()
    {
        var f = new BoardFixture(capacity: 2000);
        f.CloseHome();
        for (var i = 0u; f.StateOf(BoardFixture.Eu) != VerdictState.Closed; i++)
        {
            if (f.Place() is { MaySend: true } p)
                f.Fail(p, FailureScope.Site, recipient: i + 1, sender: i + 1);
            f.Advance(0.05);
        }
        for (var i = 0; i < 300; i++)
        {
            if (f.Place() is { MaySend: true } p)
                f.Fail(p, FailureScope.Site);
            f.Advance(0.1);
        }
        var from = f.Now;
        Assert.InRange(f.Place().RetryAfter.TotalSeconds, 0, 1.01);
        var canary = NextCanary(f);
        Assert.InRange((f.Now - from).TotalSeconds, 0, 1.3);
        f.Deliver(canary);
        var sent = 0;
        for (var ms = 0; ms < 950; ms++)
        {
            if (f.Place() is { MaySend: true, Kind: PlacementKind.Send } p)
            {
                sent++;
                f.Deliver(p);
            }
            f.Advance(0.001);
        }
        Assert.InRange(sent, 85, 105);
    }

    [Fact]
    public void A_site_of_few_messages_a_second_is_back_after_five_in_a_row()
    {
        var f = new BoardFixture(capacity: 5);
        f.CloseHome();
        f.Deliver(NextCanary(f));
        for (var i = 0; i < 60 && f.StateOf(BoardFixture.Na) != VerdictState.Healthy; i++)
        {
            var placement = f.Place();
            if (placement.MaySend)
                f.Deliver(placement);
            f.Advance(0.5);
        }
        Assert.Equal(VerdictState.Healthy, f.StateOf(BoardFixture.Na));
    }

    [Fact]
    public void A_failure_at_the_lowest_rate_closes_again_with_a_longer_wait()
    {
        var f = new BoardFixture();
        f.CloseHome();
        var canary = NextCanary(f);
        f.Deliver(canary);
        var placement = f.Place();
        Assert.Equal(BoardFixture.Na, placement.Site);
        f.Fail(placement, FailureScope.Site);
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        var at = f.Now;
        NextCanary(f);
        Assert.True((f.Now - at).TotalSeconds >= 1.5);
    }

    [Fact]
    public void Failures_of_attempts_that_began_before_the_return_are_old_news()
    {
        var f = new BoardFixture();
        f.DeliverSteadily(10);
        var old = Enumerable.Range(0, 5).Select(_ => f.Place()).ToList();
        f.CloseHome();
        f.Deliver(NextCanary(f));
        var age = 5 + f.Now.TotalSeconds;
        foreach (var placement in old)
            f.Fail(placement, FailureScope.Target, AttemptPhase.FinalDot, "no reply for 600 s", latency: age);
        Assert.Equal(VerdictState.Recovering, f.StateOf(BoardFixture.Na));
    }

    [Fact]
    public void Waiting_mail_gets_only_what_fresh_mail_leaves_at_a_site_that_comes_back()
    {
        var f = new BoardFixture(capacity: 100, options: new TrafficOptions { SpillAfter = TimeSpan.FromMinutes(10) });
        f.CloseHome();
        for (var i = 0u; f.StateOf(BoardFixture.Eu) != VerdictState.Closed; i++)
        {
            if (f.Place() is { MaySend: true } p)
                f.Fail(p, FailureScope.Site, recipient: i + 1, sender: i + 1);
            f.Advance(0.1);
        }
        while (f.StateOf(BoardFixture.Na) == VerdictState.Closed)
        {
            if (f.Place() is { MaySend: true } p)
            {
                if (p.Site == BoardFixture.Na)
                    f.Deliver(p);
                else
                    f.Fail(p, FailureScope.Site);
            }
            f.Advance(0.1);
        }
        int fresh = 0, backlog = 0, wanted = 0;
        for (var ms = 0; ms < 40_000; ms++)
        {
            if (ms % 1000 == 0)
                wanted++;
            if (wanted > 0 && f.Place() is { MaySend: true } p)
            {
                wanted--;
                if (p.Site == BoardFixture.Na)
                {
                    fresh++;
                    f.Deliver(p);
                }
                else
                {
                    f.Fail(p, FailureScope.Site);
                }
            }
            if (f.Place(isBacklog: true) is { MaySend: true } b)
            {
                if (b.Site == BoardFixture.Na)
                {
                    backlog++;
                    f.Deliver(b);
                }
                else
                {
                    f.Fail(b, FailureScope.Site);
                }
            }
            f.Advance(0.001);
        }
        Assert.True(fresh >= 39, $"{fresh} fresh");
        Assert.InRange(backlog, 2000, 3900);
    }

    [Fact]
    public void A_targets_canary_under_way_while_its_site_closes_does_not_keep_the_target_closed()
    {
        var f = new WebFixture();
        f.Serve(100, 5);
        var bad = new TargetId(1);
        var placement = default(Placement);
        for (var i = 0; i < 3000 && placement.Kind != PlacementKind.Canary; i++)
        {
            placement = f.Place();
            if (placement.MaySend && placement.Kind != PlacementKind.Canary)
                f.Answer(placement, placement.Target != bad);
            f.Advance(0.01);
        }
        Assert.True(bad == placement.Target, string.Join("; ", f.Changes));
        for (var i = 0; i < 3; i++)
        {
            f.Board.ReportCanary(WebFixture.Na, false, TimeSpan.FromSeconds(1), f.Now);
            f.Advance(0.1);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        f.Answer(placement, well: false);
        for (var i = 0; i < 2; i++)
            f.Board.ReportCanary(WebFixture.Na, true, TimeSpan.FromSeconds(1), f.Now);
        f.Serve(100, 60);
        Assert.All(f.Site(WebFixture.Na).Targets, t => Assert.Equal(VerdictState.Healthy, t.Verdict.State));
    }
}
