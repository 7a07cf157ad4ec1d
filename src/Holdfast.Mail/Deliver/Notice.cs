using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>What a notice tells its reader (RFC 3464 §2.3.3, Action).</summary>
internal enum NoticeKind : byte
{
    /// <summary>Not delivered and not tried again.</summary>
    Failure = 0,
    /// <summary>Not delivered yet; being tried.</summary>
    Delay = 1,
    /// <summary>Handed to a server that lacks DSN and so won't confirm delivery, though success was to be told.
    /// </summary>
    Relayed = 2,
    /// <summary>Put into a mailbox of ours.</summary>
    Delivered = 3,
}

/// <summary>One recipient that a notice speaks of.</summary>
/// <param name="Status">5.x.y for a failure (4.4.7 when its time ran out), 4.x.y for a delay, 2.x.y otherwise.</param>
/// <param name="Reason">Why, in words: <see cref="ReplyClassification.Reason"/> or "its time ran out".</param>
internal sealed record NoticeRecipient(EnvelopeRecipient Recipient, EnhancedStatus Status, string Reason)
{
    /// <summary>The remote's last reply or the error, one line (<see cref="RecipientProgress.LastReply"/>).</summary>
    public string? LastReply { get; init; }
    /// <summary>Host name or address of the server that gave the reply; null: it is our own word.</summary>
    public string? RemoteHost { get; init; }
    public DateTimeOffset? LastAttemptAt { get; init; }
}

/// <summary>All that a notice is made from.</summary>
internal sealed record NoticeRequest
{
    public required NoticeKind Kind { get; init; }
    /// <summary>Id of the notice itself, from <see cref="IMailSpool.NewId"/>.</summary>
    public required MessageId NoticeId { get; init; }
    public required DateTimeOffset Now { get; init; }
    /// <summary>The message it is about.</summary>
    public required Envelope Original { get; init; }
    public required IReadOnlyList<NoticeRecipient> Recipients { get; init; }
    /// <summary>The first <see cref="NoticeComposer.BytesWanted"/> octets of the message's content; empty when it can't
    /// be read any more.</summary>
    public ReadOnlyMemory<byte> Content { get; init; }
    /// <summary>For a delay: until when we try.</summary>
    public DateTimeOffset? RetryUntil { get; init; }
}

/// <summary>A notice ready for <see cref="IMailSpool.AppendReservedAsync"/>.</summary>
internal sealed record ComposedNotice(Envelope Envelope, ReadOnlyMemory<byte> Content);
