using System.Net;

namespace Holdfast.Web.Accept;

/// <summary>Whose word about the client is believed: networks of proxies that the operator named.</summary>
internal sealed class ProxyTrust
{
    private readonly IPNetwork[] _networks;

    public ProxyTrust(IEnumerable<string> networks) => _networks =
        [.. networks.Select(n => IPNetwork.TryParse(n, out var network) ? network : default)];

    public static ProxyTrust Nobody { get; } = new([]);

    public bool Trusts(IPAddress? peer)
    {
        if (peer is null || _networks.Length == 0)
            return false;
        // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
        if (peer.IsIPv4MappedToIPv6)
            peer = peer.MapToIPv4();
        foreach (var network in _networks)
        {
            if (network.Contains(peer))
                return true;
        }
        return false;
    }

    /// <summary>The client behind trusted proxies: the last address of the list that none of them is; the peer itself
    /// where the list is missing or can't be read.</summary>
    /// <param name="forwardedFor">The field's value: addresses from the client's to the last proxy's, by commas.
    /// </param>
    public IPAddress? ClientOf(IPAddress? peer, string? forwardedFor)
    {
        if (forwardedFor is null || !Trusts(peer))
            return peer;
        var client = peer;
        var rest = forwardedFor.AsSpan();
        while (!rest.IsEmpty)
        {
            var comma = rest.LastIndexOf(',');
            if (!TryParse(rest[(comma + 1)..].Trim(), out var address))
                return client;
            client = address;
            if (!Trusts(address))
                return client;
            rest = comma < 0 ? default : rest[..comma];
        }
        return client;
    }

    /// <summary>An address as proxies write it: bare, with a port, or IPv6 in brackets.</summary>
    private static bool TryParse(ReadOnlySpan<char> text, out IPAddress? address)
    {
        if (text is ['[', ..])
        {
            var end = text.IndexOf(']');
            text = end > 0 ? text[1..end] : default;
        }
        else if (text.Count(':') == 1)
        {
            text = text[..text.IndexOf(':')];
        }
        return IPAddress.TryParse(text, out address);
    }
}
