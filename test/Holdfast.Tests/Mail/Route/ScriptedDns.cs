using System.Net;
using Holdfast.Mail.Route;

namespace Holdfast.Tests.Mail.Route;

/// <summary>DNS as a test writes it: names without an entry don't exist.</summary>
internal sealed class ScriptedDns : IDnsSource
{
    public Dictionary<string, DnsReply<MxEntry>> Mx { get; } = new(StringComparer.OrdinalIgnoreCase);
    public Dictionary<string, DnsReply<IPAddress>> Addresses { get; } = new(StringComparer.OrdinalIgnoreCase);
    public bool IsDown { get; set; }
    public int Questions { get; private set; }
    public TimeSpan Ttl { get; set; } = TimeSpan.FromMinutes(5);

    public ScriptedDns WithMx(string domain, params (int Preference, string Host)[] hosts)
    {
        Mx[domain] = new(DnsReplyKind.Found, [.. hosts.Select(h => new MxEntry(h.Preference, h.Host))], Ttl, "");
        return this;
    }

    public ScriptedDns WithAddress(string host, params string[] addresses)
    {
        Addresses[host] = new(DnsReplyKind.Found, [.. addresses.Select(IPAddress.Parse)], Ttl, "");
        if (!Mx.ContainsKey(host))
            Mx[host] = new(DnsReplyKind.NoRecords, [], Ttl, "");
        return this;
    }

    public Task<DnsReply<MxEntry>> MxAsync(string domain, CancellationToken abort) => Answer(Mx, domain);

    public Task<DnsReply<IPAddress>> AddressesAsync(string host, CancellationToken abort) => Answer(Addresses, host);

    private Task<DnsReply<T>> Answer<T>(Dictionary<string, DnsReply<T>> records, string name)
    {
        Questions++;
        return Task.FromResult(IsDown ? DnsReply<T>.Failure("down")
            : records.TryGetValue(name, out var reply) ? reply
            : new DnsReply<T>(DnsReplyKind.NoName, [], TimeSpan.FromMinutes(1), $"{name} doesn't exist"));
    }
}
