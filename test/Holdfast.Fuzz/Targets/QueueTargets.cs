using System.Security.Cryptography;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Spool;

namespace Holdfast.Fuzz.Targets;

/// <summary>Files of exported messages, and what people select messages with.</summary>
internal static class QueueTargets
{
    /// <summary>First octet: 0 takes the file as it is; 1 sets length (<c>@LEN@</c>) and seal right, so that the head
    /// is looked at. What is taken in can be exported and taken in again, as the same.</summary>
    public static int Import(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var file = (input[0] & 1) == 0 ? input[1..].ToArray() : Sealed(input[1..]);
        if (Take(file, out var fault) is not { } taken)
            return HashCode.Combine(fault!.Message.Length > 40 ? fault.Message[..40] : fault.Message);
        var (envelope, content) = taken;
        Promise.Holds(envelope.Recipients.Count > 0 && envelope.SizeBytes == content.Length && envelope.Priority <= 5,
            "what is taken in is whole");
        string?[] texts = [envelope.Sender, envelope.EnvelopeId, envelope.Listener, envelope.ClientAddress,
            envelope.ClientHello, envelope.AuthenticatedAs, envelope.Tenant,
            .. envelope.Recipients.SelectMany(r => new[] { r.Address, r.OriginalRecipient })];
        Promise.Holds(!texts.Any(t => t is not null && t.Any(c => c is < ' ' or '\u007f')),
            "nothing from a file can start a line");
        Promise.Holds(envelope.Recipients.All(r => r.Address.Length > 0), "every recipient has an address");
        var bare = ReferenceDecoder.Bdat(Encoding.Latin1.GetString(content), normalise: false);
        Promise.Holds(!bare.HasBareNewline && bare.Traits == envelope.Traits, "traits are those of the content");
        var record = EnvelopeCodec.Encode(envelope, false, content.Length, 0);
        var back = EnvelopeCodec.TryDecode(record.Written.Span, record.Length + content.Length, out _);
        Promise.Holds(!record.IsTooLong && back is not null && AreEqual(back, envelope), "the spool can keep it");
        record.Return();
        Promise.Holds(Take(Exported(envelope, content), out _) is { } again && AreEqual(again.Envelope, envelope)
            && again.Content.AsSpan().SequenceEqual(content), "what was taken in can be exported and taken in again");
        return HashCode.Combine(envelope.Recipients.Count, envelope.Traits, envelope.Body, envelope.Sender.Length == 0);
    }

    /// <summary>First octet: the blocks' length. The scan agrees with the slow reference.</summary>
    public static int ContentScan(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var content = input[1..];
        var scan = new ContentScan();
        for (var at = 0; at < content.Length;)
        {
            var size = Math.Min(1 + (input[0] & 63), content.Length - at);
            scan.Add(content.Slice(at, size));
            at += size;
        }
        var expected = ReferenceDecoder.Bdat(Encoding.Latin1.GetString(content), normalise: false);
        Promise.Holds(scan.HasBareNewline == expected.HasBareNewline, "bare newlines are found");
        Promise.Holds(expected.HasBareNewline || scan.Traits == expected.Traits, "the same traits");
        return HashCode.Combine(scan.HasBareNewline, scan.Traits);
    }

    /// <summary>First line: a pattern. The rest: a text. Agrees with trying every way.</summary>
    public static int Wildcard(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        var pattern = end < 0 ? text : text[..end];
        text = end < 0 ? "" : text[(end + 1)..];
        var matches = new WildcardPattern(pattern).Matches(text);
        Promise.Holds(matches == MatchesSlowly(pattern, text), "a star stands for any characters, the rest for itself");
        return HashCode.Combine(matches, pattern.Count(c => c == '*'));
    }

    private static bool MatchesSlowly(string pattern, string text)
    {
        var reached = new bool[text.Length + 1];
        reached[0] = true;
        foreach (var c in pattern)
        {
            var next = new bool[text.Length + 1];
            for (var i = 0; i <= text.Length; i++)
            {
                next[i] = c == '*' ? reached[i] || (i > 0 && next[i - 1])
                    : i > 0 && reached[i - 1] && char.ToLowerInvariant(text[i - 1]) == char.ToLowerInvariant(c);
            }
            reached = next;
        }
        return reached[text.Length];
    }

    private static byte[] Sealed(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf((byte)'\n');
        var content = end < 0 ? [] : input[(end + 1)..];
        var head = Encoding.Latin1.GetString(end < 0 ? input : input[..end])
            .Replace("@LEN@", content.Length.ToString(System.Globalization.CultureInfo.InvariantCulture),
                StringComparison.Ordinal);
        return [.. Encoding.Latin1.GetBytes(head), (byte)'\n', .. content,
            .. Encoding.ASCII.GetBytes($"\n{{\"sha256\":\"{Convert.ToHexStringLower(SHA256.HashData(content))}\"}}\n")];
    }

    private static (Envelope Envelope, byte[] Content)? Take(byte[] file, out InvalidDataException? fault)
    {
        fault = null;
        var spool = new ImportSpool();
        var transfer = new MessageTransfer(spool, spool, TimeProvider.System);
        using var stream = new MemoryStream(file);
        try
        {
            // Nothing here waits: streams and spool are in memory.
            transfer.ReadAsync(stream, "fuzz", CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (InvalidDataException e)
        {
            Promise.Holds(spool.Stored is null, "what was refused left nothing");
            fault = e;
        }
        Promise.Holds(!spool.DraftIsOpen, "no draft stays open");
        return spool.Stored is { } envelope ? (envelope, spool.Content) : null;
    }

    private static byte[] Exported(Envelope envelope, byte[] content)
    {
        var spool = new ImportSpool();
        using var stream = new MemoryStream();
        new MessageTransfer(spool, spool, TimeProvider.System).WriteAsync(
            new SpooledMessage(default, envelope, MessageProgress.ForNew(envelope.Recipients.Count)),
            new ImportSpool.Whole(content), stream, "fuzz", CancellationToken.None).GetAwaiter().GetResult();
        return stream.ToArray();
    }

    private static bool AreEqual(Envelope a, Envelope b) =>
        a with { Recipients = [], ReceivedAt = default } == b with { Recipients = [], ReceivedAt = default }
        && a.Recipients.SequenceEqual(b.Recipients);
}
