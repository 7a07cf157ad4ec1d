using System.Buffers;

namespace Holdfast.Mail.Spool;

/// <summary>The one budget of all content in memory: being received, lately received, being delivered.</summary>
/// <remarks>Never exceeded. Who asks when it is used up first has lately received content dropped, then waits in turn
/// for a bounded time, or is told no.</remarks>
internal sealed class BodyMemory(Func<long> limit, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private long _used;
    private int _waiting;
    private bool _isGranting;

    private sealed record Waiter(int Bytes, TaskCompletionSource<bool> Granted);

    public long UsedBytes => Volatile.Read(ref _used);
    public long LimitBytes => limit();

    /// <summary>Drops the oldest content that nobody reads; false when there is none. Set once, by the spool.</summary>
    public Func<bool> DropOldest { get; set; } = static () => false;

    public bool TryTake(int bytes)
    {
        // Those who wait come first, or a stream of small takers would starve them.
        if (Volatile.Read(ref _waiting) > 0)
            return false;
        return TryTakeNow(bytes);
    }

    private bool TryTakeNow(int bytes)
    {
        while (true)
        {
            if (Interlocked.Add(ref _used, bytes) <= limit())
                return true;
            Interlocked.Add(ref _used, -bytes);
            if (!DropOldest())
                return false;
        }
    }

    public void Give(int bytes)
    {
        Interlocked.Add(ref _used, -bytes);
        if (Volatile.Read(ref _waiting) > 0)
            Grant();
    }

    /// <summary>Takes the bytes, waiting at most the given time. False: not in that time, or given up.</summary>
    public async ValueTask<bool> TakeAsync(int bytes, TimeSpan wait, CancellationToken abort)
    {
        if (TryTake(bytes))
            return true;
        var waiter = new Waiter(bytes,
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
        {
            _waiters.AddLast(waiter);
            Volatile.Write(ref _waiting, _waiters.Count);
        }
        Grant();
        using var timeout = new CancellationTokenSource(wait, time);
        await using (timeout.Token.UnsafeRegister(static w => ((Waiter)w!).Granted.TrySetResult(false), waiter)
            .ConfigureAwait(false))
        await using (abort.UnsafeRegister(static w => ((Waiter)w!).Granted.TrySetResult(false), waiter)
            .ConfigureAwait(false))
        {
            var granted = await waiter.Granted.Task.ConfigureAwait(false);
            if (!granted)
                Forget(waiter);
            return granted;
        }
    }

    private void Grant()
    {
        lock (_gate)
        {
            // Dropping content gives memory back, which comes here again on the same thread.
            if (_isGranting)
                return;
            _isGranting = true;
            while (_waiters.First is { } first && TryTakeNow(first.Value.Bytes))
            {
                if (!first.Value.Granted.TrySetResult(true))
                    Interlocked.Add(ref _used, -first.Value.Bytes);
                _waiters.RemoveFirst();
            }
            Volatile.Write(ref _waiting, _waiters.Count);
            _isGranting = false;
        }
    }

    private void Forget(Waiter waiter)
    {
        lock (_gate)
        {
            _waiters.Remove(waiter);
            Volatile.Write(ref _waiting, _waiters.Count);
        }
        Grant();
    }

    /// <summary>Size of the array that the pool hands out for a request.</summary>
    public static int PooledSize(int bytes) =>
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(bytes, 16));

    public static byte[] Rent(int bytes) => ArrayPool<byte>.Shared.Rent(bytes);
}
