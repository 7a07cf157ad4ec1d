using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>What a sweep found due on a message, wherever it sits.</summary>
internal enum ChoreKind : byte
{
    /// <summary>The time of its recipients on the route ran out.</summary>
    Expire = 0,
    /// <summary>Its sender is to be told that it waits.</summary>
    DelayNotice = 1,
    /// <summary>Closed time is to be written to its progress.</summary>
    RecordClosed = 2,
}

internal readonly record struct Chore(SpoolHandle Handle, ChoreKind Kind, DeliveryRoute Route);

/// <summary>How many entries stand where.</summary>
internal readonly record struct ScheduleCounts(
    int Unrouted, int Ready, int Scheduled, int DestinationClosed, int InDelivery, int Held, int Entries);

/// <summary>What happens with time rather than with messages: what is due, what is closed, what is too old.</summary>
internal sealed partial class DeliveryScheduler
{
    private const int DueStepsMax = 20_000;
    private const int StartGraceSeconds = 3600;
    private const int NoticeGraceSeconds = 900;
    private int _sweepCursor;
    private bool _everClosed;
    /// <summary>Rules of the last reload; null before the first.</summary>
    private RouteTable? _rules;

    /// <summary>Moves what is due to the ready queues and follows the board's verdicts. Returns the routes that closed
    /// or opened.</summary>
    public IReadOnlyList<DeliveryRoute> Tick(TimeSpan now)
    {
        List<DeliveryRoute>? changed = null;
        lock (_gate)
        {
            foreach (var route in _routes)
            {
                if (route.Service is { } service && route.NoteClosed(_placements.IsClosed(service), now))
                {
                    Volatile.Write(ref _everClosed, true);
                    (changed ??= []).Add(route);
                }
                Age(route, now);
                if (route.Deferred == 0)
                    continue;
                if (route.IsClosed)
                {
                    // The clock stands still, but somebody must be the canary, or nobody would see the destination
                    // return.
                    if (route.Ready.Count == 0 && route.InFlight == 0 && CanaryOf(route, now) is { } canary)
                        MakeReady(canary, route, now, forPlace: IsForPlace(canary));
                    continue;
                }
                ReleaseForPlace(route, now);
                MakeDueReady(route.ForPlace, route, now);
                MakeDueReady(route.Scheduled, route, now);
                MakeDueReady(route.Doubtful, route, now);
            }
        }
        return changed ?? (IReadOnlyList<DeliveryRoute>)[];
    }

    /// <summary>The destination was closed and is open again: what waited because it failed is ready, and goes as there
    /// are places. Its wait, which grew with each canary that it was, was the destination's and ends with the closure.
    /// Where more wait than a tick takes, the rest follows in the next.</summary>
    private void ReleaseForPlace(DeliveryRoute route, TimeSpan now)
    {
        for (var steps = 0; steps < DueStepsMax && route.ToRelease > 0 && route.ForPlace.Count > 0; steps++)
        {
            route.ToRelease--;
            _table[route.ForPlace.Top].Moves = 0;
            MakeReady(route.ForPlace.Top, route, now);
        }
    }

    /// <summary>Who of the deferred tries a closed destination: what waits for nothing else; then the first that is
    /// surely not there yet, before its time; else one whose outcome is unknown, when its own wait is over. That runs
    /// on while the destination is closed, but only this closure is counted: rather late than early. Null: until then
    /// nobody; a destination with no other mail has nothing to miss.</summary>
    private int? CanaryOf(DeliveryRoute route, TimeSpan now)
    {
        if (route.ForPlace.Count > 0)
            return route.ForPlace.Top;
        if (route.Scheduled.Count > 0)
            return route.Scheduled.Top;
        var waited = route.TimeAt(now) + (now - (route.ClosedSince ?? now));
        return _table[route.Doubtful.Top].Due <= waited.Ticks ? route.Doubtful.Top : null;
    }

    private void MakeDueReady(DueHeap heap, DeliveryRoute route, TimeSpan now)
    {
        var time = route.TimeAt(now).Ticks;
        for (var steps = 0; steps < DueStepsMax && heap.Count > 0; steps++)
        {
            if (_table[heap.Top].Due > time)
                break;
            MakeReady(heap.Top, route, now);
        }
    }

    private bool IsForPlace(int index) => (_table[index].Flags & EntryFlags.ForPlace) != 0;

