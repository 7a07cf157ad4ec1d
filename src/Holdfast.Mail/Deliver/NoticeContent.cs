using System.Globalization;
using System.Text;
using Holdfast.Mail.Spool;
using MimeKit;

namespace Holdfast.Mail.Deliver;

/// <summary>Bytes of notices: what is taken from the message, and how it is made safe.</summary>
internal static class NoticeContent
{
    /// <summary>The header with its empty line; all of it when there is no empty line; cut after a line at the bound.
    /// </summary>
    public static ReadOnlyMemory<byte> HeaderOf(ReadOnlyMemory<byte> content, int bytesMax) =>
        content[..HeaderLength(content.Span, bytesMax)];

    public static ReadOnlySpan<byte> HeaderOf(ReadOnlySpan<byte> content) =>
        content[..HeaderLength(content, content.Length)];

    private static int HeaderLength(ReadOnlySpan<byte> content, int bytesMax)
    {
        if (content.StartsWith("\r\n"u8))
            return 0;
        var end = content.IndexOf("\r\n\r\n"u8);
        var length = end < 0 ? content.Length : end + 2;
        if (length <= bytesMax)
            return length;
        var line = content[..bytesMax].LastIndexOf("\r\n"u8);
        return line < 0 ? 0 : line + 2;
    }

    /// <summary>The message's own Message-ID, or null when it has none that is safe to repeat.</summary>
    public static string? MessageIdOf(ReadOnlySpan<byte> content)
    {
        var header = HeaderOf(content);
        while (header.Length > 0)
        {
            var end = header.IndexOf("\r\n"u8);
            var line = end < 0 ? header : header[..end];
            header = end < 0 ? default : header[(end + 2)..];
            if (line.Length < 12 || !Ascii.EqualsIgnoreCase(line[..11], "message-id:"u8))
                continue;
            var value = line[11..].Trim((byte)' ');
            if (value is not [(byte)'<', .., (byte)'>'] || value.Length is < 5 or > 250
                || value.ContainsAnyExceptInRange((byte)'!', (byte)'~')
                || value[1..^1].ContainsAny((byte)'<', (byte)'>'))
                return null;
            return Encoding.ASCII.GetString(value);
        }
        return null;
    }

    /// <summary>A boundary that doesn't occur in what is returned.</summary>
    public static string BoundaryFor(MessageId id, ReadOnlySpan<byte> returned)
    {
        for (var n = 0; ; n++)
        {
            var boundary = string.Create(CultureInfo.InvariantCulture, $"=_notice_{id}_{n}");
            if (returned.IndexOf(Encoding.ASCII.GetBytes(boundary)) < 0)
                return boundary;
        }
    }

    /// <summary>A part whose bytes stand as they are: 7bit, or 8bit when they need it.</summary>
    public static MimePart PartOf(string type, string subtype, byte[] content)
    {
        var encoding = Ascii.IsValid(content) ? ContentEncoding.SevenBit : ContentEncoding.EightBit;
        return new MimePart(type, subtype)
        {
            Content = new MimeContent(new MemoryStream(content, writable: false), encoding),
            ContentTransferEncoding = encoding,
        };
    }

    public static ContentTraits TraitsOf(ReadOnlySpan<byte> content)
    {
        var traits = ContentTraits.None;
        if (!Ascii.IsValid(content))
            traits |= ContentTraits.HasEightBit;
        if (content.StartsWith("."u8) || content.IndexOf("\r\n."u8) >= 0)
            traits |= ContentTraits.HasLeadingDot;
        if (!content.EndsWith("\r\n"u8))
            traits |= ContentTraits.LacksFinalNewline;
        if (content.Contains((byte)0))
            return traits | ContentTraits.HasLongLine;
        while (content.Length > 998)
        {
            var end = content.IndexOf("\r\n"u8);
            if (end is < 0 or > 998)
                return traits | ContentTraits.HasLongLine;
            content = content[(end + 2)..];
        }
        return traits;
    }

    /// <summary>Control characters become spaces, and a text that is too long is cut: nothing from outside starts a
    /// line.</summary>
    public static string OneLine(string text, int charactersMax)
    {
        if (text.Length > charactersMax)
            text = string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[charactersMax - 1])
                ? charactersMax - 1 : charactersMax), "...");
        return text.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0 && !text.Contains('\u007f') ? text
            : string.Create(text.Length, text, static (span, from) =>
            {
                for (var i = 0; i < span.Length; i++)
                    span[i] = char.IsControl(from[i]) ? ' ' : from[i];
            });
    }
}
