using CsCheck;
using Holdfast.Traffic.Limits;

namespace Holdfast.Tests.Traffic.Limits;

public class ConcurrencyLimitTests
{
    /// <summary>A window in which so many were in flight at most and so many were done.</summary>
    private static void Window(ref ConcurrencyLimit limit, int inFlight, int done, double slowness, double usual = 0.1,
        double hold = 0)
    {
        for (var i = 0; i < inFlight && limit.HasSlot; i++)
            limit.Take();
        while (limit.TryGiveBack())
        {
        }
        for (var i = 0; i < done; i++)
            limit.Complete();
        limit.EndWindow(slowness, usual, hold);
    }

    [Fact]
    public void It_grows_while_used_and_latency_is_flat_and_never_past_its_maximum()
    {
        var limit = new ConcurrencyLimit(20, 100);
        for (var i = 0; i < 10; i++)
            Window(ref limit, 100, 100, 1);
        Assert.Equal(100, limit.Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_queue_that_stands_in_a_paced_target_does_not_make_it_grow_without_end(bool fellOnce)
    {
        // 400 a second of 50 ms keep 20 at work; 33 are inside, since the pace is the capacity and nothing drains it.
        var limit = new ConcurrencyLimit(36, 1000);
        if (fellOnce)
            Window(ref limit, 36, 400, slowness: 1.6, usual: 0.05, hold: 0.05);
        for (var i = 0; i < 600; i++)
            Window(ref limit, Math.Max(33, limit.Value * 4 / 5), 400, slowness: 1.4, usual: 0.05, hold: 0.05);
        Assert.InRange(limit.Value, 20, fellOnce ? 50 : 72);
    }

    [Fact]
    public void It_grows_until_what_is_done_needs_no_more()
    {
        var limit = new ConcurrencyLimit(2, 1000);
        for (var i = 0; i < 20; i++)
            Window(ref limit, 1000, done: Math.Min(400, limit.Value * 20), slowness: 1, usual: 0.05, hold: 0.05);
        Assert.InRange(limit.Value, 40, 96);
    }

    [Fact]
    public void What_is_not_used_does_not_grow()
    {
        var limit = new ConcurrencyLimit(20, 100);
        for (var i = 0; i < 10; i++)
            Window(ref limit, 5, 50, 1);
        Assert.Equal(20, limit.Value);
    }

    [Fact]
    public void Latency_of_three_times_the_usual_brings_it_down_to_what_keeps_the_target_busy()
    {
        var limit = new ConcurrencyLimit(64, 100);
        for (var i = 0; i < 10; i++)
            Window(ref limit, 64, done: 80, slowness: 3, usual: 0.1);
        // 80 a second × 0.1 s = 8 at once, and a fifth more.
        Assert.InRange(limit.Value, 8, 10);
    }

    [Fact]
    public void It_comes_back_from_the_least()
    {
        var limit = new ConcurrencyLimit(20, 100);
        for (var i = 0; i < 60; i++)
        {
            limit.PushBack();
            Window(ref limit, 20, 0, 0);
        }
        Assert.Equal(ConcurrencyLimit.Floor, limit.Value);
        for (var i = 0; i < 30; i++)
            Window(ref limit, 100, 20, 1);
        Assert.True(limit.Value > 20);
    }

    [Fact]
    public void Any_windows_keep_it_within_its_bounds() => Gen.Select(Gen.Int[1, 200], Gen.Int[0, 300].Array[1, 200])
        .Sample((max, windows) =>
        {
            var limit = new ConcurrencyLimit(20, max);
            foreach (var w in windows)
            {
                if (w % 7 == 0)
                    limit.PushBack();
                Window(ref limit, w, w % 50, w % 11 * 0.5, w % 3 * 0.1);
                Assert.InRange(limit.Value, Math.Min(ConcurrencyLimit.Floor, max), max);
            }
        });
}