    private void MakeReady(int index, DeliveryRoute route, TimeSpan now, bool forPlace = false)
    {
        route.HeapOf(_table[index]).Remove(index);
        _table[index].State = EntryState.Waiting;
        Queue(index, route, route.TimeAt(now), front: false, forPlace, now);
    }

    /// <summary>Looks at the next entries of the table for what is due by age.</summary>
    /// <returns>True when this step reached the end of the table.</returns>
    public bool Sweep(TimeSpan now, int steps, List<Chore> chores, int choresMax)
    {
        lock (_gate)
        {
            var seconds = SecondsAt(now);
            for (; steps > 0; steps--)
            {
                if (_sweepCursor >= _table.HighMark)
                {
                    _sweepCursor = 0;
                    return true;
                }
                if (chores.Count >= choresMax)
                    return false;
                ref var entry = ref _table[_sweepCursor++];
                if (entry.State is EntryState.Free or EntryState.Unrouted or EntryState.InDelivery or EntryState.Held
                    || entry.Route < 0 || (entry.Flags & EntryFlags.ChoreQueued) != 0)
                    continue;
                var route = _routes[entry.Route];
                if (ChoreFor(ref entry, route, seconds, now) is not { } kind)
                    continue;
                entry.Flags |= EntryFlags.ChoreQueued;
                chores.Add(new Chore(new SpoolHandle(entry.Slot, entry.Generation), kind, route));
            }
            return false;
        }
    }

    private ChoreKind? ChoreFor(ref ScheduleEntry entry, DeliveryRoute route, int seconds, TimeSpan now)
    {
        var age = seconds - entry.ReceivedAt;
        var uncharged = (int)route.ClosedAt(now).TotalSeconds - entry.ClosedBase;
        // What was accepted before we started is tried before it expires: that we were down is our own trouble.
        if (IsExpired(age, entry.ClosedRecorded + uncharged) && (entry.ReceivedAt >= 0 || seconds >= StartGraceSeconds))
            return ChoreKind.Expire;
        if ((entry.Flags & EntryFlags.DelayNoticeSent) == 0 && IsDelayed(entry, seconds)
            && !IsExpired(age, entry.ClosedRecorded + uncharged))
            return ChoreKind.DelayNotice;
        return uncharged >= _options.ClosedTimeRecordEvery.TotalSeconds ? ChoreKind.RecordClosed : null;
    }

    /// <summary>The age of what was accepted before we started rests on the wall clock of the start: in the first
    /// quarter of an hour it sends no notice, so that a wrong clock has time to be set and the mail to be tried.
    /// </summary>
    private bool IsDelayed(in ScheduleEntry entry, int seconds) => _options.DelayNoticeAfter > TimeSpan.Zero
        && seconds - entry.ReceivedAt >= _options.DelayNoticeAfter.TotalSeconds
        && (entry.ReceivedAt >= 0 || seconds >= NoticeGraceSeconds);

    /// <summary>True when the sender is to be told as of now; asked again before a notice is made.</summary>
    public bool IsDelayed(SpoolHandle handle, TimeSpan now)
    {
        lock (_gate)
        {
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
            {
                if (IsDelayed(_table[index], SecondsAt(now)))
                    return true;
            }
            return false;
        }
    }

    /// <summary>Follows a step of the wall clock. Back: it was ahead when the ages of what we found at the start were
    /// read, so that mail is younger, at most as young as this run. Forward: nothing gets older by it. So a step only
    /// ever makes expiry and notices late.</summary>
    public void WallClockStepped(TimeSpan step)
    {
        if (step >= TimeSpan.Zero)
            return;
        var younger = (int)Math.Min(-step.TotalSeconds, int.MaxValue);
        lock (_gate)
        {
            for (var index = 0; index < _table.HighMark; index++)
            {
                ref var entry = ref _table[index];
                if (entry.State != EntryState.Free && entry.ReceivedAt < 0)
                    entry.ReceivedAt = (int)Math.Min(0L, (long)entry.ReceivedAt + younger);
            }
        }
    }

    private bool IsExpired(int ageSeconds, int closedSeconds) =>
        ageSeconds - closedSeconds >= _options.RetryFor.TotalSeconds
        || ageSeconds >= _options.RetryForMax.TotalSeconds;

