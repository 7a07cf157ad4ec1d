using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>Moves entries between the table's states and their routes' queues.</summary>
internal sealed partial class DeliveryScheduler
{
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
                _routes[entry.Route].HeapOf(entry).Remove(index);
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
        // After a wait the target that failed it is no worse than others, and may be the only one.
        entry.Avoid = plan.Delay > TimeSpan.Zero ? -1 : plan.Avoid;
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
        // While the destination is closed nobody's own time runs, and the waits only say who is the next canary:
        // whoever was it goes behind the others.
        var delay = plan.Delay > TimeSpan.Zero && route.IsClosed && plan.PlaceDelay > plan.Delay ? plan.PlaceDelay
            : plan.Delay;
        Queue(index, route, route.TimeAt(now) + delay, plan.Front,
            plan.PlaceDelay > TimeSpan.Zero && delay > TimeSpan.Zero, now);
    }

    /// <summary>Puts an entry in no queue into its route's ready queue or heap.</summary>
    /// <param name="forPlace">Until it is due it waits for its destination only.</param>
    private void Queue(int index, DeliveryRoute route, TimeSpan due, bool front, bool forPlace, TimeSpan now)
    {
        ref var entry = ref _table[index];
        entry.Flags = forPlace ? entry.Flags | EntryFlags.ForPlace : entry.Flags & ~EntryFlags.ForPlace;
        if (due > route.TimeAt(now))
        {
            entry.Due = due.Ticks;
            entry.State = EntryState.Scheduled;
            route.HeapOf(entry).Add(index);
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
}
