namespace Holdfast.Mail.Spool;

/// <summary>RFC 3461 NOTIFY. None set: the default (failure, and delay where we send those).</summary>
[Flags]
public enum DsnNotify : byte { Default = 0, Never = 1, Success = 2, Failure = 4, Delay = 8 }

/// <summary>RFC 3461 RET.</summary>
public enum DsnReturn : byte { Unspecified = 0, Full = 1, Headers = 2 }

/// <summary>RFC 6152 and 3030 BODY.</summary>
public enum BodyKind : byte { SevenBit = 0, EightBitMime = 1, BinaryMime = 2 }

/// <summary>What the receiver found in the content, so that delivery need not look again.</summary>
[Flags]
public enum ContentTraits : byte
{
    None = 0,
    /// <summary>At least one octet above 127.</summary>
    HasEightBit = 1,
    /// <summary>At least one line begins with a dot: DATA must stuff it.</summary>
    HasLeadingDot = 2,
    /// <summary>The content doesn't end in CRLF (BDAT only); DATA must add it.</summary>
    LacksFinalNewline = 4,
    /// <summary>A line is longer than 998 octets or holds NUL: only BDAT or a lenient DATA can carry it.</summary>
    HasLongLine = 8,
}

public sealed record EnvelopeRecipient(string Address, DsnNotify Notify = DsnNotify.Default,
    string? OriginalRecipient = null);

/// <summary>Who a message is from and to, and how it came. Immutable once accepted.</summary>
public sealed record Envelope
{
    public required MessageId Id { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    /// <summary>Reverse-path without angle brackets; empty for the null sender.</summary>
    public required string Sender { get; init; }
    public required IReadOnlyList<EnvelopeRecipient> Recipients { get; init; }
    /// <summary>0 (most important) to 5; 3 is normal.</summary>
    public byte Priority { get; init; } = 3;
    public BodyKind Body { get; init; }
    public bool SmtpUtf8 { get; init; }
    /// <summary>RFC 3461 ENVID, xtext-decoded, or null.</summary>
    public string? EnvelopeId { get; init; }
    public DsnReturn Return { get; init; }
    /// <summary>Name of the listener that took it; "notice" for our own DSNs.</summary>
    public string Listener { get; init; } = "";
    public string ClientAddress { get; init; } = "";
    public string ClientHello { get; init; } = "";
    public string? AuthenticatedAs { get; init; }
    /// <summary>Fair-share key: the signed-in user, else the sender's domain, else the client address.</summary>
    public string Tenant { get; init; } = "";
    public ContentTraits Traits { get; init; }
    /// <summary>Content octets, our trace header included.</summary>
    public long SizeBytes { get; init; }
}
