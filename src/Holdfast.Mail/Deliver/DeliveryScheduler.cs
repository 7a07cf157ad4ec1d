using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>A message that may be tried now, with the place that it may go to.</summary>
/// <param name="Message">Kept from its arrival; null: load it.</param>
internal readonly record struct TakenEntry(
    int Entry, SpoolHandle Handle, DeliveryRoute Route, Placement Placement, SpooledMessage? Message, byte Moves);

/// <summary>Where the recipients of one message on one route stand after they were looked at.</summary>
/// <param name="Delay">Until the next attempt; zero: ready now.</param>
/// <param name="Front">Ahead of what is ready already: it was at work a moment ago.</param>
/// <param name="Moves">Placements at once so far; 0 after a back-off.</param>
internal readonly record struct PlannedEntry(
    DeliveryRoute Route, TimeSpan Delay, int Attempts, bool Front, bool IsBacklog, bool OutcomeUnknown, int Prefer,
    int Avoid, int Moves, ushort Tenant);

/// <summary>One schedule over all waiting mail: what is tried next, on which route, at which target.</summary>
/// <remarks>
/// Promise: priority first, tenants in turn within it, fresh before backlog, first in first out within that; deferred
/// mail when its time comes in its route's own time. A message is in one pair of hands at a time, whatever the number
/// of its routes. Decides only: no sockets, disk or clocks; <c>now</c> is monotonic time.
/// Limit: within a tenant the order of acceptance stands for the order of deadlines.
/// Thread-safe: one lock, short sections; the board is asked under it.
/// </remarks>
internal sealed partial class DeliveryScheduler
{
    private const int AgingStepsMax = 64;
    private const int LoadStepsMax = 1 << 16;
    private static readonly TimeSpan CanaryPollMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MoveDelayMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MoveDelayMax = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly ScheduleTable _table = new();
    private readonly List<DeliveryRoute> _routes = [];
    private readonly Dictionary<string, DeliveryRoute> _routeByKey = new(StringComparer.Ordinal);
    private readonly Stack<int> _freeRoutes = [];
    private readonly List<DeliveryRoute> _listed = [];
    private readonly Dictionary<int, SpooledMessage> _kept = [];
    private readonly ITrafficBoard _board;
    private readonly Random _random;
    private readonly TimeSpan _origin;
    private DeliverOptions _options;
    private int _nextListed;
    private int _inFlight;
    private int _unrouted;
    private int _held;
    private int _toLoad;
    private int _loadCursor;

    /// <param name="now">Monotonic time: ages are counted in seconds from here.</param>
    public DeliveryScheduler(ITrafficBoard board, DeliverOptions options, Random random, TimeSpan now)
    {
        _board = board;
        _origin = now;
        _options = options;
        _random = random;
    }

    public int InFlight
    {
        get { lock (_gate) return _inFlight; }
    }

    /// <summary>Entries, in flight ones included.</summary>
    public int Count
    {
        get { lock (_gate) return _table.Count; }
    }

    public void Configure(DeliverOptions options)
    {
        lock (_gate)
            _options = options;
    }

    /// <summary>Takes a message in whose routes aren't known yet. With its envelope at hand the caller routes it at
    /// once; else <see cref="TryTakeUnrouted"/> hands it out.</summary>
    public void Arrive(in WaitingMessage message, SpooledMessage? loaded, TimeSpan age, TimeSpan now)
    {
        lock (_gate)
        {
            if (_table.HeadOf(message.Handle) >= 0)
                return;
            var index = _table.Add(message.Handle.Slot, message.Handle.Generation);
            ref var entry = ref _table[index];
            entry.Priority = Math.Min(message.Priority, (byte)(ReadyQueue.Priorities - 1));
            entry.ReceivedAt = SecondsAt(now - age);
            _unrouted++;
            if (loaded is null)
                MarkStale(ref entry);
            else if (_kept.Count < _options.KeptMessagesMax)
                _kept[message.Handle.Slot] = loaded;
        }
    }

    /// <summary>Finds or makes the route of a decision.</summary>
    public DeliveryRoute RouteFor(in RouteDecision decision)
    {
        lock (_gate)
        {
            if (_routeByKey.TryGetValue(decision.Key, out var route))
            {
                route.IdleRounds = 0;
                // Made by a decision that a reload overtook, it would keep the old rule until the next reload.
                if (!ReferenceEquals(route.Rule, decision.Route))
                    Bind(route, decision.Route);
                return route;
            }
            var reuse = _freeRoutes.TryPop(out var index);
            route = new DeliveryRoute(reuse ? index : _routes.Count, decision.Key,
                decision.HasRoute ? decision.Destination : "(no rule)", _table);
            Bind(route, decision.Route);
            if (reuse)
                _routes[index] = route;
            else
                _routes.Add(route);
            _routeByKey.Add(decision.Key, route);
            return route;
        }
    }

