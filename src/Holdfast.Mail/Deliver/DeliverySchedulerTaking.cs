using Holdfast.Mail.Spool;
using Holdfast.Traffic.Balance;

namespace Holdfast.Mail.Deliver;

/// <summary>Hands out what may be sent next, and remembers what was refused a place.</summary>
internal sealed partial class DeliveryScheduler
{
    private const int AgingStepsMax = 64;
    private static readonly TimeSpan CanaryPollMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MoveDelayMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MoveDelayMax = TimeSpan.FromMinutes(1);
    /// <summary>A return, in a hurry or not, has carried what came meanwhile by then.</summary>
    private static readonly TimeSpan ReturnMax = TimeSpan.FromMinutes(1);

    /// <summary>Next message that may be sent, on any route or on the one given.</summary>
    /// <param name="wake">When false is returned: when to ask again at the latest; MaxValue: when something changes.
    /// </param>
    public bool TryTake(TimeSpan now, DeliveryRoute? only, out TakenEntry taken, out TimeSpan wake)
    {
        lock (_gate)
        {
            wake = TimeSpan.MaxValue;
            taken = default;
            if (_inFlight >= _options.InFlightMax)
                return false;
            if (only is not null && TryTakeFrom(only, now, ref taken, ref wake))
                return true;
            for (var i = _listed.Count; i > 0; i--)
            {
                if (_nextListed >= _listed.Count)
                    _nextListed = 0;
                var route = _listed[_nextListed];
                if (route.Ready.Count == 0)
                {
                    route.IsListed = false;
                    _listed[_nextListed] = _listed[^1];
                    _listed.RemoveAt(_listed.Count - 1);
                    continue;
                }
                _nextListed++;
                if (route != only && TryTakeFrom(route, now, ref taken, ref wake))
                    return true;
            }
            return false;
        }
    }

    /// <summary>Gives the slot back that the placement took.</summary>
    public void Release(in TakenEntry taken, bool delivered, TimeSpan now)
    {
        if (taken.Route.Mx is null)
        {
            _placements.Release(taken.Placement, delivered, now);
            return;
        }
        lock (_gate)
            taken.Route.Mx.Release(taken.Placement.Kind == PlacementKind.Canary);
    }

    /// <summary>Placements that failed in a row before the one taken; none when the destination has opened since: the
    /// closure that they were of is over.</summary>
    public int MovesOf(in TakenEntry taken)
    {
        lock (_gate)
            return taken.Route.OpenedAt >= taken.At ? 0 : taken.Moves;
    }

    /// <summary>Notes what an MX destination came to as a whole.</summary>
    public void ReportMx(DeliveryRoute route, string? failure, TimeSpan now)
    {
        lock (_gate)
        {
            if (route.Mx is null)
                return;
            if (failure is null)
                route.Mx.Succeeded();
            else
                route.Mx.Failed(now, failure, _random.NextDouble());
        }
    }

    /// <summary>A slot became free: what was refused for want of one may be asked for again.</summary>
    public void Unblock(DeliveryRoute route)
    {
        lock (_gate)
        {
            if (route.LastWait == WaitReason.Saturated)
                route.Unblock();
        }
    }

    private bool TryTakeFrom(DeliveryRoute route, TimeSpan now, ref TakenEntry taken, ref TimeSpan wake)
    {
        while (route.Ready.Count > 0)
        {
            if (!TryChoose(route, now, out var index, out var backlog, ref wake))
                return false;
            ref var entry = ref _table[index];
            var head = _table.HeadOf(entry);
            if ((_table[head].Flags & EntryFlags.Claimed) != 0)
            {
                // Another route's attempt, or an act, has the message; it queues this entry again when it ends.
                route.Ready.Remove(index, false);
                entry.State = EntryState.Waiting;
                continue;
            }
            var placement = _placements.Place(route, entry, backlog, now);
            if (!placement.MaySend)
            {
                if (entry.Avoid >= 0)
                {
                    entry.Avoid = -1;
                    if (placement.Wait == WaitReason.AllClosed)
                        continue;
                    // Nowhere else to go now: after a pause the target that failed it may be asked again. Only this
                    // message avoids it, so the route isn't blocked.
                    route.Ready.Remove(index, true);
                    Queue(index, route, route.TimeAt(now) + MoveDelay(entry.Moves), false, forPlace: true,
                        now);
                    continue;
                }
                Block(route, entry.Priority, backlog, placement, now, ref wake);
                if (placement.Wait == WaitReason.Saturated && backlog && route.Ready.BestFresh < ReadyQueue.Priorities)
                    continue;
                return false;
            }
            // A canary that was ready when its destination opened.
            if (IsForPlace(index) && !route.IsClosed)
                entry.Moves = 0;
            entry.Flags &= ~EntryFlags.ForPlace;
            route.LastWait = WaitReason.None;
            route.Ready.Remove(index, true);
            entry.State = EntryState.InDelivery;
            _table[head].Flags |= EntryFlags.Claimed;
            _inFlight++;
            route.InFlight++;
            taken = new TakenEntry(index, new SpoolHandle(entry.Slot, entry.Generation), route, placement,
                TakeKept(new SpoolHandle(entry.Slot, entry.Generation)), entry.Moves, now);
            return true;
        }
        return false;
    }

