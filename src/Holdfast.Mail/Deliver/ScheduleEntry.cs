namespace Holdfast.Mail.Deliver;

/// <summary>Where an entry of the schedule stands.</summary>
internal enum EntryState : byte
{
    /// <summary>The slot in the table is unused.</summary>
    Free = 0,
    /// <summary>Its recipients' routes aren't known yet: a loader will read the envelope.</summary>
    Unrouted = 1,
    /// <summary>In its route's ready queue.</summary>
    Ready = 2,
    /// <summary>In its route's heap of deferred mail.</summary>
    Scheduled = 3,
    /// <summary>An attempt is under way.</summary>
    InDelivery = 4,
    /// <summary>In no queue while another part works on the same message; queued again when that ends.</summary>
    Waiting = 5,
    /// <summary>Held by an operator or by us: in no queue until released.</summary>
    Held = 6,
}

[Flags]
internal enum EntryFlags : byte
{
    None = 0,
    /// <summary>It waited already: fresh mail goes ahead of it.</summary>
    Backlog = 1,
    /// <summary>Set on the first entry of a message that somebody has loaded and may change.</summary>
    Claimed = 2,
    DelayNoticeSent = 4,
    /// <summary>An earlier attempt's outcome is unknown.</summary>
    OutcomeUnknown = 8,
    /// <summary>A chore (expiry, notice, recording) is queued for its message.</summary>
    ChoreQueued = 16,
    /// <summary>Its routes must be decided again: the configuration changed.</summary>
    Stale = 32,
    /// <summary>Deferred only because its destination failed, and ready when that opens again; or ready before its time
    /// as the canary of the closed destination.</summary>
    ForPlace = 64,
}

/// <summary>One message on one route, as the scheduler keeps it: 64 bytes, so that a million wait in 64 MB.</summary>
internal struct ScheduleEntry
{
    /// <summary>When it is due, in its route's own time (which stands still while the route is closed).</summary>
    public long Due;
    public int Slot;
    public uint Generation;
    public int Route;
    /// <summary>Next entry of the same message, or -1.</summary>
    public int NextOfMessage;
    /// <summary>Links of the lane while ready; <see cref="Next"/> is the heap position while scheduled.</summary>
    public int Next;
    public int Previous;
    /// <summary>Target that failed it a moment ago, or -1.</summary>
    public int Avoid;
    /// <summary>Site to try first, or -1.</summary>
    public int Prefer;
    /// <summary>When the message was accepted, in monotonic seconds since the schedule began; negative:
    /// before.</summary>
    public int ReceivedAt;
    /// <summary>Closed seconds that stand in the stored progress.</summary>
    public int ClosedRecorded;
    /// <summary>The route's closed seconds when <see cref="ClosedRecorded"/> was last brought up to date.</summary>
    public int ClosedBase;
    public ushort Tenant;
    public ushort Attempts;
    public byte Priority;
    public EntryState State;
    public EntryFlags Flags;
    /// <summary>Placements at once after failures of target or site scope, since the last back-off.</summary>
    public byte Moves;
}
