using System.Text;

namespace Holdfast.Mail.Smtp;

internal enum ReplyScan : byte { Complete = 0, NeedsMore = 1, NotSmtp = 2 }

/// <summary>Reads one reply (RFC 5321 §4.2) from a server's bytes; arbitrary bytes never throw.</summary>
/// <remarks>Bounds: <see cref="BytesMax"/> a reply, all lines together. A bare LF ends a line too: a reply carries no
/// content that could be smuggled, and some servers send it.</remarks>
internal static class ReplyScanner
{
    /// <summary>RFC 5321 §4.5.3.1.5 allows 512 octets a line; EHLO answers have some tens of lines.</summary>
    public const int BytesMax = 16 * 1024;
    private const int TextMax = 4 * 1024;

    public static ReplyScan Scan(ReadOnlySpan<byte> input, out int code, out int length)
    {
        code = 0;
        length = 0;
        var at = 0;
        while (true)
        {
            var line = input[at..];
            var end = line.IndexOf((byte)'\n');
            if (end < 0)
                return input.Length >= BytesMax ? ReplyScan.NotSmtp : ReplyScan.NeedsMore;
            at += end + 1;
            if (at > BytesMax)
                return ReplyScan.NotSmtp;
            line = end > 0 && line[end - 1] == '\r' ? line[..(end - 1)] : line[..end];
            if (line.Length < 3 || !IsDigit(line[0]) || !IsDigit(line[1]) || !IsDigit(line[2]))
                return ReplyScan.NotSmtp;
            var number = ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + line[2] - '0';
            if (number is < 200 or > 599 || (code != 0 && number != code))
                return ReplyScan.NotSmtp;
            code = number;
            if (line.Length > 3 && line[3] == '-')
                continue;
            if (line.Length > 3 && line[3] != ' ')
                return ReplyScan.NotSmtp;
            length = at;
            return ReplyScan.Complete;
        }
    }

    /// <summary>Makes the reply of the bytes that <see cref="Scan"/> found complete.</summary>
    public static SmtpReply Read(ReadOnlySpan<byte> reply, int code)
    {
        var text = new StringBuilder();
        var status = EnhancedStatus.None;
        var first = true;
        while (reply.Length > 0)
        {
            var end = reply.IndexOf((byte)'\n');
            var line = end < 0 ? reply : reply[..end];
            reply = end < 0 ? [] : reply[(end + 1)..];
            if (line.Length > 0 && line[^1] == '\r')
                line = line[..^1];
            line = line.Length > 4 ? line[4..] : [];
            var found = TakeStatus(ref line, code);
            if (first)
                status = found;
            else if (text.Length < TextMax)
                text.Append('\n');
            first = false;
            foreach (var b in line)
            {
                if (text.Length < TextMax)
                    text.Append(b is >= 32 and < 127 ? (char)b : b == '\t' ? ' ' : '?');
            }
        }
        return new SmtpReply(code, status, text.ToString());
    }

    /// <summary>Takes an enhanced code (RFC 2034) off the line's front if its class fits the reply's.</summary>
    private static EnhancedStatus TakeStatus(ref ReadOnlySpan<byte> line, int code)
    {
        if (line.Length < 5 || line[0] != '0' + (code / 100) || line[1] != '.')
            return EnhancedStatus.None;
        var at = 2;
        if (!TakeNumber(line, ref at, out var subject) || at >= line.Length || line[at++] != '.'
            || !TakeNumber(line, ref at, out var detail) || (at < line.Length && line[at] != ' '))
            return EnhancedStatus.None;
        line = at < line.Length ? line[(at + 1)..] : [];
        return new EnhancedStatus((byte)(code / 100), subject, detail);
    }

    private static bool TakeNumber(ReadOnlySpan<byte> line, ref int at, out ushort number)
    {
        number = 0;
        var start = at;
        while (at < line.Length && at - start < 3 && IsDigit(line[at]))
            number = (ushort)((number * 10) + line[at++] - '0');
        return at > start;
    }

    private static bool IsDigit(byte b) => b is >= (byte)'0' and <= (byte)'9';
}
