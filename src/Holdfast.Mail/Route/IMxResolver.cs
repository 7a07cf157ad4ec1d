using System.Collections.Immutable;
using System.Net;

namespace Holdfast.Mail.Route;

/// <summary>Finds the hosts that take a domain's mail (RFC 5321 §5.1).</summary>
internal interface IMxResolver
{
    /// <summary>Never throws for what DNS says; the answer's kind tells.</summary>
    ValueTask<MxAnswer> ResolveAsync(string domain, CancellationToken abort);
}

internal enum MxAnswerKind : byte
{
    /// <summary>There are hosts, most preferred first.</summary>
    Hosts = 0,
    /// <summary>RFC 7505: the domain takes no mail. Permanent: 556 5.1.10.</summary>
    NullMx = 1,
    /// <summary>The name does not exist, or has neither MX nor address. Permanent: 550 5.1.2.</summary>
    NoSuchDomain = 2,
    /// <summary>All exchangers left are ourselves. Permanent: 550 5.4.6 (RFC 5321 §5.1).</summary>
    LoopsToUs = 3,
    /// <summary>DNS gave no answer. Transient: 451 4.4.3.</summary>
    Unavailable = 4,
}

/// <param name="Detail">For people: what was asked and what came.</param>
/// <param name="IsStale">True when DNS fails now and this is the last answer it gave.</param>
internal sealed record MxAnswer(MxAnswerKind Kind, ImmutableArray<MxHost> Hosts, string Detail, bool IsStale = false)
{
    /// <summary>The refusal that this answer means for a recipient; null when there are hosts.</summary>
    public Smtp.SmtpReply? ToReply() => Kind switch
    {
        MxAnswerKind.Hosts => null,
        MxAnswerKind.NullMx => Smtp.SmtpReply.Of(556, 5, 1, 10, Detail),
        MxAnswerKind.NoSuchDomain => Smtp.SmtpReply.Of(550, 5, 1, 2, Detail),
        MxAnswerKind.LoopsToUs => Smtp.SmtpReply.Of(550, 5, 4, 6, Detail),
        _ => Smtp.SmtpReply.Of(451, 4, 4, 3, Detail),
    };
}

/// <summary>One exchanger with its addresses, in the order in which they should be tried.</summary>
internal sealed record MxHost(string Name, int Preference, ImmutableArray<IPAddress> Addresses);

/// <summary>Finds the addresses of host names that targets are given by.</summary>
internal interface IHostResolver
{
    /// <summary>Addresses known now, in the order of the answer; empty when the name never resolved. Doesn't wait:
    /// unknown and old names are asked for in the background.</summary>
    ImmutableArray<IPAddress> Known(string host);

    /// <summary>As <see cref="Known"/>, but waits (within the DNS time-out) for a name's first answer.</summary>
    ValueTask<ImmutableArray<IPAddress>> ResolveAsync(string host, CancellationToken abort);
}

/// <summary>Says more about TLS towards an exchanger than the rule does: DANE (RFC 7672) and MTA-STS (RFC 8461) will
/// answer here. Consulted for MX routes only; the stricter of the rule and the answer holds.</summary>
internal interface IMxTlsPolicy
{
    ValueTask<MxTlsRequirement> RequireAsync(string domain, string mxHost, CancellationToken abort);
}

/// <param name="Tls">What is required at least.</param>
/// <param name="IsHostAllowed">False: the policy doesn't list this exchanger; pass it over.</param>
/// <param name="Names">Names of which the certificate must bear one; empty: the exchanger's.</param>
internal readonly record struct MxTlsRequirement(TlsMode Tls, bool IsHostAllowed, ImmutableArray<string> Names);

/// <summary>Requires nothing beyond the rule, until DANE and MTA-STS are built.</summary>
internal sealed class NoMxTlsPolicy : IMxTlsPolicy
{
    public ValueTask<MxTlsRequirement> RequireAsync(string domain, string mxHost, CancellationToken abort) =>
        ValueTask.FromResult(new MxTlsRequirement(TlsMode.None, true, []));
}
