using System.Buffers;

namespace Holdfast.Mail.Spool;

/// <summary>What body memory is asked for.</summary>
internal enum BodyUse : byte { Receiving = 0, Delivering = 1 }

/// <summary>The one budget of all content in memory: being received, lately received, being delivered.</summary>
/// <remarks>Never exceeded. Who asks when it is used up first has lately received content dropped, then waits in turn
/// for a bounded time, or is told no. An eighth is for deliveries alone, and they come first: they empty the spool, so
/// receivers that hold all the rest, however slowly they go on, must not keep them from reading.</remarks>
internal sealed class BodyMemory(Func<long> limit, TimeProvider time)
{
    /// <summary>Of the smallest budget allowed (16 × <see cref="SpoolOptions.InlineBytesMax"/>) it is what the largest
    /// message in the log takes: the pool rounds up to the next power of two.</summary>
    private const int ReservedShare = 8;
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _receivers = [];
    private readonly LinkedList<Waiter> _deliveries = [];
    private long _used;
    private int _waiting;
    private int _waitingDeliveries;
    private bool _isGranting;

    private sealed record Waiter(int Bytes, BodyUse Use, TaskCompletionSource<bool> Granted);

    public long UsedBytes => Volatile.Read(ref _used);
    /// <summary>What receivers may fill.</summary>
    public long ReceivedMax => limit() - (limit() / ReservedShare);

    /// <summary>Drops the oldest content that nobody reads; false when there is none. Set once, by the spool.</summary>
    public Func<bool> DropOldest { get; set; } = static () => false;

    public bool TryTake(int bytes, BodyUse use)
    {
        // Those who wait come first, or a stream of small takers would starve them.
        if (Volatile.Read(ref use == BodyUse.Delivering ? ref _waitingDeliveries : ref _waiting) > 0)
            return false;
        return TryTakeNow(bytes, use);
    }

    private bool TryTakeNow(int bytes, BodyUse use)
    {
        var most = use == BodyUse.Delivering ? limit() : ReceivedMax;
        while (true)
        {
            if (Interlocked.Add(ref _used, bytes) <= most)
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
    public async ValueTask<bool> TakeAsync(int bytes, BodyUse use, TimeSpan wait, CancellationToken abort)
    {
        if (TryTake(bytes, use))
            return true;
        var waiter = new Waiter(bytes, use,
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
        {
            QueueOf(use).AddLast(waiter);
            CountWaiters();
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
            Grant(_deliveries);
            if (_deliveries.Count == 0)
                Grant(_receivers);
            CountWaiters();
            _isGranting = false;
        }
    }

    private void Grant(LinkedList<Waiter> waiters)
    {
        while (waiters.First is { } first && TryTakeNow(first.Value.Bytes, first.Value.Use))
        {
            if (!first.Value.Granted.TrySetResult(true))
                Interlocked.Add(ref _used, -first.Value.Bytes);
            waiters.RemoveFirst();
        }
    }

    private LinkedList<Waiter> QueueOf(BodyUse use) => use == BodyUse.Delivering ? _deliveries : _receivers;

    private void CountWaiters()
    {
        Volatile.Write(ref _waitingDeliveries, _deliveries.Count);
        Volatile.Write(ref _waiting, _deliveries.Count + _receivers.Count);
    }

    private void Forget(Waiter waiter)
    {
        lock (_gate)
        {
            QueueOf(waiter.Use).Remove(waiter);
            CountWaiters();
        }
        Grant();
    }

    /// <summary>Size of the array that the pool hands out for a request.</summary>
    public static int PooledSize(int bytes) =>
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(bytes, 16));

    public static byte[] Rent(int bytes) => ArrayPool<byte>.Shared.Rent(bytes);
}
