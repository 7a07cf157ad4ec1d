namespace Holdfast.Mail.Spool;

/// <summary>Where one recipient stands. Stored on disk: never renumber.</summary>
public enum RecipientState : byte
{
    Waiting = 0,
    Delivered = 1,
    /// <summary>Failed for good; a notice was made if one was due.</summary>
    Failed = 2,
    Expired = 3,
    Removed = 4,
    /// <summary>Waiting, and the last attempt's outcome is unknown: it may have been delivered already.</summary>
    OutcomeUnknown = 5,
}

/// <summary>Progress of one recipient. Mutable: only the delivery that holds the message changes it.</summary>
public sealed class RecipientProgress
{
    public RecipientState State { get; set; }
    public ushort Attempts { get; set; }
    /// <summary>Attempts that ended unknown: each may have made a duplicate.</summary>
    public ushort UnknownOutcomes { get; set; }
    /// <summary>Wall-clock time of the last attempt.</summary>
    public DateTimeOffset? LastAttemptAt { get; set; }
    public DateTimeOffset? NextAttemptAt { get; set; }
    /// <summary>Its destination failed and not the recipient: <see cref="NextAttemptAt"/> only keeps it from going
    /// round in circles, and doesn't hold once the destination was closed and is open again, or after a
    /// restart.</summary>
    public bool WaitsForPlace { get; set; }
    /// <summary>Last reply or error, one line, at most 512 characters.</summary>
    public string? LastReply { get; set; }
    /// <summary>Site and target of the last attempt, "site/target".</summary>
    public string? LastTarget { get; set; }
    /// <summary>Set by the spool between RecordAttemptAsync and the RecordProgress that tells what the attempt came to.
    /// </summary>
    public bool AttemptIsOpen { get; internal set; }
    /// <summary>How the recipient stood when its attempt was opened: a change tells that the outcome is in.</summary>
    private int _openedAs;
    public bool IsFinal => State is not (RecipientState.Waiting or RecipientState.OutcomeUnknown);

    internal void OpenAttempt()
    {
        AttemptIsOpen = true;
        _openedAs = Mark();
    }

    /// <summary>The outcome is in: surely when it was the message's only open attempt, else if anything changed.
    /// </summary>
    internal void CloseAttempt(bool isLast) => AttemptIsOpen &= !isLast && !IsFinal && _openedAs == Mark();

    private int Mark() => HashCode.Combine(State, Attempts, UnknownOutcomes, LastAttemptAt, NextAttemptAt, LastReply);
}

/// <summary>Progress of a message: versioned, written whole, the highest version wins.</summary>
public sealed class MessageProgress
{
    public required RecipientProgress[] Recipients { get; init; }
    /// <summary>Rises by one with each write.</summary>
    public uint Version { get; set; }
    /// <summary>Held by an operator (or by us, with the reason): not tried until released.</summary>
    public bool IsHeld { get; set; }
    public string? HoldReason { get; set; }
    public bool DelayNoticeSent { get; set; }
    /// <summary>Time that doesn't count towards expiry, because the destination was closed.</summary>
    public TimeSpan ClosedTime { get; set; }
    /// <summary>Mark written before the final dot: an attempt that has no outcome yet. Set again at replay means
    /// "outcome unknown".</summary>
    public string? AttemptOpenAt { get; set; }
    public bool IsFinal => Array.TrueForAll(Recipients, r => r.IsFinal);

    public static MessageProgress ForNew(int recipients)
    {
        var all = new RecipientProgress[recipients];
        for (var i = 0; i < all.Length; i++)
            all[i] = new RecipientProgress();
        return new MessageProgress { Recipients = all };
    }
}
