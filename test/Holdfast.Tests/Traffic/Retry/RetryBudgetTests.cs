using Holdfast.Traffic.Balance;

namespace Holdfast.Tests.Traffic.Retry;

public class RetryBudgetTests
{
    [Fact]
    public void Retries_are_a_tenth_of_requests_and_one_a_second()
    {
        var f = new WebFixture();
        int requests = 0, retries = 0;
        for (var i = 0; i < 2000; i++)
        {
            if (f.Place() is { MaySend: true } p)
            {
                requests++;
                f.Answer(p);
            }
            // Everybody wants to repeat everything twice.
            for (var j = 1; j <= 2; j++)
            {
                var again = f.Place(attempt: (byte)j);
                if (again.MaySend)
                {
                    retries++;
                    f.Answer(again);
                }
                else
                {
                    Assert.Equal(WaitReason.RetryBudget, again.Wait);
                }
            }
            f.Advance(0.01);
        }
        Assert.InRange(retries, 0.09 * requests, 0.1 * requests + 20 + 10);
    }

    [Fact]
    public void Who_got_no_connection_is_placed_again_without_being_charged()
    {
        var f = new WebFixture();
        var again = new PlacementRequest(f.Service, OperationClass.Read, 0, false,
            Holdfast.Traffic.Targets.TargetId.None, Attempt: 1, CanWait: false);
        while (f.Board.Place(again, f.Now) is { MaySend: true } p)
            f.Answer(p);
        for (var i = 0; i < 10; i++)
        {
            var free = f.Board.Place(again with { WasUnsent = true }, f.Now);
            Assert.True(free.MaySend);
            f.Answer(free);
        }
        f.Advance(1);
        // A second's one retry is still there: nothing was taken.
        Assert.True(f.Board.Place(again, f.Now).MaySend);
        Assert.Equal(WaitReason.RetryBudget, f.Board.Place(again, f.Now).Wait);
    }

    [Fact]
    public void Hedges_are_for_reads_of_the_top_class_and_a_fiftieth_of_requests()
    {
        var f = new WebFixture();
        PlacementRequest Hedge(byte priority, OperationClass operation) => new(f.Service, operation, priority, false,
            Holdfast.Traffic.Targets.TargetId.None, CanWait: false, IsHedge: true);
        var hedges = 0;
        for (var i = 0; i < 1000; i++)
        {
            f.Answer(f.Place());
            Assert.False(f.Board.Place(Hedge(1, OperationClass.Read), f.Now).MaySend);
            Assert.False(f.Board.Place(Hedge(0, OperationClass.Write), f.Now).MaySend);
            if (f.Board.Place(Hedge(0, OperationClass.Read), f.Now) is { MaySend: true } p)
            {
                hedges++;
                f.Answer(p);
            }
            f.Advance(0.01);
        }
        Assert.InRange(hedges, 18, 20);
    }
}
