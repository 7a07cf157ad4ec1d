namespace Holdfast.Storage.Segments;

/// <summary>Whether what was left asks for the writer.</summary>
internal enum WriterWanted : byte { No, Soon, Now }

/// <summary>Where producers leave appends and the writer takes them, in order.</summary>
/// <remarks>Bounded by <see cref="SegmentLogOptions.PendingMax"/>: beyond it producers wait for their turn.</remarks>
#pragma warning disable CA1001 // The semaphore holds no handle, and late callers must find a closed intake.
internal sealed class AppendIntake(int pendingMax)
#pragma warning restore CA1001
{
    private const int SparesMax = 4096;
    /// <summary>A spare one that this thread returned last.</summary>
    [ThreadStatic]
    private static AppendOperation? _mine;

    private readonly Lock _gate = new();
    /// <summary>Signalled once for each producer that was told to wait.</summary>
    private readonly SemaphoreSlim _room = new(0);
    /// <summary>Appends that there is room for; below zero, how many producers wait.</summary>
    private int _left = pendingMax;
    private AppendOperation? _first;
    private AppendOperation? _last;
    private AppendOperation? _spare;
    private int _spareCount;
    private bool _isAwaited;
    private bool _isClosed;

    /// <summary>Takes room when there is some at once.</summary>
    public bool TryEnter()
    {
        for (var left = Volatile.Read(ref _left); left > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _left, left - 1, left);
            if (seen == left) return true;
            left = seen;
        }
        return false;
    }

    /// <summary>Takes room, or the next that is left, in turn.</summary>
    public Task EnterAsync() => Interlocked.Decrement(ref _left) >= 0 ? Task.CompletedTask : _room.WaitAsync();

    public void Leave(int count)
    {
        var waiting = -(Interlocked.Add(ref _left, count) - count);
        if (waiting > 0) _room.Release(Math.Min(waiting, count));
    }

    public AppendOperation Rent()
    {
        // Who appends in a loop gets what its last append left on this thread, without the lock.
        if (_mine is { } mine && mine.Owner == this)
        {
            _mine = null;
            return mine;
        }
        lock (_gate)
        {
            var spare = _spare;
            if (spare is null) return new AppendOperation(this);
            _spare = spare.Next;
            _spareCount--;
            spare.Next = null;
            return spare;
        }
    }

    public void Return(AppendOperation operation)
    {
        if (_mine is null || _mine.Owner != this)
        {
            _mine = operation;
            return;
        }
        lock (_gate)
        {
            if (_spareCount >= SparesMax) return;
            operation.Next = _spare;
            _spare = operation;
            _spareCount++;
        }
    }

    /// <summary>Leaves an operation for the writer. False when the log is closing.</summary>
    /// <param name="operation">What is left.</param>
    /// <param name="wanted">Now: the first since the writer took that somebody waits for. Soon: the first, but a lazy
    /// one.</param>
    public bool TryAdd(AppendOperation operation, out WriterWanted wanted)
    {
        lock (_gate)
        {
            wanted = WriterWanted.No;
            if (_isClosed) return false;
            if (operation.Durability == Durability.Synced && !_isAwaited)
            {
                _isAwaited = true;
                wanted = WriterWanted.Now;
            }
            else if (_last is null)
            {
                wanted = WriterWanted.Soon;
            }
            if (_last is null) _first = operation;
            else _last.Next = operation;
            _last = operation;
            return true;
        }
    }

    /// <summary>Everything that waits, linked by Next in order of arrival; null when nothing does.</summary>
    public AppendOperation? TakeAll()
    {
        lock (_gate)
        {
            var first = _first;
            _first = _last = null;
            _isAwaited = false;
            return first;
        }
    }

    /// <summary>Somebody waits for what was left.</summary>
    public bool IsAwaited => Volatile.Read(ref _isAwaited);

    public void Close()
    {
        lock (_gate) _isClosed = true;
    }
}
