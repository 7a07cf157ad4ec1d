using System.Collections.Immutable;

namespace Holdfast.Mail.Route;

/// <summary>A rule in the form that delivery uses. Immutable; made anew by each reload, so compare <see cref="Name"/>,
/// not references, across reloads.</summary>
internal sealed record MailRoute
{
    /// <summary>Unique among the rules and stable over reloads as long as the rule keeps its place or its name; fit for
    /// metrics (as many values as there are rules).</summary>
    public required string Name { get; init; }
    /// <summary>The rule in words, for people: <c>rule 2 (*.example.com)</c>.</summary>
    public required string Rule { get; init; }
    /// <summary>Service in the topology; null for direct delivery to mail exchangers.</summary>
    public string? Service { get; init; }
    public bool IsMx => Service is null;
    public TlsMode Tls { get; init; } = TlsMode.Opportunistic;
    public ImmutableArray<string> TlsNames { get; init; } = [];
    /// <summary>SHA-256 of SubjectPublicKeyInfo, 32 bytes each.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> TlsPins { get; init; } = [];
    public ProviderProfile Profile { get; init; }
    public byte? Priority { get; init; }
    public bool SendDelayNotices { get; init; } = true;
    public bool SendFailureNotices { get; init; } = true;
    public int RecipientsPerTransactionMax { get; init; } = 100;
}

/// <summary>What the table says of one recipient domain.</summary>
/// <param name="Route">Null: no rule matches; the mail waits, since our configuration is at fault, not the message.
/// </param>
/// <param name="Key">Scheduling key: the service's name with the rule's for service routes, the domain for MX routes.
/// Equal keys may share connections and transactions.</param>
/// <param name="Destination">What people call it: the service's name, or the domain of an MX route.</param>
internal readonly record struct RouteDecision(MailRoute? Route, string Key, string Destination)
{
    public bool HasRoute => Route is not null;
    /// <summary>The domain whose mail exchangers are to be asked, for MX routes.</summary>
    public string? MxDomain => Route is { IsMx: true } ? Destination : null;
}