    /// <summary>Claims a message that must be loaded to be routed; the caller ends with <see cref="Plan"/>,
    /// <see cref="Ended"/> or <see cref="PutBack"/>.</summary>
    public bool TryTakeUnrouted(out SpoolHandle handle)
    {
        lock (_gate)
        {
            handle = default;
            for (var steps = Math.Min(_table.HighMark, LoadStepsMax); steps > 0 && _toLoad > 0; steps--)
            {
                if (_loadCursor >= _table.HighMark)
                    _loadCursor = 0;
                var index = _loadCursor++;
                ref var entry = ref _table[index];
                if ((entry.Flags & EntryFlags.Stale) == 0 || !TryClaim(index))
                    continue;
                handle = new SpoolHandle(entry.Slot, entry.Generation);
                TakeKept(handle);
                return true;
            }
            return false;
        }
    }

    /// <summary>True while there are messages for <see cref="TryTakeUnrouted"/>.</summary>
    public bool HasUnrouted
    {
        get { lock (_gate) return _toLoad > 0; }
    }

    /// <summary>Claims a message that just arrived, so that the caller routes it.</summary>
    public bool TryClaim(SpoolHandle handle)
    {
        lock (_gate)
        {
            var head = _table.HeadOf(handle);
            return head >= 0 && TryClaim(head);
        }
    }

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

    /// <summary>Sets the message's entries as the plan says and lets it go. Entries of routes that the plan lacks go.
    /// Those of other routes that stand in a queue stay there, unless <paramref name="force"/> is set.</summary>
    /// <param name="rules">What the plan was made by. When a reload has overtaken it, the message is looked at again;
    /// else it would wait on a route that is no more.</param>
    public void Plan(SpoolHandle handle, ReadOnlySpan<PlannedEntry> plan, bool held, MessageProgress progress,
        TimeSpan now, bool force = false, RouteTable? rules = null)
    {
        lock (_gate)
        {
            var isOvertaken = rules is not null && _rules is not null && rules != _rules;
            var head = _table.HeadOf(handle);
            if (head < 0)
                return;
            var kept = TakeKept(handle);
            Span<bool> matched = plan.Length <= 64 ? stackalloc bool[plan.Length] : new bool[plan.Length];
            var (priority, receivedAt) = (_table[head].Priority, _table[head].ReceivedAt);
            // The first entry is kept to the end: it carries the claim and the message's facts.
            for (var index = head; index >= 0;)
            {
                ref var entry = ref _table[index];
                var next = entry.NextOfMessage;
                var at = entry.Route < 0 ? -1 : Find(plan, entry.Route);
                if (at < 0 && entry.State == EntryState.Unrouted)
                    at = matched.IndexOf(false);
                if (at < 0 || matched[at])
                {
                    Unlink(index, false);
                    Drop(index);
                }
                else
                {
                    matched[at] = true;
                    if (force || held || entry.State is not (EntryState.Ready or EntryState.Scheduled))
                    {
                        Unlink(index, entry.State == EntryState.InDelivery);
                        Link(index, plan[at], held, progress, now);
                    }
                    ClearStale(ref entry);
                    if (isOvertaken)
                        MarkStale(ref entry);
                    entry.Flags &= ~EntryFlags.ChoreQueued;
                    if (progress.DelayNoticeSent)
                        entry.Flags |= EntryFlags.DelayNoticeSent;
                }
                index = next;
            }
            for (var i = 0; i < plan.Length; i++)
            {
                if (matched[i])
                    continue;
                var index = _table.Add(handle.Slot, handle.Generation);
                ref var entry = ref _table[index];
                entry.Priority = priority;
                entry.ReceivedAt = receivedAt;
                _unrouted++;
                Unlink(index, false);
                Link(index, plan[i], held, progress, now);
                if (isOvertaken)
                    MarkStale(ref entry);
            }
            Unclaim(handle);
            // A message of one ready entry is worth keeping: its first attempt is a moment away.
            if (kept is not null && plan is [{ Attempts: 0 } first] && !held && first.Delay <= TimeSpan.Zero)
                _kept[handle.Slot] = kept;
        }
    }

    /// <summary>The message has ended: its entries go.</summary>
    public void Ended(SpoolHandle handle)
    {
        lock (_gate)
        {
            TakeKept(handle);
            for (var index = _table.HeadOf(handle); index >= 0;)
            {
                var next = _table[index].NextOfMessage;
                Unlink(index, true);
                Drop(index);
                index = next;
            }
        }
    }

