using CsCheck;
using Holdfast.Traffic.Limits;

namespace Holdfast.Tests.Traffic.Limits;

public class ConcurrencyLimitTests
{
    /// <summary>A window in which so many were in flight at most and so many were done.</summary>
    private static void Window(ref ConcurrencyLimit limit, int inFlight, int done, double slowness, double usual = 0.1)
    {
        for (var i = 0; i < inFlight && limit.HasSlot; i++)
            limit.Take();
        while (limit.TryGiveBack())
        {
        }
        for (var i = 0; i < done; i++)
            limit.Complete();
        limit.EndWindow(slowness, usual);
    }

    [Fact]
    public void It_grows_while_used_and_latency_is_flat_and_never_past_its_maximum()
    {
        var limit = new ConcurrencyLimit(20, 100);
        for (var i = 0; i < 10; i++)
            Window(ref limit, 100, 100, 1);
        Assert.Equal(100, limit.Value);
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
