using System.Globalization;
using System.Net;

namespace Holdfast.Mail.Deliver;

/// <summary>A target's address as the topology writes it: <c>host:port</c>, <c>192.0.2.1:25</c> or
/// <c>[2001:db8::1]:25</c>.</summary>
internal readonly record struct TargetAddress(string Host, int Port, IPAddress? Ip)
{
    public static bool TryParse(string text, out TargetAddress address)
    {
        address = default;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture,
            out var port) || port == 0)
            return false;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return false;
        address = new TargetAddress(host, port, IPAddress.TryParse(host, out var ip) ? ip : null);
        return true;
    }
}
