using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Holdfast.Traffic.Targets;

/// <summary>A target's <c>host:port</c>, read strictly: <c>mx.example:25</c>, <c>192.0.2.1:25</c>,
/// <c>[2001:db8::1]:25</c>.</summary>
public readonly record struct TargetAddress(string Host, ushort Port)
{
    private const int HostCharsMax = 253;
    private const int LabelCharsMax = 63;

    /// <summary>The address when <see cref="Host"/> is one, null when it is a name.</summary>
    public IPAddress? Ip => IPAddress.TryParse(Host, out var ip) ? ip : null;

    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary>Never throws; false with a sentence that says what is wrong.</summary>
    public static bool TryParse(string? text, out TargetAddress address, [NotNullWhen(false)] out string? fault)
    {
        address = default;
        text ??= "";
        var colon = text.LastIndexOf(':');
        if (colon < 0)
        {
            fault = $"'{text}' has no port: write for example '{(text.Length > 0 ? text : "127.0.0.1")}:25'.";
            return false;
        }
        var host = text[..colon];
        var portText = text.AsSpan(colon + 1);
        if (portText.Length > 5
            || !ushort.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            fault = $"'{text}': the port must be a number from 1 to 65535.";
            return false;
        }
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
            fault = host.Contains(':', StringComparison.Ordinal) && IPAddress.TryParse(host, out _) ? null
                : $"'{text}': '{host}' is no IPv6 address.";
        }
        else if (host.Contains(':', StringComparison.Ordinal))
        {
            fault = $"'{text}': an IPv6 address stands in brackets, '[{host}]:{port}'.";
        }
        else
        {
            fault = IsHostName(host) ? null : $"'{text}': '{host}' is no host name or IP address.";
        }
        if (fault is not null)
            return false;
        address = new TargetAddress(host, port);
        return true;
    }

    private static bool IsHostName(string host)
    {
        if (host.Length is 0 or > HostCharsMax)
            return false;
        var label = 0;
        var isNumeric = true;
        foreach (var c in host)
        {
            if (c == '.')
            {
                if (label == 0)
                    return false;
                label = 0;
                continue;
            }
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                return false;
            isNumeric &= char.IsAsciiDigit(c);
            if (++label > LabelCharsMax)
                return false;
        }
        // Digits and dots only: an IPv4 address or a slip of the finger.
        return !isNumeric || (IPAddress.TryParse(host, out _) && host.AsSpan().Count('.') == 3);
    }
}
