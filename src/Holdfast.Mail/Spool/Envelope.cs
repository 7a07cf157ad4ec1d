namespace Holdfast.Mail.Spool;

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
