using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Traffic.Health;

public class ClosingTests
{
    [Theory]
    [InlineData(AttemptPhase.Mail)]
    [InlineData(AttemptPhase.Rcpt)]
    [InlineData(AttemptPhase.Data)]
    [InlineData(AttemptPhase.FinalDot)]
    public void A_site_that_does_not_accept_is_closed_within_ten_outcomes_at_any_phase(AttemptPhase phase)
    {
        var f = new BoardFixture();
        f.DeliverSteadily(50);
        var wasted = 0u;
        while (f.StateOf(BoardFixture.Na) != VerdictState.Closed)
        {
            Assert.True(++wasted <= 10);
            f.Fail(f.Place(), FailureScope.Site, phase, recipient: wasted, sender: wasted);
            f.Advance(0.01);
        }
        Assert.Equal(BoardFixture.Eu, f.Place().Site);
        Assert.Contains("answered 451 4.3.2", f.EvidenceOf(BoardFixture.Na), StringComparison.Ordinal);
    }

    [Fact]
    public void One_lone_answer_among_successes_closes_nothing()
    {
        var f = new BoardFixture();
        for (var i = 0u; i < 100; i++)
        {
            f.DeliverSteadily(12);
            f.Fail(f.Place(), FailureScope.Site, recipient: i, sender: i);
            Assert.NotEqual(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        }
    }

    [Fact]
    public void A_full_mailbox_alone_never_closes_anything()
    {
        var f = new BoardFixture();
        for (var i = 0; i < 1000; i++)
        {
            var placement = f.Place();
            Assert.Equal(BoardFixture.Na, placement.Site);
            f.Fail(placement, (i & 1) == 0 ? FailureScope.Recipient : FailureScope.Unclassified,
                detail: "452 4.2.2 full", recipient: 7, sender: (uint)i);
            f.Advance(0.01);
        }
        Assert.Equal(VerdictState.Healthy, f.StateOf(BoardFixture.Na));
    }

    [Theory]
    [InlineData(FailureScope.Recipient)]
    [InlineData(FailureScope.Message)]
    [InlineData(FailureScope.SourceAddress)]
    public void Narrow_scopes_never_count(FailureScope scope)
    {
        var f = new BoardFixture();
        for (var i = 0u; i < 500; i++)
            f.Fail(f.Place(), scope, recipient: i + 1, sender: i + 1);
        Assert.Equal(VerdictState.Healthy, f.StateOf(BoardFixture.Na));
    }

    [Theory]
    [InlineData(2, 3, false)]
    [InlineData(3, 2, false)]
    [InlineData(3, 3, true)]
    public void What_no_rule_explains_counts_from_three_recipients_and_senders_on(int recipients, int senders,
        bool closes)
    {
        var f = new BoardFixture();
        for (var i = 0; i < 40; i++)
        {
            var placement = f.Place();
            if (placement.Site != BoardFixture.Na || !placement.MaySend)
                break;
            f.Fail(placement, FailureScope.Unclassified, detail: "450 whatever", recipient: (uint)(i % recipients) + 1,
                sender: (uint)(i % senders) + 1);
            f.Advance(0.01);
        }
        Assert.Equal(closes, f.StateOf(BoardFixture.Na) == VerdictState.Closed);
    }

    [Fact]
    public void Successes_of_early_phases_hide_nothing()
    {
        var f = new BoardFixture();
        f.DeliverSteadily(20);
        for (var i = 0u; i < 10 && f.StateOf(BoardFixture.Na) != VerdictState.Closed; i++)
        {
            var placement = f.Place();
            for (var phase = AttemptPhase.Connect; phase <= AttemptPhase.Mail; phase++)
            {
                f.Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, phase,
                    FailureScope.None, TimeSpan.FromMilliseconds(1)), f.Now);
            }
            f.Fail(placement, FailureScope.Site, recipient: i + 1, sender: i + 1);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
    }

    [Fact]
    public void Three_refused_connections_close_a_target_and_its_only_target_closes_the_site()
    {
        var f = new BoardFixture();
        f.DeliverSteadily(100);
        for (var i = 0; i < 3; i++)
            f.Fail(f.Place(), FailureScope.Target, AttemptPhase.Connect, "connection refused");
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        Assert.Contains("connections failed: connection refused", f.EvidenceOf(BoardFixture.Na),
            StringComparison.Ordinal);
        Assert.Equal(BoardFixture.Eu, f.Place().Site);
    }

    [Fact]
    public void Two_transactions_without_reply_close_a_black_hole()
    {
        var f = new BoardFixture();
        f.DeliverSteadily(100);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(VerdictState.Closed == f.StateOf(BoardFixture.Na), i == 2);
            f.Fail(f.Place(), FailureScope.Target, AttemptPhase.FinalDot, "no reply for 30 s", latency: 1);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
    }

    [Fact]
    public void Stalls_seen_while_we_ourselves_stood_still_count_for_nothing()
    {
        var f = new BoardFixture();
        f.DeliverSteadily(20);
        var placements = Enumerable.Range(0, 10).Select(_ => f.Place()).ToList();
        // No tick for five seconds: our own pause.
        var late = f.Now + TimeSpan.FromSeconds(5);
        foreach (var placement in placements)
        {
            f.Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, AttemptPhase.FinalDot,
                FailureScope.Target, TimeSpan.FromSeconds(5), "no reply for 5 s"), late);
        }
        Assert.Equal(VerdictState.Healthy, f.Board.Snapshot(late).Sites[0].Verdict.State);
    }

    [Fact]
    public void A_single_bad_target_is_closed_and_its_site_is_not()
    {
        var f = new BoardFixture(targetsPerSite: 3);
        var bad = f.Board.Topology.Sites[0].Targets[0];
        for (var i = 0u; i < 600; i++)
        {
            var placement = f.Place();
            Assert.Equal(BoardFixture.Na, placement.Site);
            if (placement.Target == bad)
                f.Fail(placement, FailureScope.Site, recipient: i + 1, sender: i + 1);
            else
                f.Deliver(placement);
            f.Advance(0.1);
        }
        var site = f.Board.Snapshot(f.Now).Sites[0];
        Assert.NotEqual(VerdictState.Closed, site.Verdict.State);
        Assert.Equal(VerdictState.Closed, site.Targets[0].Verdict.State);
        Assert.Equal(VerdictState.Healthy, site.Targets[1].Verdict.State);
    }
}
