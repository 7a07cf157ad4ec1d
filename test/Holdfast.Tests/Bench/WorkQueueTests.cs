using Holdfast.SystemTests.Harness;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Bench;

public class WorkQueueTests
{
    private readonly FakeTimeProvider _clock = new();

    private WorkQueue Queue(int workers) => new(workers, 100, _clock);

    private static Task<bool>[] Ask(WorkQueue queue, int requests, double milliseconds = 20) =>
        [.. Enumerable.Range(0, requests).Select(_ => queue.WorkAsync(() => TimeSpan.FromMilliseconds(milliseconds)))];

    /// <summary>Milliseconds on the clock when so many were answered.</summary>
    private double AnsweredAt(Task<bool>[] requests, int count)
    {
        while (requests.Count(r => r.IsCompleted) < count)
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        return (_clock.GetUtcNow() - _clock.Start).TotalMilliseconds;
    }

    [Fact]
    public void Workers_work_side_by_side_and_the_rest_waits_in_turn()
    {
        using var queue = Queue(2);
        var requests = Ask(queue, 5);
        Assert.Equal(20, AnsweredAt(requests, 2));
        Assert.Equal(40, AnsweredAt(requests, 4));
        Assert.Equal(60, AnsweredAt(requests, 5));
    }

    [Fact]
    public async Task One_too_many_is_refused_at_once()
    {
        using var queue = new WorkQueue(2, 3, _clock);
        var requests = Ask(queue, 6);
        Assert.True(requests[5].IsCompleted);
        Assert.False(await requests[5]);
        Assert.All(requests[..5], r => Assert.False(r.IsCompleted));
        Assert.Equal(3, queue.Waiting);
    }

    [Fact]
    public void Half_the_workers_do_half_as_much_and_nothing_fails()
    {
        using var queue = Queue(4);
        queue.Workers = 2;
        var requests = Ask(queue, 20);
        Assert.Equal(200, AnsweredAt(requests, 20));
        Assert.All(requests, r => Assert.True(r.Result));
    }

    [Fact]
    public void Workers_that_come_back_take_from_those_that_wait()
    {
        using var queue = Queue(2);
        queue.Workers = 0;
        var requests = Ask(queue, 2);
        Assert.Equal(2, queue.Waiting);
        queue.Workers = 2;
        Assert.Equal(0, queue.Waiting);
        Assert.Equal(20, AnsweredAt(requests, 2));
    }

    [Fact]
    public void Late_timers_take_nothing_from_the_capacity()
    {
        using var queue = Queue(1);
        var requests = Ask(queue, 10, milliseconds: 1.5); // due at 1.5, 3, 4.5 …; timers at whole ones
        Assert.Equal(15, AnsweredAt(requests, 10));
    }
}
