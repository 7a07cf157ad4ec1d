using System.Text;
using System.Text.RegularExpressions;
using Holdfast.Mail;
using Holdfast.Mail.Smtp;

namespace Holdfast.Fuzz.Targets;

/// <summary>The rules of DATA and BDAT once more, slowly, on the whole input at once: what the readers must agree
/// with.</summary>
internal sealed class ReferenceDecoder
{
    public int Consumed { get; private init; }
    public string Content { get; private init; } = "";
    public bool HasBareNewline { get; private init; }

    /// <summary>Null when the wire holds no end of data.</summary>
    public static ReferenceDecoder? Data(string wire, bool normalise)
    {
        // Data ends at CRLF.CRLF or at .CRLF straight away; the first CRLF belongs to the content.
        int body, consumed;
        if (wire.StartsWith(".\r\n", StringComparison.Ordinal))
        {
            (body, consumed) = (0, 3);
        }
        else
        {
            var end = wire.IndexOf("\r\n.\r\n", StringComparison.Ordinal);
            if (end < 0)
                return null;
            (body, consumed) = (end + 2, end + 5);
        }
        var lines = wire[..body].Split("\r\n");
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith('.'))
                lines[i] = lines[i][1..];
        }
        return Of(lines, consumed, normalise);
    }

    public static ReferenceDecoder Bdat(string wire, bool normalise) =>
        Of(wire.Split("\r\n"), wire.Length, normalise);

    private static ReferenceDecoder Of(string[] lines, int consumed, bool normalise)
    {
        var bare = lines.Any(line => line.Contains('\r') || line.Contains('\n'));
        if (normalise)
            lines = [.. lines.Select(line => line.Replace("\r", "\n").Replace("\n", "\r\n"))];
        return new ReferenceDecoder
        {
            Consumed = consumed,
            Content = string.Join("\r\n", lines),
            HasBareNewline = bare,
        };
    }

    public ContentTraits Traits
    {
        get
        {
            var traits = ContentTraits.None;
            if (Content.Any(c => c > 127))
                traits |= ContentTraits.HasEightBit;
            if (Content.Split("\r\n").Any(line => line.StartsWith('.')))
                traits |= ContentTraits.HasLeadingDot;
            if (Content.Contains('\0') || Content.Split("\r\n").Any(line => line.Length > 998))
                traits |= ContentTraits.HasLongLine;
            if (Content.Length > 0 && !Content.EndsWith("\r\n", StringComparison.Ordinal))
                traits |= ContentTraits.LacksFinalNewline;
            return traits;
        }
    }

    public long? HeaderLength
    {
        get
        {
            if (Content.StartsWith("\r\n", StringComparison.Ordinal))
                return 2;
            var end = Content.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            return end < 0 ? null : end + 4;
        }
    }

    public int ReceivedCount => Regex.Count(
        "\r\n" + (HeaderLength is { } length ? Content[..(int)length] : Content), "\r\n(?i:received)[ \t]*:");

    public static byte[] Octets(string text) => Encoding.Latin1.GetBytes(text);
}
