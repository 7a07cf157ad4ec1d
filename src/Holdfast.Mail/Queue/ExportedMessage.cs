using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Queue;

/// <summary>First line of an exported message, as JSON. The format is in docs/reference/queue-export.md: members are
/// only ever added; a change of meaning raises <see cref="Version"/>.</summary>
internal sealed record ExportedMessage
{
    public const string FormatName = "holdfast-message";
    public const int FormatVersion = 1;

    public string Format { get; init; } = "";
    public int Version { get; init; }
    /// <summary>Its id where it was exported; it gets another where it is imported.</summary>
    public string Id { get; init; } = "";
    public DateTimeOffset ExportedAt { get; init; }
    public long ContentBytes { get; init; }
    public ExportedEnvelope? Envelope { get; init; }
    public ExportedProgress? Progress { get; init; }
}

internal sealed record ExportedEnvelope
{
    public DateTimeOffset ReceivedAt { get; init; }
    public string Sender { get; init; } = "";
    public IReadOnlyList<ExportedRecipient> Recipients { get; init; } = [];
    public byte Priority { get; init; } = 3;
    public BodyKind Body { get; init; }
    public bool SmtpUtf8 { get; init; }
    public string? EnvelopeId { get; init; }
    public DsnReturn Return { get; init; }
    public string Listener { get; init; } = "";
    public string ClientAddress { get; init; } = "";
    public string ClientHello { get; init; } = "";
    public string? AuthenticatedAs { get; init; }
    public string Tenant { get; init; } = "";
}

internal sealed record ExportedRecipient
{
    public string Address { get; init; } = "";
    public DsnNotify Notify { get; init; }
    public string? OriginalRecipient { get; init; }
    public RecipientState State { get; init; }
    public int Attempts { get; init; }
    public int UnknownOutcomes { get; init; }
    public DateTimeOffset? LastAttemptAt { get; init; }
    public DateTimeOffset? NextAttemptAt { get; init; }
    public string? LastReply { get; init; }
    public string? LastTarget { get; init; }
}

internal sealed record ExportedProgress
{
    public bool IsHeld { get; init; }
    public string? HoldReason { get; init; }
    public bool DelayNoticeSent { get; init; }
    public double ClosedSeconds { get; init; }
}

/// <summary>Last line: proves that all of it came.</summary>
internal sealed record ExportedSeal
{
    /// <summary>Of the content, in lower-case hexadecimal.</summary>
    public string Sha256 { get; init; } = "";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExportedMessage))]
[JsonSerializable(typeof(ExportedSeal))]
internal sealed partial class ExportJson : JsonSerializerContext;
