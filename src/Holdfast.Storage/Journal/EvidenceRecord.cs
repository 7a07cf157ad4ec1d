namespace Holdfast.Storage.Journal;

/// <summary>What happened, as appended to the evidence journal. Values are stored on disk: never renumber.</summary>
public enum EvidenceKind : byte
{
    Unknown = 0,
    /// <summary>We answered 250 after the last data byte; the message is ours.</summary>
    Accepted = 1,
    /// <summary>A command or message was refused with a permanent (5yz) or policy reply.</summary>
    Refused = 2,
    /// <summary>A command or message was refused with 4yz because we protect ourselves.</summary>
    Shed = 3,
    /// <summary>An attempt failed for now; the recipient waits.</summary>
    Deferred = 4,
    /// <summary>The recipient goes to another site than before because of a verdict.</summary>
    Moved = 5,
    Delivered = 6,
    /// <summary>Delivery failed for good; a notice was made or deliberately was not (the reason says).</summary>
    Bounced = 7,
    /// <summary>The recipient's time ran out.</summary>
    Expired = 8,
    /// <summary>No reply after the final dot, or a crash between it and our record.</summary>
    OutcomeUnknown = 9,
    /// <summary>A delay notice was sent.</summary>
    DelayNotice = 10,
    Held = 11,
    Released = 12,
    Removed = 13,
    /// <summary>Something a person did: the actor and the command are in the record.</summary>
    OperatorAct = 14,
    ConfigurationChanged = 15,
    /// <summary>A target, site, region or service changed its verdict.</summary>
    VerdictChanged = 16,
    /// <summary>Something an operator must look at (damage set aside, an undeliverable notice).</summary>
    Alert = 17,
    Started = 18,
    Stopped = 19,
}

/// <summary>One thing that happened, with time, message id and reason. Null means "does not apply".</summary>
/// <remarks>Message bodies and secrets never stand in a record.</remarks>
public sealed record EvidenceRecord
{
    public required DateTimeOffset At { get; init; }
    public required EvidenceKind Kind { get; init; }
    /// <summary>Text form of the message's id.</summary>
    public string? MessageId { get; init; }
    public string? Sender { get; init; }
    public string? Recipient { get; init; }
    /// <summary>Who acted: listener name, operator (uid or user), or a part of ours.</summary>
    public string? Actor { get; init; }
    /// <summary>Remote address (client for receive, target for deliver).</summary>
    public string? Remote { get; init; }
    public string? Service { get; init; }
    public string? Site { get; init; }
    public string? Target { get; init; }
    /// <summary>The SMTP reply, one line, or null.</summary>
    public string? Reply { get; init; }
    /// <summary>Why, in words for a person.</summary>
    public string? Reason { get; init; }
    public int? Attempt { get; init; }
    public long? SizeBytes { get; init; }
    /// <summary>When the next attempt is due.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }
    /// <summary>How long the step took, where that means something.</summary>
    public TimeSpan? Took { get; init; }
}
