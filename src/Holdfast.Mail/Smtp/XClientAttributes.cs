using System.Globalization;
using System.Net;

namespace Holdfast.Mail.Smtp;

/// <summary>What a trusted peer says about the true client by XCLIENT (Postfix XCLIENT_README).</summary>
/// <remarks>An attribute that wasn't given keeps its present value and is null here; "[UNAVAILABLE]" and
/// "[TEMPUNAVAIL]" are the empty string, and for addresses and ports null with the flag set.</remarks>
internal sealed class XClientAttributes
{
    private const int ValueCharactersMax = 255;

    public string? Name { get; private set; }
    public string? ReverseName { get; private set; }
    public IPAddress? Address { get; private set; }
    public int? Port { get; private set; }
    /// <summary>"SMTP" or "ESMTP".</summary>
    public string? Protocol { get; private set; }
    public string? Hello { get; private set; }
    public string? Login { get; private set; }
    public IPAddress? DestinationAddress { get; private set; }
    public int? DestinationPort { get; private set; }
    /// <summary>ADDR=[UNAVAILABLE]: the client has no address that is known.</summary>
    public bool AddressUnavailable { get; private set; }

    /// <summary>Attributes for the EHLO line.</summary>
    public const string Offered = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

    /// <summary>Reads the argument of XCLIENT: blank-separated name=xtext.</summary>
    public static bool TryParse(string argument, out XClientAttributes attributes, out SmtpReply? refusal)
    {
        attributes = new XClientAttributes();
        refusal = null;
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        Span<byte> octets = stackalloc byte[ValueCharactersMax * 3];
        var rest = argument.AsSpan();
        if (rest.Trim(' ').IsEmpty)
            refusal = StandardReplies.BadArgument;
        foreach (var range in rest.Split(' '))
        {
            var pair = rest[range];
            if (pair.IsEmpty)
                continue;
            var equals = pair.IndexOf('=');
            if (equals <= 0 || equals == pair.Length - 1 || pair.Length - equals - 1 > ValueCharactersMax)
            {
                refusal = StandardReplies.BadParameter;
                break;
            }
            var name = pair[..equals].ToString();
            var count = System.Text.Encoding.UTF8.GetBytes(pair[(equals + 1)..], octets);
            if (!seen.Add(name) || !XtextValue.TryDecode(octets[..count], out var value)
                || !XtextValue.IsPrintable(value) || !attributes.Set(name.ToUpperInvariant(), value))
            {
                refusal = StandardReplies.BadParameter;
                break;
            }
        }
        return refusal is null;
    }

    private bool Set(string name, string value)
    {
        var missing = value.Equals("[UNAVAILABLE]", StringComparison.OrdinalIgnoreCase)
            || value.Equals("[TEMPUNAVAIL]", StringComparison.OrdinalIgnoreCase);
        var text = missing ? "" : value;
        switch (name)
        {
            case "NAME": Name = text; return true;
            case "REVERSE_NAME": ReverseName = text; return true;
            case "HELO": Hello = text; return true;
            case "LOGIN": Login = text; return true;
            case "ADDR":
                AddressUnavailable = missing;
                Address = missing ? null : ReadAddress(text);
                return missing || Address is not null;
            case "DESTADDR":
                DestinationAddress = missing ? null : ReadAddress(text);
                return missing || DestinationAddress is not null;
            case "PORT":
                Port = missing ? null : ReadPort(text);
                return missing || Port is not null;
            case "DESTPORT":
                DestinationPort = missing ? null : ReadPort(text);
                return missing || DestinationPort is not null;
            case "PROTO":
                Protocol = text.ToUpperInvariant();
                return missing || Protocol is "SMTP" or "ESMTP";
            default:
                return false;
        }
    }

    /// <summary>"192.0.2.1", "IPV6:2001:db8::1"; bare IPv6 is tolerated.</summary>
    private static IPAddress? ReadAddress(string text)
    {
        if (text.StartsWith("IPV6:", StringComparison.OrdinalIgnoreCase))
            text = text[5..];
        else if (!text.Contains(':', StringComparison.Ordinal) && text.Split('.').Length != 4)
            return null;
        return IPAddress.TryParse(text, out var address) ? address : null;
    }

    private static int? ReadPort(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : null;
}