    /// <summary>A chore could not be begun; the next sweep finds it again.</summary>
    public void ForgetChore(SpoolHandle handle)
    {
        lock (_gate)
        {
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
                _table[index].Flags &= ~EntryFlags.ChoreQueued;
        }
    }

    /// <summary>False while no destination was ever closed: nothing need be charged then.</summary>
    public bool WasEverClosed => Volatile.Read(ref _everClosed);

    /// <summary>Closed time of a message up to now, for its progress: the most of any of its routes.</summary>
    public TimeSpan ClosedTimeOf(SpoolHandle handle, TimeSpan now)
    {
        lock (_gate)
        {
            var most = 0;
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
            {
                ref var entry = ref _table[index];
                if (entry.Route >= 0)
                {
                    most = Math.Max(most, entry.ClosedRecorded
                        + (int)_routes[entry.Route].ClosedAt(now).TotalSeconds - entry.ClosedBase);
                }
            }
            return TimeSpan.FromSeconds(most);
        }
    }

    /// <summary>Notes that the closed time given stands in the message's progress now.</summary>
    public void ClosedTimeRecorded(SpoolHandle handle, TimeSpan closed, TimeSpan now)
    {
        lock (_gate)
        {
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
            {
                ref var entry = ref _table[index];
                if (entry.Route < 0)
                    continue;
                entry.ClosedRecorded = (int)closed.TotalSeconds;
                entry.ClosedBase = (int)_routes[entry.Route].ClosedAt(now).TotalSeconds;
            }
        }
    }

    /// <summary>True when the message is too old for the route as of now; asked again before anything is bounced.
    /// </summary>
    public bool IsExpired(SpoolHandle handle, DeliveryRoute route, TimeSpan now)
    {
        lock (_gate)
        {
            for (var index = _table.HeadOf(handle); index >= 0; index = _table[index].NextOfMessage)
            {
                ref var entry = ref _table[index];
                if (entry.Route == route.Index)
                {
                    return IsExpired(SecondsAt(now) - entry.ReceivedAt, entry.ClosedRecorded
                        + (int)route.ClosedAt(now).TotalSeconds - entry.ClosedBase);
                }
            }
            return false;
        }
    }

    /// <summary>Follows a reload: routes take their rules and services anew; with <paramref name="rulesChanged"/> every
    /// message is looked at again in the background. Ids of sites and targets outlive a reload.</summary>
    public void Reload(RouteTable rules, bool rulesChanged)
    {
        lock (_gate)
        {
            _rules = rules;
            foreach (var route in _routes)
            {
                MailRoute? rule = null;
                foreach (var candidate in rules.Routes)
                {
                    if (candidate.IsMx ? route.Key.StartsWith(candidate.Name + "/", StringComparison.Ordinal)
                        : route.Key == candidate.Name)
                    {
                        rule = candidate;
                        break;
                    }
                }
                Bind(route, rule);
                route.Unblock();
            }
            for (var index = 0; rulesChanged && index < _table.HighMark; index++)
            {
                ref var entry = ref _table[index];
                if (entry.State != EntryState.Free)
                    MarkStale(ref entry);
            }
        }
    }

    /// <summary>Forgets MX routes without mail, so that the number of domains ever seen bounds nothing, and routes that
    /// a reload left without a rule.</summary>
    public void Prune(TimeSpan now)
    {
        lock (_gate)
        {
            for (var i = 0; i < _routes.Count; i++)
            {
                var route = _routes[i];
                if (route.Entries > 0 || route.IsListed || (route.Mx is null && route.Rule is not null)
                    || (route.Rule is not null && route.Mx?.PausedUntil > now)
                    || !_routeByKey.TryGetValue(route.Key, out var known) || known != route || ++route.IdleRounds < 3)
                    continue;
                _routeByKey.Remove(route.Key);
                _freeRoutes.Push(i);
            }
        }
    }

    public ScheduleCounts Counts()
    {
        lock (_gate)
        {
            var (ready, scheduled, closed) = (0, 0, 0);
            foreach (var route in _routes)
            {
                if (route.IsClosed)
                {
                    closed += route.Ready.Count + route.Deferred;
                    continue;
                }
                ready += route.Ready.Count;
                scheduled += route.Deferred;
            }
            return new ScheduleCounts(_unrouted, ready, scheduled, closed, _inFlight, _held, _table.Count);
        }
    }
}
