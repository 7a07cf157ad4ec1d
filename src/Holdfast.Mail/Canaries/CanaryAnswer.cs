namespace Holdfast.Mail.Canaries;

/// <summary>What a message that came to a probe's address says: which canaries it answers, and whether it is a bounce.
/// </summary>
/// <remarks>
/// Looks at the header alone, wherever the token stands: an answer quotes it in Subject, In-Reply-To or References, a
/// redirected canary carries it in its own Message-ID. A bounce carries it too, and is no answer: it is known by
/// its multipart/report (RFC 6522) or X-Failed-Recipients.
/// Limits: 64 KiB of header, four tokens. Any octets are taken; nothing throws.
/// </remarks>
internal readonly record struct CanaryAnswer(IReadOnlyList<string> Tokens, bool IsBounce)
{
    public const int HeadMax = 64 * 1024;
    private const int TokensMax = 4;

    /// <param name="head">The message from its first octet on, as much of it as there is.</param>
    public static CanaryAnswer Read(ReadOnlySpan<byte> head)
    {
        head = Header(head.Length > HeadMax ? head[..HeadMax] : head);
        List<string>? tokens = null;
        for (var rest = head; (tokens?.Count ?? 0) < TokensMax;)
        {
            var at = rest.IndexOf("hfc-"u8);
            if (at < 0)
                break;
            rest = rest[at..];
            if (CanaryToken.Read(rest) is { } token && tokens?.Contains(token) != true)
                (tokens ??= []).Add(token);
            rest = rest[1..];
        }
        return new CanaryAnswer(tokens ?? (IReadOnlyList<string>)[], IsBounceHeader(head));
    }

    /// <summary>Up to the first empty line.</summary>
    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head)
    {
        var end = head.IndexOf("\r\n\r\n"u8);
        return end < 0 ? head : head[..end];
    }

    private static bool IsBounceHeader(ReadOnlySpan<byte> header)
    {
        var isContentType = false;
        while (!header.IsEmpty)
        {
            var end = header.IndexOf((byte)'\n');
            var line = end < 0 ? header : header[..end];
            header = end < 0 ? [] : header[(end + 1)..];
            // RFC 5322 §2.2.3: a line that begins with white space goes on with the field before it.
            if (line.IsEmpty || line[0] is not ((byte)' ' or (byte)'\t'))
            {
                isContentType = Begins(line, "content-type:"u8);
                if (Begins(line, "x-failed-recipients:"u8))
                    return true;
            }
            if (isContentType && Contains(line, "multipart/report"u8))
                return true;
        }
        return false;
    }

    private static bool Begins(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length >= name.Length && System.Text.Ascii.EqualsIgnoreCase(line[..name.Length], name);

    private static bool Contains(ReadOnlySpan<byte> line, ReadOnlySpan<byte> text)
    {
        for (var i = 0; i + text.Length <= line.Length; i++)
        {
            if (System.Text.Ascii.EqualsIgnoreCase(line.Slice(i, text.Length), text))
                return true;
        }
        return false;
    }
}
