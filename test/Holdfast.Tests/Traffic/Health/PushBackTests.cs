using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Traffic.Health;

/// <summary>"Too busy" is a word about load: the limit falls, and a verdict waits for more.</summary>
public class PushBackTests
{
    private static void Refuse(BoardFixture f, in Placement placement, AttemptPhase phase = AttemptPhase.Greeting)
    {
        f.Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, phase, FailureScope.Target,
            TimeSpan.Zero, "421 4.3.2 Too busy", 1, 1) { Ticket = placement.Ticket, IsPushBack = true }, f.Now);
        f.Board.Release(placement, delivered: false, f.Now);
    }

    private static bool IsClosed(BoardFixture f) => f.StateOf(BoardFixture.Na) == VerdictState.Closed;

    [Fact]
    public void A_full_target_that_works_on_what_it_took_earlier_is_not_closed()
    {
        var f = new BoardFixture(1000);
        f.DeliverSteadily(20);
        var older = f.Place();
        for (var i = 0; i < 100; i++)
        {
            f.Advance(0.1);
            var placement = f.Place();
            if (placement.MaySend && placement.Site == BoardFixture.Na)
                Refuse(f, placement);
            else if (placement.MaySend)
                f.Deliver(placement);
            Assert.False(IsClosed(f), $"closed after {i} refusals");
        }
        f.Deliver(older);
    }

    [Fact]
    public void What_takes_nothing_at_all_is_closed_two_seconds_after_its_last_success()
    {
        var f = new BoardFixture(1000);
        f.DeliverSteadily(20);
        for (var i = 0; i < 18; i++)
        {
            f.Advance(0.1);
            Refuse(f, f.Place());
            Assert.False(IsClosed(f), $"closed after {i} refusals");
        }
        for (var i = 0; i < 20 && !IsClosed(f); i++)
        {
            f.Advance(0.1);
            var placement = f.Place();
            if (placement.MaySend)
                Refuse(f, placement);
        }
        Assert.True(IsClosed(f));
    }

    [Fact]
    public void The_same_word_within_a_transaction_is_an_outage_and_closes_at_once()
    {
        var f = new BoardFixture(1000);
        f.DeliverSteadily(20);
        for (var i = 0; i < 10 && !IsClosed(f); i++)
        {
            f.Advance(0.05);
            Refuse(f, f.Place(), AttemptPhase.Rcpt);
        }
        Assert.True(IsClosed(f));
    }
}
