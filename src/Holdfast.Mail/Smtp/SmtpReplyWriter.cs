using System.Buffers;
using System.Text;

namespace Holdfast.Mail.Smtp;

/// <summary>Writes replies to the wire.</summary>
/// <remarks>
/// Promise: whatever the text, the client sees exactly one well-formed reply: each line holds code, separator, enhanced
/// code (RFC 2034 §4: on every line) and printable text, ends in CRLF and keeps within 512 octets (RFC 5321
/// §4.5.3.1.5); text beyond that is cut. Controls become '?', and so does what isn't ASCII unless the session speaks
/// SMTPUTF8 (RFC 6531 §3.7.4).
/// </remarks>
internal static class SmtpReplyWriter
{
    /// <summary>RFC 5321 §4.5.3.1.5, CRLF included.</summary>
    public const int LineBytesMax = 512;

    public static void Write(SmtpReply reply, IBufferWriter<byte> output, bool allowUtf8 = false)
    {
        var rest = reply.Text.AsSpan();
        while (true)
        {
            var end = rest.IndexOf('\n');
            var line = end < 0 ? rest : rest[..end];
            WriteLine(reply, line, end < 0, output, allowUtf8);
            if (end < 0)
                return;
            rest = rest[(end + 1)..];
        }
    }

    private static void WriteLine(SmtpReply reply, ReadOnlySpan<char> text, bool isLast, IBufferWriter<byte> output,
        bool allowUtf8)
    {
        var span = output.GetSpan(LineBytesMax);
        var code = Math.Clamp(reply.Code, 200, 599);
        span[0] = (byte)('0' + (code / 100));
        span[1] = (byte)('0' + (code / 10 % 10));
        span[2] = (byte)('0' + (code % 10));
        span[3] = isLast ? (byte)' ' : (byte)'-';
        var at = 4;
        if (!reply.Status.IsNone)
        {
            at += WriteNumber(span[at..], reply.Status.Class);
            span[at++] = (byte)'.';
            at += WriteNumber(span[at..], reply.Status.Subject);
            span[at++] = (byte)'.';
            at += WriteNumber(span[at..], reply.Status.Detail);
            span[at++] = (byte)' ';
        }
        var room = LineBytesMax - 2;
        if (at + text.Length <= room && !text.ContainsAnyExceptInRange(' ', '~'))
        {
            at += Encoding.ASCII.GetBytes(text, span[at..]);
            text = [];
        }
        foreach (var rune in text.EnumerateRunes())
        {
            if (at + rune.Utf8SequenceLength > room)
                break;
            if (rune.IsAscii)
                span[at++] = rune.Value is >= 32 and < 127 ? (byte)rune.Value : (byte)'?';
            else if (allowUtf8 && !Rune.IsControl(rune))
                at += rune.EncodeToUtf8(span[at..]);
            else
                span[at++] = (byte)'?';
        }
        span[at++] = (byte)'\r';
        span[at++] = (byte)'\n';
        output.Advance(at);
    }

    private static int WriteNumber(Span<byte> destination, int value)
    {
        System.Buffers.Text.Utf8Formatter.TryFormat(value, destination, out var written);
        return written;
    }
}
