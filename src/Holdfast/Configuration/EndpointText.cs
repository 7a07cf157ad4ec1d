using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Holdfast.Configuration;

/// <summary>An address with a port as written in a configuration: <c>127.0.0.1:25</c>, <c>[::1]:25</c>,
/// <c>mail.example.com:25</c>.</summary>
/// <param name="Host">Without brackets.</param>
internal sealed record EndpointText(string Host, int Port)
{
    public IPAddress? Address => IPAddress.TryParse(Host, out var address) ? address : null;

    /// <summary>Parses; on failure says what to write instead.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out EndpointText? endpoint,
        [NotNullWhen(false)] out string? problem)
    {
        endpoint = null;
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
        }
        else if (host.Contains(':', StringComparison.Ordinal))
        {
            problem = "an IPv6 address stands in brackets, for example [::1]:25";
            return false;
        }
        if (colon < 0)
        {
            problem = $"the port is missing, for example {(text.Length > 0 ? text : "127.0.0.1")}:25";
            return false;
        }
        if (host.Length == 0)
        {
            problem = "the address is missing; write 0.0.0.0 for every IPv4 address, [::] for every one";
            return false;
        }
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65_535)
        {
            problem = $"the port must be a number from 1 to 65535, not \"{text[(colon + 1)..]}\"";
            return false;
        }
        if (!IPAddress.TryParse(host, out _) && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            problem = $"\"{host}\" is neither an IP address nor a host name";
            return false;
        }
        endpoint = new(host, port);
        problem = null;
        return true;
    }

    /// <summary>True when both can't be listened on at once.</summary>
    public bool Overlaps(EndpointText other) => Port == other.Port
        && (string.Equals(Host, other.Host, StringComparison.OrdinalIgnoreCase)
            || Equals(Address, other.Address) && Address is not null || Covers(this, other) || Covers(other, this));

    private static bool Covers(EndpointText any, EndpointText one) =>
        Equals(any.Address, IPAddress.IPv6Any)
        || Equals(any.Address, IPAddress.Any)
            && one.Address?.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6;

    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
