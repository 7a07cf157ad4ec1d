namespace Holdfast.Mail.Spool;

/// <summary>Threads for work that waits for the disk, so that the pool's few never do.</summary>
/// <remarks>
/// The pool has one thread a processor and grows by about two a second: some large messages being synced at once would
/// hold up every other session. These are started when they are needed and end when they were idle for a while. Work
/// waits when all are busy; callers wait for it, so there is never more of it than sessions.
/// </remarks>
internal sealed class DiskThreads(int threadsMax)
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(10);
    // Monitor needs an object: Lock has no Wait.
    private readonly object _gate = new();
    private readonly Queue<Work> _waiting = [];
    private int _threads;
    private int _idle;

    /// <summary>Completes when the work has been done; the caller goes on on the pool.</summary>
    public Task RunAsync(Action work)
    {
        var item = new Work(work);
        var starts = false;
        lock (_gate)
        {
            _waiting.Enqueue(item);
            if (_idle >= _waiting.Count)
                Monitor.Pulse(_gate);
            else if (_threads < threadsMax)
                (starts, _threads) = (true, _threads + 1);
        }
        if (starts)
            new Thread(Serve) { IsBackground = true, Name = "spool disk" }.Start();
        return item.Task;
    }

    private void Serve()
    {
        while (TryTake(out var item))
            item.Execute();
    }

    private bool TryTake(out Work item)
    {
        lock (_gate)
        {
            while (!_waiting.TryDequeue(out item!))
            {
                _idle++;
                var woken = Monitor.Wait(_gate, IdleMax);
                _idle--;
                if (woken || _waiting.Count > 0)
                    continue;
                _threads--;
                return false;
            }
            return true;
        }
    }

    private sealed class Work(Action work) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public void Execute()
        {
            try
            {
                work();
            }
#pragma warning disable CA1031 // Whatever it is, it is the caller's, who awaits it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                SetException(e);
                return;
            }
            SetResult();
        }
    }
}
