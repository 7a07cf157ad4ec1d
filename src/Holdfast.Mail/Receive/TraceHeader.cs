using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.Mail.Receive;

/// <summary>Writes our Received: header (RFC 5321 §4.4) before a message's content.</summary>
internal static class TraceHeader
{
    private const int LengthMax = 2048;
    private static readonly SearchValues<char> Awkward = SearchValues.Create("<>\"()\\ ");

    /// <param name="protocol">RFC 3848 and RFC 6531: ESMTP, ESMTPS, ESMTPSA, UTF8SMTP …</param>
    /// <param name="tls">"TLS1.3 TLS_AES_256_GCM_SHA384", or null.</param>
    /// <param name="recipient">The only recipient; null when there are several, since one must not learn of another.
    /// </param>
    public static void Write(IBufferWriter<byte> destination, string hello, IPAddress? client, string hostName,
        string protocol, MessageId id, string? tls, string? recipient, DateTimeOffset now)
    {
        var line = destination.GetSpan(LengthMax);
        var at = 0;
        Add(line, ref at, "Received: from "u8);
        AddToken(line, ref at, hello);
        Add(line, ref at, " (["u8);
        if (client is not null)
        {
            if (client.IsIPv4MappedToIPv6)
                client = client.MapToIPv4();
            if (client.AddressFamily == AddressFamily.InterNetworkV6)
                Add(line, ref at, "IPv6:"u8); // RFC 5321 §4.1.3
            client.TryFormat(line[at..], out var written);
            at += written;
        }
        Add(line, ref at, "])\r\n\tby "u8);
        AddToken(line, ref at, hostName);
        Add(line, ref at, " (Holdfast) with "u8);
        AddToken(line, ref at, protocol);
        if (tls is not null)
        {
            Add(line, ref at, " ("u8);
            AddToken(line, ref at, tls);
            Add(line, ref at, ")"u8);
        }
        Add(line, ref at, "\r\n\tid "u8);
        AddToken(line, ref at, id.ToString());
        // A quoted local part may hold '>' and blanks: leave it out rather than write what others read differently.
        if (recipient is { Length: <= 320 } && !recipient.AsSpan().ContainsAny(Awkward))
        {
            Add(line, ref at, "\r\n\tfor <"u8);
            at += Encoding.UTF8.GetBytes(recipient, line[at..]);
            Add(line, ref at, ">"u8);
        }
        Add(line, ref at, ";\r\n\t"u8);
        // 'R' ends in "GMT", which RFC 5322 calls obsolete.
        Utf8Formatter.TryFormat(now, line[at..], out var date, 'R');
        at += date - 3;
        Add(line, ref at, "+0000\r\n"u8);
        destination.Advance(at);
    }

    private static void Add(Span<byte> line, ref int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(line[at..]);
        at += text.Length;
    }

    /// <summary>Printable ASCII passes, anything else becomes '?': what a client calls itself must not make headers.
    /// </summary>
    private static void AddToken(Span<byte> line, ref int at, ReadOnlySpan<char> text)
    {
        foreach (var c in text.Length > 255 ? text[..255] : text)
        {
            var passes = c is >= ' ' and < '\x7f' and not ('(' or ')' or ';' or '<' or '>' or '"' or '\\');
            line[at++] = passes ? (byte)c : (byte)'?';
        }
    }
}
