using System.Numerics;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Select;

/// <summary>Where requests of one service wait for a place: the most important first, and the newest first while the
/// service sheds, since the oldest have the least chance to be answered in time.</summary>
/// <remarks>
/// Bounded: who finds it full is told at once. Whoever is placed, leaves or is refused has left the engine's count of
/// queued requests exactly once. The board is asked again whenever a request of the service ends, when the board said,
/// and at each control tick. What the simulator's edges do, on real time.
/// </remarks>
internal sealed class PlaceQueue : IDisposable
{
    /// <summary>The board's answers are asked for again no sooner and no later than this.</summary>
    private static readonly TimeSpan s_askMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_askMax = TimeSpan.FromSeconds(1);
    private readonly ServiceId _service;
    private readonly ITrafficBoard _board;
    private readonly TimeProvider _time;
    private readonly ITimer _ask;
    private const int Priorities = 6;
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter>[] _lists =
        [.. Enumerable.Range(0, Priorities).Select(_ => new LinkedList<Waiter>())];
    private uint _used;
    /// <summary>When the board is asked again, on its clock; <see cref="TimeSpan.MaxValue"/>: when something ends.
    /// </summary>
    private TimeSpan _askAt = TimeSpan.MaxValue;
    private volatile int _count;
    private volatile bool _isShedding;

    public PlaceQueue(ServiceId service, ITrafficBoard board, TimeProvider time)
    {
        _service = service;
        _board = board;
        _time = time;
        _ask = time.CreateTimer(static queue => ((PlaceQueue)queue!).Asked(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    public int Count => _count;

    public void Dispose() => _ask.Dispose();

    /// <summary>Told by each admission: the engine sheds now.</summary>
    public void Shedding(bool sheds) => _isShedding = sheds;

    /// <summary>A place at once, or when there is one. A placement that may not be sent says why there is none: the
    /// time ended, the queue is full, nothing is open for longer than the request can wait, or no repeat is allowed.
    /// </summary>
    /// <param name="until">When waiting ends, on the board's clock.</param>
    public ValueTask<Placement> PlaceAsync(in PlacementRequest request, TimeSpan until, int waitingMax,
        CancellationToken left)
    {
        var now = _time.GetElapsedTime(0);
        var list = Math.Min((int)request.Priority, Priorities - 1);
        var again = TimeSpan.Zero;
        var ahead = Volatile.Read(ref _used) & (_isShedding ? (1u << list) - 1 : (2u << list) - 1);
        if (ahead == 0)
        {
            var placement = _board.Place(request, now);
            if (placement.MaySend)
                return new(placement);
            if (placement.Wait is WaitReason.RetryBudget or WaitReason.NoTarget)
                return new(GaveUp(request, placement, now));
            again = placement.RetryAfter;
        }
        return WaitAsync(request, list, until, again, waitingMax, left);
    }

    private async ValueTask<Placement> WaitAsync(PlacementRequest request, int list, TimeSpan until, TimeSpan again,
        int waitingMax, CancellationToken left)
    {
        var waiter = new Waiter(request, until);
        lock (_gate)
        {
            if (_count >= waitingMax || left.IsCancellationRequested)
                return GaveUp(request, Full, _time.GetElapsedTime(0));
            waiter.Node = _lists[list].AddLast(waiter);
            _used |= 1u << list;
            _count++;
            if (again > TimeSpan.Zero)
                Arm(again, _time.GetElapsedTime(0));
        }
        using var leaves = left.UnsafeRegister(static (state, _) =>
        {
            var (queue, waiter) = ((PlaceQueue, Waiter))state!;
            queue.Leave(waiter);
        }, (this, waiter));
        return await waiter.Task.ConfigureAwait(false);
    }

    private static Placement Full => new(PlacementKind.Wait, TargetId.None, default, false, WaitReason.Saturated,
        TimeSpan.FromSeconds(1));

    /// <summary>Asks the board for those who wait, until it has no more places, and lets go whose time is over.
    /// </summary>
    public void Pump()
    {
        if (_count == 0)
            return;
        var now = _time.GetElapsedTime(0);
        // Continuations run elsewhere; nothing waits inside.
        lock (_gate)
        {
            LetGo(now);
            while (_used != 0)
            {
                var list = BitOperations.TrailingZeroCount(_used);
                var waiter = (_isShedding ? _lists[list].Last : _lists[list].First)!.Value;
                var placement = _board.Place(waiter.Request, now);
                if (placement.MaySend)
                {
                    Remove(waiter);
                    // It left in this moment: its place goes to the next.
                    if (!waiter.TrySetResult(placement))
                        _board.Release(placement, delivered: false, now);
                    continue;
                }
                if (placement.Wait is not (WaitReason.RetryBudget or WaitReason.NoTarget))
                {
                    Arm(placement.RetryAfter, now);
                            return;
                }
                Remove(waiter);
                waiter.TrySetResult(GaveUp(waiter.Request, placement, now));
            }
        }
    }

    /// <summary>A site's pace gives places in steps of milliseconds: who asks at control ticks alone loses most of
    /// them.</summary>
    private void Arm(TimeSpan after, TimeSpan now)
    {
        after = after < s_askMin ? s_askMin : after > s_askMax ? s_askMax : after;
        if (_askAt <= now + after)
            return;
        _askAt = now + after;
        _ask.Change(after, Timeout.InfiniteTimeSpan);
    }

    private void Asked()
    {
        lock (_gate)
            _askAt = TimeSpan.MaxValue;
        Pump();
    }

    private void LetGo(TimeSpan now)
    {
        foreach (var list in _lists)
        {
            for (var node = list.First; node is not null;)
            {
                var waiter = node.Value;
                node = node.Next;
                if (now < waiter.Until)
                    continue;
                Remove(waiter);
                waiter.TrySetResult(GaveUp(waiter.Request, Full, now));
            }
        }
    }

    private void Leave(Waiter waiter)
    {
        lock (_gate)
        {
            if (waiter.Node is null)
                return;
            Remove(waiter);
        }
        waiter.TrySetResult(GaveUp(waiter.Request, Full, _time.GetElapsedTime(0)));
    }

    private void Remove(Waiter waiter)
    {
        var list = Math.Min((int)waiter.Request.Priority, Priorities - 1);
        _lists[list].Remove(waiter.Node!);
        waiter.Node = null;
        if (_lists[list].Count == 0)
            _used &= ~(1u << list);
        _count--;
    }

    /// <summary>A request that was placed once isn't counted as queued any more.</summary>
    private Placement GaveUp(in PlacementRequest request, in Placement placement, TimeSpan now)
    {
        if (request.Attempt == 0 && !request.IsHedge)
            _board.Withdraw(_service, now);
        return placement;
    }

    private sealed class Waiter(PlacementRequest request, TimeSpan until)
        : TaskCompletionSource<Placement>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public PlacementRequest Request { get; } = request;
        public TimeSpan Until { get; } = until;
        public LinkedListNode<Waiter>? Node { get; set; }
    }
}
