using Holdfast.Mail.Route;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>The way of some recipients as the scheduler sees it: its queues, its clock, and why it waits.</summary>
/// <remarks>A route's own time stands still while its destination is closed: retry times need no timers then, and of
/// what has times of its own nothing is due the moment that the destination returns that wasn't due when it
/// went.</remarks>
internal sealed class DeliveryRoute
{
    private TimeSpan _closedTotal;
    private TimeSpan? _closedSince;

    public DeliveryRoute(int index, string key, string destination, ScheduleTable table)
    {
        Index = index;
        Key = key;
        Destination = destination;
        Ready = new ReadyQueue(table);
        Scheduled = new DueHeap(table);
        Doubtful = new DueHeap(table);
        ForPlace = new DueHeap(table);
    }

    public int Index { get; }
    /// <summary>Route's scheduling key: equal keys share queues, connections and transactions.</summary>
    public string Key { get; }
    /// <summary>Service name or recipient domain, for people.</summary>
    public string Destination { get; }
    /// <summary>The rule behind it, swapped by a reload; null: no rule matches (any more) and the mail waits.</summary>
    public MailRoute? Rule { get; set; }
    /// <summary>Service in the current topology; null for delivery by MX, or when the service is gone.</summary>
    public ServiceId? Service { get; set; }
    /// <summary>Slots and pauses of a destination found by MX; null for a service.</summary>
    public MxDestination? Mx { get; set; }
    public ReadyQueue Ready { get; }
    public DueHeap Scheduled { get; }
    /// <summary>Deferred, and its last attempt's outcome is unknown: before its time it is no canary either, since
    /// each attempt may deliver it a second time.</summary>
    public DueHeap Doubtful { get; }
    /// <summary>Deferred because the destination failed; its times only break loops.</summary>
    public DueHeap ForPlace { get; }
    /// <summary>How many of <see cref="ForPlace"/> are still to be made ready since the destination opened.</summary>
    public int ToRelease { get; set; }
    public int Deferred => Scheduled.Count + Doubtful.Count + ForPlace.Count;
    public int InFlight { get; set; }
    public int Held { get; set; }
    /// <summary>Entries of all states.</summary>
    public int Entries { get; set; }
    /// <summary>Rounds of pruning that found it without mail.</summary>
    public int IdleRounds { get; set; }
    /// <summary>It stands in the scheduler's list of routes with something ready.</summary>
    public bool IsListed { get; set; }

    public bool IsClosed => _closedSince is not null;
    /// <summary>When it last opened after a closure; null: it never closed.</summary>
    public TimeSpan? OpenedAt { get; private set; }
    public TimeSpan? ClosedSince => _closedSince;

    /// <summary>Until when fresh mail of <see cref="FreshBlockedPriority"/> and below needn't be offered.</summary>
    public TimeSpan FreshBlockedUntil { get; set; }
    public int FreshBlockedPriority { get; set; }
    public TimeSpan BacklogBlockedUntil { get; set; }
    public int BacklogBlockedPriority { get; set; }
    /// <summary>Why the last request for a place was refused; None while mail flows.</summary>
    public WaitReason LastWait { get; set; }

    public TimeSpan TimeAt(TimeSpan now) => now - ClosedAt(now);

    /// <summary>Where the entry stands while it is deferred.</summary>
    /// <remarks>What waits for a place after an unknown outcome was tried at its own time already.</remarks>
    public DueHeap HeapOf(in ScheduleEntry entry) => (entry.Flags & EntryFlags.ForPlace) != 0 ? ForPlace
        : (entry.Flags & EntryFlags.OutcomeUnknown) == 0 ? Scheduled : Doubtful;

    /// <summary>How long the destination was closed since the process began.</summary>
    public TimeSpan ClosedAt(TimeSpan now) =>
        _closedTotal + (_closedSince is { } since && now > since ? now - since : TimeSpan.Zero);

    /// <summary>Notes whether the destination is closed now. True when that changed.</summary>
    public bool NoteClosed(bool closed, TimeSpan now)
    {
        if (closed == IsClosed)
            return false;
        if (closed)
        {
            _closedSince = now;
            ToRelease = 0;
        }
        else
        {
            _closedTotal = ClosedAt(now);
            _closedSince = null;
            OpenedAt = now;
            ToRelease = ForPlace.Count;
            Unblock();
        }
        return true;
    }

    public void Unblock()
    {
        FreshBlockedUntil = TimeSpan.Zero;
        BacklogBlockedUntil = TimeSpan.Zero;
    }
}
