using System.Collections.Immutable;
using System.Net;

namespace Holdfast.Mail.Route;

/// <summary>Asks DNS. One question, one answer: no cache, no policy. Never throws for what DNS or the network does.
/// </summary>
internal interface IDnsSource
{
    Task<DnsReply<MxEntry>> MxAsync(string domain, CancellationToken abort);

    /// <summary>A and AAAA together.</summary>
    Task<DnsReply<IPAddress>> AddressesAsync(string host, CancellationToken abort);
}

internal enum DnsReplyKind : byte
{
    /// <summary>There are records.</summary>
    Found = 0,
    /// <summary>The name exists and has none of that type.</summary>
    NoRecords = 1,
    /// <summary>The name doesn't exist (NXDOMAIN), or can't be a name.</summary>
    NoName = 2,
    /// <summary>No answer, or SERVFAIL and the like: nothing is known.</summary>
    Failed = 3,
}

internal readonly record struct MxEntry(int Preference, string Host);

/// <param name="KeepFor">TTL of the records, or of the denial (RFC 2308).</param>
/// <param name="Detail">For people: why it failed.</param>
internal sealed record DnsReply<T>(DnsReplyKind Kind, ImmutableArray<T> Records, TimeSpan KeepFor, string Detail)
{
    public static DnsReply<T> Failure(string detail) => new(DnsReplyKind.Failed, [], TimeSpan.Zero, detail);
}