    /// <summary>Lets a claimed message go as it was, to be looked at again after a delay (it couldn't be loaded, or the
    /// attempt was broken off before it began).</summary>
    public void PutBack(SpoolHandle handle, TimeSpan delay, TimeSpan now)
    {
        lock (_gate)
        {
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
            {
                ref var entry = ref _table[index];
                entry.Flags &= ~EntryFlags.ChoreQueued;
                if (entry.State == EntryState.Unrouted)
                    MarkStale(ref entry);
                if (entry.State is EntryState.InDelivery or EntryState.Waiting)
                {
                    var route = _routes[entry.Route];
                    Unlink(index, false);
                    Queue(index, route, route.TimeAt(now) + delay, front: true, now);
                }
            }
            Unclaim(handle);
        }
    }

    /// <summary>Takes the message out of every queue for an act on it. False: somebody else has it, or it ended.
    /// </summary>
    public bool TryClaimForAct(SpoolHandle handle)
    {
        lock (_gate)
        {
            var head = _table.HeadOf(handle);
            if (head < 0 || !TryClaim(head))
                return false;
            TakeKept(handle);
            return true;
        }
    }

    /// <summary>Gives the slot back that the placement took.</summary>
    public void Release(in TakenEntry taken, bool delivered, TimeSpan now)
    {
        if (taken.Route.Mx is null)
        {
            _board.Release(taken.Placement, delivered, now);
            return;
        }
        lock (_gate)
            taken.Route.Mx.Release(taken.Placement.Kind == PlacementKind.Canary);
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
            var placement = Place(route, ref entry, backlog, now);
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
                    Queue(index, route, route.TimeAt(now) + MoveDelay(entry.Moves), false, now);
                    continue;
                }
                Block(route, entry.Priority, backlog, placement, now, ref wake);
                if (placement.Wait == WaitReason.Saturated && backlog && route.Ready.BestFresh < ReadyQueue.Priorities)
                    continue;
                return false;
            }
            route.LastWait = WaitReason.None;
            route.Ready.Remove(index, true);
            entry.State = EntryState.InDelivery;
            _table[head].Flags |= EntryFlags.Claimed;
            _inFlight++;
            route.InFlight++;
            taken = new TakenEntry(index, new SpoolHandle(entry.Slot, entry.Generation), route, placement,
                TakeKept(new SpoolHandle(entry.Slot, entry.Generation)), entry.Moves);
            return true;
        }
        return false;
    }

    private Placement Place(DeliveryRoute route, ref ScheduleEntry entry, bool backlog, TimeSpan now)
    {
        if (route.Mx is { } mx)
        {
            return mx.TryTake(now, out var canary, out var wait)
                ? new Placement(canary ? PlacementKind.Canary : PlacementKind.Send, TargetId.None, new SiteId(-1),
                    false, WaitReason.None, TimeSpan.Zero)
                : new Placement(PlacementKind.Wait, TargetId.None, new SiteId(-1), false, WaitReason.Saturated, wait);
        }
        if (route.Service is not { } service)
            return new Placement(PlacementKind.Wait, TargetId.None, new SiteId(-1), false, WaitReason.NoTarget,
                TimeSpan.FromSeconds(1));
        var avoid = entry.Avoid >= 0 ? new TargetId(entry.Avoid) : TargetId.None;
        return _board.Place(new PlacementRequest(service, OperationClass.MailDelivery, entry.Priority, backlog, avoid,
            entry.Prefer >= 0 ? new SiteId(entry.Prefer) : null), now);
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
            if (backlog || SecondsAt(now) - entry.ReceivedAt < _options.FreshFor.TotalSeconds)
                return true;
            // It waited: from here on it is backlog, behind what arrives now.
            ready.Remove(index, false);
            entry.Flags |= EntryFlags.Backlog;
            ready.Add(index, front: false);
        }
        return index >= 0;
    }

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

    /// <summary>Seconds since the schedule began; negative: before.</summary>
    private int SecondsAt(TimeSpan now) => (int)(now - _origin).TotalSeconds;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static int Find(ReadOnlySpan<PlannedEntry> plan, int route)
    {
        for (var i = 0; i < plan.Length; i++)
        {
            if (plan[i].Route.Index == route)
                return i;
        }
        return -1;
    }

    /// <summary>The message kept for the handle. Two generations of a slot may have entries for a moment, and each must
    /// get its own: with the other's, one would be sent twice and the other never.</summary>
    private SpooledMessage? TakeKept(SpoolHandle handle)
    {
        if (!_kept.TryGetValue(handle.Slot, out var message) || message.Handle != handle)
            return null;
        _kept.Remove(handle.Slot);
        return message;
    }

    private bool TryClaim(int index)
    {
        var head = _table.HeadOf(_table[index]);
        if ((_table[head].Flags & EntryFlags.Claimed) != 0)
            return false;
        _table[head].Flags |= EntryFlags.Claimed;
        return true;
    }

    private void Unclaim(SpoolHandle handle)
    {
        var head = _table.HeadOf(handle);
        if (head >= 0)
            _table[head].Flags &= ~EntryFlags.Claimed;
    }

    /// <summary>Takes the entry out of whatever it stands in; its state is Waiting then.</summary>
    private void Unlink(int index, bool served)
    {
        ref var entry = ref _table[index];
        switch (entry.State)
        {
            case EntryState.Unrouted:
                _unrouted--;
                break;
            case EntryState.Ready:
                _routes[entry.Route].Ready.Remove(index, served);
                break;
            case EntryState.Scheduled:
                _routes[entry.Route].Scheduled.Remove(index);
                break;
            case EntryState.InDelivery:
                _inFlight--;
                _routes[entry.Route].InFlight--;
                break;
            case EntryState.Held:
                _held--;
                _routes[entry.Route].Held--;
                break;
        }
        entry.State = EntryState.Waiting;
    }

    private void Link(int index, in PlannedEntry plan, bool held, MessageProgress progress, TimeSpan now)
    {
        ref var entry = ref _table[index];
        var route = plan.Route;
        // An act plans anew without recording: closed time not yet in the stored progress stays charged.
        var recorded = (int)progress.ClosedTime.TotalSeconds;
        var uncharged = entry.Route < 0 ? 0 : Math.Max(0, entry.ClosedRecorded - entry.ClosedBase - recorded
            + (int)_routes[entry.Route].ClosedAt(now).TotalSeconds);
        if (entry.Route != route.Index)
        {
            if (entry.Route >= 0)
                _routes[entry.Route].Entries--;
            entry.Route = route.Index;
            route.Entries++;
        }
        entry.Attempts = (ushort)Math.Min(plan.Attempts, ushort.MaxValue);
        entry.Tenant = plan.Tenant;
        entry.Prefer = plan.Prefer;
        entry.Avoid = plan.Avoid;
        entry.Moves = (byte)Math.Min(plan.Moves, byte.MaxValue);
        entry.ClosedRecorded = recorded;
        entry.ClosedBase = (int)route.ClosedAt(now).TotalSeconds - uncharged;
        entry.Flags &= EntryFlags.Claimed | EntryFlags.Stale;
        if (plan.IsBacklog || plan.Attempts > 0)
            entry.Flags |= EntryFlags.Backlog;
        if (plan.OutcomeUnknown)
            entry.Flags |= EntryFlags.OutcomeUnknown;
        if (progress.DelayNoticeSent)
            entry.Flags |= EntryFlags.DelayNoticeSent;
        if (held)
        {
            entry.State = EntryState.Held;
            _held++;
            route.Held++;
            return;
        }
        Queue(index, route, route.TimeAt(now) + plan.Delay, plan.Front, now);
    }

    /// <summary>Puts an entry in no queue into its route's ready queue or heap.</summary>
    private void Queue(int index, DeliveryRoute route, TimeSpan due, bool front, TimeSpan now)
    {
        ref var entry = ref _table[index];
        if (due > route.TimeAt(now))
        {
            entry.Due = due.Ticks;
            entry.State = EntryState.Scheduled;
            route.Scheduled.Add(index);
            return;
        }
        entry.Due = 0;
        entry.State = EntryState.Ready;
        route.Ready.Add(index, front);
        if (!route.IsListed)
        {
            route.IsListed = true;
            _listed.Add(route);
        }
    }

    private void Drop(int index)
    {
        ref var entry = ref _table[index];
        if (entry.Route >= 0)
            _routes[entry.Route].Entries--;
        ClearStale(ref entry);
        _table.Remove(index);
    }

    private void MarkStale(ref ScheduleEntry entry)
    {
        if ((entry.Flags & EntryFlags.Stale) != 0)
            return;
        entry.Flags |= EntryFlags.Stale;
        _toLoad++;
    }

    private void ClearStale(ref ScheduleEntry entry)
    {
        if ((entry.Flags & EntryFlags.Stale) == 0)
            return;
        entry.Flags &= ~EntryFlags.Stale;
        _toLoad--;
    }

    /// <summary>Ties a route to its rule and to the service in the current topology.</summary>
    private void Bind(DeliveryRoute route, MailRoute? rule)
    {
        route.Rule = rule;
        route.Service = rule?.Service is { } name && _board.Topology.TryFindService(name, out var id) ? id : null;
        // Without a rule its slots stay: attempts under way give theirs back.
        if (rule is { IsMx: true })
            route.Mx ??= new MxDestination(_options.ConnectionsPerMxMax);
        else if (rule is not null)
            route.Mx = null;
    }
}
