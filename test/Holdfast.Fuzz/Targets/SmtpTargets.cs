using System.Buffers;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Smtp;

namespace Holdfast.Fuzz.Targets;

/// <summary>SMTP's wire code: any octets in, an exception where a promise is broken. The tests call the same.</summary>
internal static class SmtpTargets
{
    /// <summary>First octet: policy and cut. The rest is what the wire brings; an end of data is added.</summary>
    public static int Data(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var policy = (input[0] & 1) == 0 ? BareNewlinePolicy.Reject : BareNewlinePolicy.Normalise;
        var cut = 1 + (input[0] >> 1);
        byte[] wire = [.. input[1..], .. "\r\n.\r\n"u8];
        return CompareData(wire, policy, [cut]);
    }

    /// <summary>First octet: policy and chunk length.</summary>
    public static int Bdat(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var policy = (input[0] & 1) == 0 ? BareNewlinePolicy.Reject : BareNewlinePolicy.Normalise;
        return CompareBdat(input[1..], policy, 1 + (input[0] >> 1), 3);
    }

    /// <summary>First octet: what was offered, and whether the transaction is SMTPUTF8.</summary>
    public static int Command(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var offered = (input[0] & 1) == 0 ? OfferedExtensions.All : OfferedExtensions.None;
        var command = new SmtpCommand();
        var parsed = SmtpCommandParser.TryParse(input[1..], offered, (input[0] & 2) != 0, command, out var refusal);
        Promise.Holds(parsed == (refusal is null), "a refusal comes with false and only then");
        Promise.Holds(refusal is null or { Code: 500 or 501 or 504 or 553 or 555 },
            "a command's fault is the client's");
        Promise.Holds(!Holds(command.Argument) && !Holds(command.Address.Text) && !Holds(command.EnvelopeId)
            && !Holds(command.AuthSender) && !Holds(command.OriginalRecipient), "no value holds CR, LF or NUL");
        Promise.Holds(command.MtPriority is null or (>= -9 and <= 9), "priority in range");
        Promise.Holds(command.ChunkSize >= 0 && command.Size is null or >= 0, "sizes aren't negative");
        var peer = command.Verb == SmtpVerb.XClient && parsed
            && XClientAttributes.TryParse(command.Argument, out _, out _);
        return HashCode.Combine(command.Verb, refusal?.ToString(), peer, command.Body, command.Return, command.Notify,
            (command.Size is null, command.EnvelopeId is null, command.AuthSender is null,
                command.OriginalRecipient is null, command.MtPriority is null, command.Address.Text?.Length > 64),
            offered);
    }

    public static int Address(ReadOnlySpan<byte> input)
    {
        _ = EmailAddress.TryParse(input, true, out _, out var fault);
        if (!EmailAddress.TryParsePath(input, true, out var address, out var pathFault))
            return HashCode.Combine(fault, pathFault);
        Promise.Holds(!Holds(address.Text), "no address holds CR, LF or NUL");
        Promise.Holds(Encoding.UTF8.GetByteCount(address.Text) + 2 <= EmailAddress.PathBytesMax,
            "the path keeps its limit");
        Promise.Holds(EmailAddress.TryParsePath(Encoding.UTF8.GetBytes($"<{address.Text}>"), true, out var again, out _)
            && again == address, "a canonical address reads back to itself");
        Promise.Holds(EmailAddress.PathLength(input) == input.Length, "the path's end is its own bracket");
        return HashCode.Combine(fault, address.Text.Contains('"', StringComparison.Ordinal),
            address.Text.Contains('[', StringComparison.Ordinal), address.Text.Length / 16);
    }

    public static int ProxyHeader(ReadOnlySpan<byte> input)
    {
        var result = Holdfast.Mail.Smtp.ProxyHeader.TryRead(input, out var header);
        Promise.Holds(result != ProxyHeaderResult.Done || header.Length <= input.Length,
            "a header is within its input");
        byte[] behindSignature = [.. "\r\n\r\n\0\r\nQUIT\n"u8, .. input];
        var behind = Holdfast.Mail.Smtp.ProxyHeader.TryRead(behindSignature, out var second);
        Promise.Holds(behind != ProxyHeaderResult.Done || second.Length <= behindSignature.Length,
            "a header is within its input");
        return HashCode.Combine(result, behind, second.Source?.AddressFamily, second.Length / 64);
    }