    /// <summary>The best entry that isn't known to be refused: by priority, fresh before backlog.</summary>
    private bool TryChoose(DeliveryRoute route, TimeSpan now, out int index, out bool backlog, ref TimeSpan wake)
    {
        index = -1;
        backlog = false;
        for (var steps = 0; steps < AgingStepsMax; steps++)
        {
            var ready = route.Ready;
            var (fresh, old) = (ready.BestFresh, ready.BestBacklog);
            if (fresh < ReadyQueue.Priorities && now < route.FreshBlockedUntil && fresh >= route.FreshBlockedPriority)
            {
                wake = Min(wake, route.FreshBlockedUntil);
                fresh = ReadyQueue.Priorities;
            }
            if (old < ReadyQueue.Priorities && now < route.BacklogBlockedUntil && old >= route.BacklogBlockedPriority)
            {
                wake = Min(wake, route.BacklogBlockedUntil);
                old = ReadyQueue.Priorities;
            }
            if (fresh == ReadyQueue.Priorities && old == ReadyQueue.Priorities)
                return false;
            backlog = old < fresh;
            index = ready.Peek(backlog, backlog ? old : fresh);
            ref var entry = ref _table[index];
            if (backlog || IsFresh(entry, now))
                return true;
            Age(route, index, ref entry);
        }
        backlog = true;
        return index >= 0;
    }

    /// <summary>Each control tick. While a destination is closed nobody asks for what waits there: without this, mail
    /// that is fresh at the return would stand behind all that came while it was closed.</summary>
    private void Age(DeliveryRoute route, TimeSpan now)
    {
        var steps = 0;
        for (var priority = 0; priority < ReadyQueue.Priorities; priority++)
        {
            for (; steps < DueStepsMax && route.Ready.HasFresh(priority); steps++)
            {
                var index = route.Ready.Peek(false, priority);
                ref var entry = ref _table[index];
                if (IsFresh(entry, now))
                    break;
                Age(route, index, ref entry);
            }
        }
    }

    private bool IsFresh(in ScheduleEntry entry, TimeSpan now) =>
        SecondsAt(now) - entry.ReceivedAt < _options.FreshFor.TotalSeconds;

    /// <summary>It waited: from here on it is backlog, behind what arrives now. What came while the destination came
    /// back, more than that could take yet, goes ahead of what waited before: else the first seconds of a return would
    /// wait for the last hour before it.</summary>
    private void Age(DeliveryRoute route, int index, ref ScheduleEntry entry)
    {
        route.Ready.Remove(index, false);
        entry.Flags |= EntryFlags.Backlog;
        route.Ready.Add(index, front: CameAtReturn(route, entry));
    }

    private bool CameAtReturn(DeliveryRoute route, in ScheduleEntry entry) =>
        !route.IsClosed && route.OpenedAt is { } opened
        && entry.ReceivedAt >= SecondsAt(opened - _options.FreshFor)
        && entry.ReceivedAt <= SecondsAt(opened + ReturnMax);

    private void Block(DeliveryRoute route, int priority, bool backlog, in Placement placement, TimeSpan now,
        ref TimeSpan wake)
    {
        route.LastWait = placement.Wait;
        if (placement.Wait == WaitReason.AllClosed && route.NoteClosed(true, now))
            Volatile.Write(ref _everClosed, true);
        var until = now + (placement.RetryAfter > CanaryPollMin ? placement.RetryAfter
            : placement.Wait == WaitReason.Saturated ? TimeSpan.FromMilliseconds(Math.Max(1,
                placement.RetryAfter.TotalMilliseconds)) : CanaryPollMin);
        wake = Min(wake, until);
        var all = placement.Wait != WaitReason.Saturated;
        if (backlog || all)
        {
            route.BacklogBlockedUntil = until;
            route.BacklogBlockedPriority = all ? 0 : priority;
        }
        if (!backlog || all)
        {
            route.FreshBlockedUntil = until;
            route.FreshBlockedPriority = all ? 0 : priority;
            // What fresh mail doesn't get, backlog of the same priority doesn't get either.
            if (!all)
            {
                route.BacklogBlockedUntil = until;
                route.BacklogBlockedPriority = priority;
            }
        }
    }

    private TimeSpan MoveDelay(int moves)
    {
        var delay = TimeSpan.FromTicks(Math.Min(MoveDelayMax.Ticks, MoveDelayMin.Ticks << Math.Clamp(moves - 1, 0, 6)));
        return delay * (0.75 + (0.5 * _random.NextDouble()));
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
