namespace Holdfast.SystemTests.Harness;

/// <summary>A server's capacity: so many workers, so much work a request, the rest wait in turn.</summary>
/// <remarks>
/// Capacity is exact under load: a worker's next request begins when the one before was due, not when the timer that
/// said so came. A request whose caller has gone is worked on all the same, as servers do that don't look, so what is
/// asked beyond the capacity costs those who still wait.
/// </remarks>
internal sealed class WorkQueue : IDisposable
{
    private sealed record Request(Func<TimeSpan> Work)
    {
        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly Lock _gate = new();
    private readonly Queue<Request> _waiting = new();
    private readonly PriorityQueue<Request, long> _working = new();
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private readonly int _waitingMax;
    private int _workers;

    /// <param name="waitingMax">Beyond so many waiting a request is refused at once.</param>
    public WorkQueue(int workers, int waitingMax, TimeProvider clock)
    {
        (_workers, _waitingMax, _clock) = (workers, waitingMax, clock);
        _timer = clock.CreateTimer(_ => Turn(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Workers that take requests; one that is busy goes on to its end. 0: everything waits.</summary>
    public int Workers
    {
        get => _workers;
        set
        {
            Turn();
            _workers = value;
            Turn();
        }
    }

    public int Waiting
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>Waits for a worker and for its work.</summary>
    /// <param name="work">Asked when the work begins, in turn with others.</param>
    /// <returns>False at once when too many wait.</returns>
    public Task<bool> WorkAsync(Func<TimeSpan> work)
    {
        Turn();
        var request = new Request(work);
        lock (_gate)
        {
            if (_working.Count >= _workers && _waiting.Count >= _waitingMax)
                return Task.FromResult(false);
            _waiting.Enqueue(request);
        }
        Turn();
        return request.Done.Task;
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Ends what is due, in the order it was, and begins what waits.</summary>
    private void Turn()
    {
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            while (_working.TryPeek(out var request, out var due) && due <= now)
            {
                _working.Dequeue();
                request.Done.SetResult(true);
                Begin(due);
            }
            Begin(now);
            if (_working.TryPeek(out _, out var next))
                _timer.Change(TimeSpan.FromSeconds((next - now) / (double)_clock.TimestampFrequency), Timeout.InfiniteTimeSpan);
        }
    }

    private void Begin(long at)
    {
        while (_working.Count < _workers && _waiting.TryDequeue(out var request))
            _working.Enqueue(request, at + (long)(request.Work().TotalSeconds * _clock.TimestampFrequency));
    }
}
