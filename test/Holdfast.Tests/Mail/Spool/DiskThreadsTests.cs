using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Spool;

public sealed class DiskThreadsTests
{
    [Fact]
    public async Task Work_runs_side_by_side_up_to_the_number_of_threads_and_no_further()
    {
        var stop = TestContext.Current.CancellationToken;
        var threads = new DiskThreads(3);
        using var release = new ManualResetEventSlim();
        using var begun = new CountdownEvent(3);
        var running = 0;
        var most = 0;
        var all = Enumerable.Range(0, 10).Select(_ => threads.RunAsync(() =>
        {
            var now = Interlocked.Increment(ref running);
            lock (begun)
            {
                most = Math.Max(most, now);
                if (!begun.IsSet)
                    begun.Signal();
            }
            release.Wait(stop);
            Interlocked.Decrement(ref running);
        })).ToArray();

        begun.Wait(stop);
        Assert.All(all, one => Assert.False(one.IsCompleted));
        release.Set();
        await Task.WhenAll(all);

        Assert.Equal(3, most);
    }

    [Fact]
    public async Task A_failure_is_the_callers_and_the_thread_goes_on()
    {
        var threads = new DiskThreads(1);

        var failed = threads.RunAsync(() => throw new IOException("gone"));
        var next = threads.RunAsync(() => { });

        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => failed)).Message);
        await next;
    }

    [Fact]
    public async Task A_thread_that_has_become_idle_serves_again()
    {
        var threads = new DiskThreads(1);
        var ids = new List<int>();

        for (var i = 0; i < 20; i++)
            await threads.RunAsync(() => ids.Add(Environment.CurrentManagedThreadId));

        Assert.Single(ids.Distinct());
    }
}
