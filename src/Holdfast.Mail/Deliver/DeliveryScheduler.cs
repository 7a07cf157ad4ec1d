using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Balance;

namespace Holdfast.Mail.Deliver;

/// <summary>A message that may be tried now, with the place that it may go to.</summary>
/// <param name="Message">Kept from its arrival; null: load it.</param>
/// <param name="At">When it was taken, in monotonic time.</param>
internal readonly record struct TakenEntry(
    int Entry, SpoolHandle Handle, DeliveryRoute Route, Placement Placement, SpooledMessage? Message, byte Moves,
    TimeSpan At = default);

/// <summary>Where the recipients of one message on one route stand after they were looked at.</summary>
/// <param name="Delay">Until the next attempt; zero: ready now.</param>
/// <param name="Front">Ahead of what is ready already: it was at work a moment ago.</param>
/// <param name="PlaceDelay">The part of those who wait only because the destination failed; zero: nobody does.</param>
/// <param name="Moves">Placements in a row that failed with the target or site; they lengthen the next wait.</param>
internal readonly record struct PlannedEntry(
    DeliveryRoute Route, TimeSpan Delay, int Attempts, bool Front, bool IsBacklog, bool OutcomeUnknown, int Prefer,
    int Avoid, int Moves, ushort Tenant, TimeSpan PlaceDelay = default);

/// <summary>One schedule over all waiting mail: what is tried next, on which route, at which target.</summary>
/// <remarks>
/// Promise: priority first, tenants in turn within it, fresh before backlog, first in first out within that (what a
/// return couldn't take yet last in first out, before the backlog); deferred mail when its time comes in its route's
/// own time. A message is in one pair of hands at a time, whatever the number of its routes. Decides only: no sockets,
/// disk or clocks; <c>now</c> is monotonic time.
/// When a destination that was closed opens, what waits only because it failed (scope target or site) is ready at once,
/// and goes at the pace at which there are places. What was deferred for its recipient, for itself or our address, for
/// pace or for an unknown outcome keeps its own time, as does all that goes by MX: there are no verdicts.
/// Limit: within a tenant the order of acceptance stands for the order of deadlines.
/// Thread-safe: one lock, short sections; <see cref="DeliveryPlacements"/> are asked for under it.
/// </remarks>
internal sealed partial class DeliveryScheduler
{
    private const int LoadStepsMax = 1 << 16;

    private readonly Lock _gate = new();
    private readonly ScheduleTable _table = new();
    private readonly List<DeliveryRoute> _routes = [];
    private readonly Dictionary<string, DeliveryRoute> _routeByKey = new(StringComparer.Ordinal);
    private readonly Stack<int> _freeRoutes = [];
    private readonly List<DeliveryRoute> _listed = [];
    private readonly Dictionary<int, SpooledMessage> _kept = [];
    private readonly DeliveryPlacements _placements;
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
    public DeliveryScheduler(DeliveryPlacements placements, DeliverOptions options, Random random, TimeSpan now)
    {
        _placements = placements;
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
                    Queue(index, route, route.TimeAt(now) + delay, front: true, forPlace: false, now);
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

    /// <summary>Seconds since the schedule began; negative: before.</summary>
    private int SecondsAt(TimeSpan now) => (int)(now - _origin).TotalSeconds;

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

    /// <summary>Ties a route to its rule and to the service in the current topology.</summary>
    private void Bind(DeliveryRoute route, MailRoute? rule)
    {
        route.Rule = rule;
        route.Service = _placements.ServiceOf(rule);
        // Without a rule its slots stay: attempts under way give theirs back.
        if (rule is { IsMx: true })
            route.Mx ??= new MxDestination(_options.ConnectionsPerMxMax);
        else if (rule is not null)
            route.Mx = null;
    }
}
