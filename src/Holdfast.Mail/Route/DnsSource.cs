using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Route;

/// <summary>Asks the system's or the configured DNS servers.</summary>
/// <remarks>Host names that DNS lacks are looked for where the system looks (hosts file) too, so that
/// <c>localhost</c> and local names work as targets; mail exchangers come from DNS alone.</remarks>
internal sealed class DnsSource(IOptionsMonitor<RouteOptions> options, RouteMetrics metrics, TimeProvider time)
    : IDnsSource
{
    private static readonly TimeSpan DenialKeepFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SystemKeepFor = TimeSpan.FromSeconds(30);
    private const int RecordsMax = 64;

    private Setup? _setup;

    public async Task<DnsReply<MxEntry>> MxAsync(string domain, CancellationToken abort)
    {
        var (kind, answer, detail) = await QueryAsync(domain, QueryType.MX, abort);
        if (answer is null)
            return new DnsReply<MxEntry>(kind, [], DenialKeepFor, detail);
        var records = answer.Answers.MxRecords().Take(RecordsMax).ToList();
        return records.Count == 0
            ? new DnsReply<MxEntry>(kind == DnsReplyKind.Found ? DnsReplyKind.NoRecords : kind, [], DenialOf(answer),
                detail)
            : new DnsReply<MxEntry>(DnsReplyKind.Found,
                [.. records.Select(r => new MxEntry(r.Preference, r.Exchange.Value.TrimEnd('.')))],
                KeepFor(records), "");
    }

    public async Task<DnsReply<IPAddress>> AddressesAsync(string host, CancellationToken abort)
    {
        var v4 = QueryAsync(host, QueryType.A, abort);
        var v6 = QueryAsync(host, QueryType.AAAA, abort);
        var (kind4, answer4, detail4) = await v4;
        var (kind6, answer6, detail6) = await v6;
        List<AddressRecord> records = [.. answer4?.Answers.ARecords().Cast<AddressRecord>() ?? [],
            .. answer6?.Answers.AaaaRecords().Cast<AddressRecord>() ?? []];
        if (records.Count > 0)
            return new DnsReply<IPAddress>(DnsReplyKind.Found, [.. records.Take(RecordsMax).Select(r => r.Address)],
                KeepFor(records), "");
        if (await SystemAsync(host, abort) is { Length: > 0 } system)
            return new DnsReply<IPAddress>(DnsReplyKind.Found, [.. system.Take(RecordsMax)], SystemKeepFor, "");
        // One half failing leaves the name unknown: it may have the other kind of address only.
        if (kind4 == DnsReplyKind.Failed || kind6 == DnsReplyKind.Failed)
            return DnsReply<IPAddress>.Failure(kind4 == DnsReplyKind.Failed ? detail4 : detail6);
        return new DnsReply<IPAddress>(
            kind4 == DnsReplyKind.NoName ? DnsReplyKind.NoName : DnsReplyKind.NoRecords, [],
            answer4 is null ? DenialKeepFor : DenialOf(answer4), detail4);
    }

    private async Task<IPAddress[]> SystemAsync(string host, CancellationToken abort)
    {
        // Rarely got to: a domain that doesn't exist is told by its MX question already.
        if (host.Length is 0 or > 255)
            return [];
        try
        {
            return await Dns.GetHostAddressesAsync(host, abort)
                .WaitAsync(options.CurrentValue.DnsTimeout, time, abort);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or ArgumentException)
        {
            return [];
        }
    }

    private async Task<(DnsReplyKind Kind, IDnsQueryResponse? Answer, string Detail)> QueryAsync(string name,
        QueryType type, CancellationToken abort)
    {
        var start = time.GetTimestamp();
        var result = await TryQueryAsync(name, type, abort);
        metrics.Looked(type.ToString(), time.GetElapsedTime(start),
            result.Kind != DnsReplyKind.Failed ? null : result.Error);
        return (result.Kind, result.Answer, result.Detail);
    }

    private async Task<(DnsReplyKind Kind, IDnsQueryResponse? Answer, string Detail, string Error)> TryQueryAsync(
        string name, QueryType type, CancellationToken abort)
    {
        var settings = options.CurrentValue;
        try
        {
            var answer = await ClientFor(settings).QueryAsync(name, type, QueryClass.IN, abort)
                .WaitAsync(settings.DnsTimeout * 2, time, abort);
            return answer.Header.ResponseCode switch
            {
                DnsHeaderResponseCode.NoError => (DnsReplyKind.Found, answer, $"{name} has no {type} record", ""),
                DnsHeaderResponseCode.NotExistentDomain => (DnsReplyKind.NoName, answer, $"{name} doesn't exist", ""),
                var code => (DnsReplyKind.Failed, null, $"{type} of {name}: DNS answered {code}", code.ToString()),
            };
        }
        catch (DnsResponseException e)
        {
            return (DnsReplyKind.Failed, null, $"{type} of {name}: {e.Code}", e.Code.ToString());
        }
        catch (Exception e) when (e is TimeoutException or SocketException or InvalidOperationException
            || (e is OperationCanceledException && !abort.IsCancellationRequested))
        {
            return (DnsReplyKind.Failed, null, $"{type} of {name}: no answer from DNS", "timeout");
        }
        catch (ArgumentException)
        {
            // Not a name that DNS can express: a label beyond 63 octets, an empty one.
            return (DnsReplyKind.NoName, null, $"{name} can't be a domain name", "");
        }
    }

    private LookupClient ClientFor(RouteOptions settings)
    {
        var setup = Volatile.Read(ref _setup);
        if (setup is not null && ReferenceEquals(setup.Options, settings))
            return setup.Client;
        var servers = settings.DnsServers.Select(s => IPEndPoint.TryParse(s, out var e) ? e : null).OfType<IPEndPoint>()
            .Select(e => new NameServer(e.Address, e.Port == 0 ? NameServer.DefaultPort : e.Port)).ToArray();
        var asked = servers.Length > 0 ? new LookupClientOptions(servers) : new LookupClientOptions();
        var client = new LookupClient(asked.With(settings.DnsTimeout));
        Volatile.Write(ref _setup, new Setup(settings, client));
        return client;
    }

    private static TimeSpan KeepFor(IEnumerable<DnsResourceRecord> records) =>
        TimeSpan.FromSeconds(Math.Max(0, records.Min(r => r.InitialTimeToLive)));

    /// <summary>RFC 2308 §5: a denial lasts the lesser of the SOA's TTL and its minimum field.</summary>
    private static TimeSpan DenialOf(IDnsQueryResponse answer) =>
        answer.Authorities.OfType<SoaRecord>().FirstOrDefault() is { } soa
            ? TimeSpan.FromSeconds(Math.Max(0, Math.Min(soa.InitialTimeToLive, soa.Minimum))) : DenialKeepFor;

    private sealed record Setup(RouteOptions Options, LookupClient Client);
}

/// <summary>What we set on every client.</summary>
internal static class LookupSettings
{
    public static LookupClientOptions With(this LookupClientOptions options, TimeSpan timeout)
    {
        options.Timeout = timeout;
        options.Retries = 1;
        options.UseCache = false;
        options.ThrowDnsErrors = false;
        options.ContinueOnDnsError = true;
        options.UseTcpFallback = true;
        return options;
    }
}
