namespace Holdfast.Mail.Queue;

/// <summary>Which waiting messages are meant. All conditions given must hold; none given selects nothing unless
/// <see cref="All"/> is set, so that a slip of the finger removes nothing.</summary>
public sealed record QueueSelector
{
    public bool All { get; init; }
    /// <summary>Message ids in text form.</summary>
    public IReadOnlyList<string> Ids { get; init; } = [];
    /// <summary>Sender address, or a pattern with * (case-insensitive); "&lt;&gt;" is the null sender.</summary>
    public string? Sender { get; init; }
    public string? Recipient { get; init; }
    /// <summary>Recipient domain, service, or site name.</summary>
    public string? Destination { get; init; }
    public TimeSpan? OlderThan { get; init; }
    public TimeSpan? YoungerThan { get; init; }
    /// <summary>Part of the last reply or hold reason, case-insensitive.</summary>
    public string? Reason { get; init; }
    public bool? IsHeld { get; init; }
    /// <summary>Only messages whose id sorts after this one: the next page of a list. No condition by itself.</summary>
    public string? After { get; init; }
}

/// <summary>Why a message is where it is, in a word; the sentence is in <see cref="QueueItem.Why"/>.</summary>
public enum QueueState { Ready, Scheduled, DestinationClosed, InDelivery, Held, OutcomeUnknown }

public sealed record QueueItem(
    string Id, DateTimeOffset ReceivedAt, string Sender, IReadOnlyList<string> Recipients, long SizeBytes,
    int Priority, QueueState State, string Destination, int Attempts, DateTimeOffset? NextAttemptAt, string Why);

public sealed record QueueRecipientDetail(
    string Address, string State, string Destination, int Attempts, int UnknownOutcomes, DateTimeOffset? LastAttemptAt,
    DateTimeOffset? NextAttemptAt, string? LastTarget, string? LastReply, string Why);

public sealed record QueueDetail(
    string Id, DateTimeOffset ReceivedAt, DateTimeOffset ExpiresAt, string Sender, long SizeBytes, int Priority,
    string Listener, string ClientAddress, string? AuthenticatedAs, bool IsHeld, string? HoldReason, string StoredAt,
    IReadOnlyList<QueueRecipientDetail> Recipients)
{
    /// <summary>Attempts that have ended, oldest first. The queue keeps only the last one of each recipient: who has
    /// the evidence fills this in.</summary>
    public IReadOnlyList<QueueAttempt> Attempts { get; init; } = [];
    /// <summary>True when there were more attempts than are told.</summary>
    public bool AreAttemptsCut { get; init; }
}

/// <summary>One attempt at one recipient.</summary>
/// <param name="Outcome">Deferred, Moved, OutcomeUnknown, Delivered or Bounced, as in the evidence.</param>
/// <param name="Target">Where; null: it failed before there was a target (a name without an address).</param>
/// <param name="Reply">The target's; null: none came, <paramref name="Reason"/> tells why.</param>
/// <param name="TookSeconds">Null where it isn't known.</param>
public sealed record QueueAttempt(
    DateTimeOffset At, string Outcome, string? Recipient, string? Site, string? Target, string? Reply, string? Reason,
    double? TookSeconds, DateTimeOffset? NextAttemptAt);

/// <summary>Age × destination, as Postfix's qshape: column i counts messages up to AgeBoundsMinutes[i] old, the last
/// one the rest.</summary>
public sealed record QueueShape(IReadOnlyList<int> AgeBoundsMinutes, IReadOnlyList<QueueShapeRow> Rows);

public sealed record QueueShapeRow(string Destination, long Total, IReadOnlyList<long> Counts, string Why);

public enum QueueActKind { Retry, Hold, Release, Remove, Expire }

/// <param name="Matched">Messages selected.</param>
/// <param name="Changed">Messages changed (fewer than matched when some were in delivery or had ended).</param>
public sealed record QueueActResult(long Matched, long Changed, IReadOnlyList<string> Notes);