    public static int Reply(ReadOnlySpan<byte> input)
    {
        var output = new ArrayBufferWriter<byte>();
        SmtpReplyWriter.Write(SmtpReply.Of(550, 5, 1, 1, Encoding.UTF8.GetString(input)), output, !input.IsEmpty
            && input[0] % 2 == 0);
        var lines = Encoding.UTF8.GetString(output.WrittenSpan).Split("\r\n");
        Promise.Holds(lines[^1].Length == 0, "a reply ends in CRLF");
        for (var i = 0; i < lines.Length - 1; i++)
        {
            Promise.Holds(lines[i].StartsWith(i == lines.Length - 2 ? "550 5.1.1 " : "550-5.1.1 ",
                StringComparison.Ordinal)
                && !lines[i].Any(char.IsControl) && Encoding.UTF8.GetByteCount(lines[i]) <= 510,
                "a line is well formed");
        }
        return lines.Length;
    }

    /// <summary>Reads the wire cut at each multiple of the first cut, or at the given places if several, and compares
    /// everything with the reference.</summary>
    internal static int CompareData(ReadOnlySpan<byte> wire, BareNewlinePolicy policy, params ReadOnlySpan<int> cuts)
    {
        var expected = ReferenceDecoder.Data(Encoding.Latin1.GetString(wire), policy == BareNewlinePolicy.Normalise);
        var reader = new DataReader();
        reader.Reset(policy, long.MaxValue);
        var output = new ArrayBufferWriter<byte>();
        var at = 0;
        var ended = false;
        for (var cut = 0; at < wire.Length && !ended; cut++)
        {
            var size = cuts.Length == 1 ? cuts[0] : cut < cuts.Length ? cuts[cut] - at : wire.Length - at;
            var piece = wire.Slice(at, Math.Min(size, wire.Length - at));
            ended = reader.Read(piece, output, out var consumed);
            Promise.Holds(consumed == piece.Length || ended, "all of a piece is consumed unless data ends in it");
            at += consumed;
        }
        Promise.Holds(ended == expected is not null, "data ends where the reference ends it, and only there");
        if (expected is null)
            return 0;
        Promise.Holds(at == expected.Consumed, "the terminator is consumed and nothing behind it");
        return CompareContent(reader, output, expected, policy, closed: true);
    }

    internal static int CompareBdat(ReadOnlySpan<byte> wire, BareNewlinePolicy policy, int chunk, int piece)
    {
        var expected = ReferenceDecoder.Bdat(Encoding.Latin1.GetString(wire), policy == BareNewlinePolicy.Normalise);
        var reader = new BdatReader();
        reader.Reset(policy, long.MaxValue);
        var output = new ArrayBufferWriter<byte>();
        for (var at = 0; at == 0 || at < wire.Length;)
        {
            var size = Math.Min(chunk, wire.Length - at);
            reader.BeginChunk(size, at + size == wire.Length);
            bool whole;
            var taken = 0;
            do
            {
                // What lies behind the chunk must stay: it is the next command.
                var rest = wire.Slice(at, Math.Min(piece, wire.Length - at));
                whole = reader.Read(rest, output, out var consumed);
                at += consumed;
                taken += consumed;
            }
            while (!whole);
            Promise.Holds(taken == size, "exactly the announced octets are consumed");
            if (reader.IsComplete)
                break;
        }
        Promise.Holds(reader.IsComplete, "the last chunk ends the message");
        return CompareContent(reader, output, expected, policy, closed: true);
    }

    private static int CompareContent(ContentReader reader, ArrayBufferWriter<byte> output, ReferenceDecoder expected,
        BareNewlinePolicy policy, bool closed)
    {
        if (policy == BareNewlinePolicy.Reject && expected.HasBareNewline)
        {
            Promise.Holds(reader.Fault == ContentFault.BareNewline, "a bare newline is a fault");
            return 1;
        }
        Promise.Holds(reader.Fault == ContentFault.None, "no fault without cause");
        Promise.Holds(output.WrittenSpan.SequenceEqual(ReferenceDecoder.Octets(expected.Content)), "the same content");
        Promise.Holds(reader.Length == output.WrittenCount, "the length is that of the content");
        Promise.Holds(!closed || reader.Traits == expected.Traits,
            $"traits {reader.Traits}, expected {expected.Traits}");
        Promise.Holds(reader.HeaderLength == expected.HeaderLength, "the same end of the header");
        Promise.Holds(reader.ReceivedCount == expected.ReceivedCount, "the same hops");
        return HashCode.Combine(policy, reader.Traits, reader.HeaderLength is null, reader.ReceivedCount,
            expected.HasBareNewline);
    }

    private static bool Holds(string? text) => text is not null && text.AsSpan().IndexOfAny('\r', '\n', '\0') >= 0;
}
