using CsCheck;
using Holdfast.Sim.Clockwork;

namespace Holdfast.Tests.Sim.Clockwork;

public class EventQueueTests
{
    [Fact]
    public void Events_come_by_time_and_then_in_the_order_in_which_they_were_pushed()
    {
        // Gaps of all sizes: same moment, same slot, same wheel, days ahead.
        var gap = Gen.OneOf(Gen.Long[0, 3], Gen.Long[0, 2000], Gen.Long[0, 3_000_000], Gen.Long[0, 1L << 41]);
        var step = Gen.Select(Gen.Int[0, 2], gap, (act, by) => (act, by));
        step.List[1, 400].Sample(steps =>
        {
            var queue = new EventQueue();
            var model = new List<(long Time, int Number)>();
            var now = 0L;
            var number = 0;
            foreach (var (act, by) in steps)
            {
                if (act > 0)
                {
                    queue.Push(now + by, 1, number);
                    model.Add((now + by, number++));
                    continue;
                }
                Assert.Equal(model.Count > 0, queue.TryPop(out var next));
                if (model.Count == 0)
                    continue;
                var expected = model.Min();
                Assert.Equal(expected, (next.Time, next.A));
                model.Remove(expected);
                now = next.Time;
            }
            while (queue.TryPop(out var next))
            {
                var expected = model.Min();
                Assert.Equal(expected, (next.Time, next.A));
                model.Remove(expected);
            }
            Assert.Empty(model);
        });
    }

    [Fact]
    public void A_crowded_slot_keeps_the_order_of_equals()
    {
        var queue = new EventQueue();
        for (var i = 0; i < 2000; i++)
            queue.Push(1000 + i % 7, 0, i);
        var last = (0L, -1);
        while (queue.TryPop(out var next))
        {
            Assert.True(last.CompareTo((next.Time, next.A)) < 0);
            last = (next.Time, next.A);
        }
        Assert.Equal(0, queue.Count);
    }
}
