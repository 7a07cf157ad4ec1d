using System.Buffers;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Smtp;

namespace Holdfast.Fuzz.Targets;

/// <summary>What a target of ours may answer, and what we send it.</summary>
internal static class DeliverTargets
{
    /// <summary>A reply scans alike however it comes in, and reads to bounded, printable text.</summary>
    public static int ReplyScanner(ReadOnlySpan<byte> input)
    {
        var scan = Holdfast.Mail.Smtp.ReplyScanner.Scan(input, out var code, out var length);
        if (scan != ReplyScan.Complete)
        {
            Promise.Holds(length == 0, "what isn't complete has no length");
            return HashCode.Combine(scan, code);
        }
        Promise.Holds(length > 0 && length <= input.Length && length <= Holdfast.Mail.Smtp.ReplyScanner.BytesMax,
            "a reply is within its input and its bound");
        Promise.Holds(code is >= 200 and <= 599, "a code is one of SMTP's");
        var cut = input[0] % length;
        Promise.Holds(Holdfast.Mail.Smtp.ReplyScanner.Scan(input[..cut], out _, out _) == ReplyScan.NeedsMore,
            "a part of a reply needs more");
        Promise.Holds(Holdfast.Mail.Smtp.ReplyScanner.Scan(input[..length], out var again, out var end)
            == ReplyScan.Complete && again == code && end == length, "what stands behind a reply doesn't change it");
        var reply = Holdfast.Mail.Smtp.ReplyScanner.Read(input[..length], code);
        Promise.Holds(reply.Code == code, "the reply has its code");
        Promise.Holds(reply.Status.IsNone || reply.Status.Class == code / 100, "the enhanced class fits the code");
        Promise.Holds(reply.Text.Length <= 5000 && !reply.Text.Any(c => c != '\n' && c is < ' ' or > '~'),
            "a reply's text is bounded and printable");
        return HashCode.Combine(scan, code / 100, reply.Status.IsNone, reply.Text.Count(c => c == '\n'), Capabilities(
            Encoding.UTF8.GetBytes(reply.Text)));
    }

    /// <summary>What our own writer makes of any text, our own scanner takes for a whole reply with its code.</summary>
    public static int ReplyRoundTrip(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var code = 200 + (pieces.UInt16() % 400);
        var status = pieces.Below(2) == 0 || code is >= 300 and < 400 ? EnhancedStatus.None
            : new EnhancedStatus((byte)(code / 100), (ushort)(pieces.UInt16() % 1000),
                (ushort)(pieces.UInt16() % 1000));
        var output = new ArrayBufferWriter<byte>();
        SmtpReplyWriter.Write(new SmtpReply(code, status, Encoding.UTF8.GetString(pieces.Rest)), output, false);
        Promise.Holds(Holdfast.Mail.Smtp.ReplyScanner.Scan(output.WrittenSpan, out var read, out var length)
            == ReplyScan.Complete && read == code && length == output.WrittenCount, "what we write is what we read");
        var reply = Holdfast.Mail.Smtp.ReplyScanner.Read(output.WrittenSpan, code);
        Promise.Holds(status.IsNone || reply.Status == status, "the enhanced code comes back");
        return HashCode.Combine(code / 100, status.IsNone, reply.Text.Count(c => c == '\n'));
    }

    public static int Capabilities(ReadOnlySpan<byte> input)
    {
        var found = ServerOffers.Parse(Encoding.Latin1.GetString(input));
        Promise.Holds(found.SizeMax >= 0 && found.RecipientsMax is >= 0 and <= 1_000_000
            && found.MessagesMax is >= 0 and <= 1_000_000, "limits aren't negative");
        Promise.Holds(found.Size || found.SizeMax == 0, "a size limit comes with SIZE");
        return HashCode.Combine(found.Pipelining, found.EightBitMime, found.SmtpUtf8, found.Dsn, found.StartTls,
            found.Size, found.RecipientsMax > 0, found.MessagesMax > 0);
    }

    /// <summary>First octet: the chunks' length. Content comes back as it was, and nothing in it ends data.</summary>
    public static int DotStuffing(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return 0;
        var chunk = 1 + (input[0] & 63);
        var content = input[1..];
        var stuffing = new DotStuffing();
        var wire = new ArrayBufferWriter<byte>();
        for (var at = 0; at < content.Length; at += chunk)
        {
            var piece = content.Slice(at, Math.Min(chunk, content.Length - at));
            // Exactly the room that it says it needs.
            var room = new byte[Holdfast.Mail.Smtp.DotStuffing.RoomFor(piece.Length)];
            wire.Write(room.AsSpan(0, stuffing.Write(piece, room)));
        }
        var end = new byte[Holdfast.Mail.Smtp.DotStuffing.EndRoom];
        wire.Write(end.AsSpan(0, stuffing.End(end)));
        var lacksEnd = content.Length > 0 && !content.EndsWith("\r\n"u8);
        byte[] expected = [.. content, .. lacksEnd ? "\r\n"u8 : []];
        var decoded = ReferenceDecoder.Data(Encoding.Latin1.GetString(wire.WrittenSpan), normalise: false);
        Promise.Holds(decoded is not null && decoded.Consumed == wire.WrittenCount, "only our own end mark ends data");
        Promise.Holds(expected.AsSpan().SequenceEqual(ReferenceDecoder.Octets(decoded!.Content)), "content comes back");
        var reader = new DataReader();
        reader.Reset(BareNewlinePolicy.Reject, long.MaxValue);
        var output = new ArrayBufferWriter<byte>();
        Promise.Holds(reader.Read(wire.WrittenSpan, output, out var consumed) && consumed == wire.WrittenCount,
            "our own reader ends where we ended");
        Promise.Holds(decoded.HasBareNewline || output.WrittenSpan.SequenceEqual(expected), "our own reader reads it");
        return HashCode.Combine(lacksEnd, decoded.HasBareNewline, decoded.Traits, wire.WrittenCount - expected.Length);
    }
}
