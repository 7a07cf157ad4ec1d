using Holdfast.Mail;
using Holdfast.Mail.Spool;

namespace Holdfast.Fuzz.Targets;

/// <summary>Records of the spool. First octet: 0 decodes the octets as they are; 1 makes a record of them, which must
/// come back as it was; 2 makes one and damages it by the octets left.</summary>
internal static class SpoolTargets
{
    private const int RecipientsMax = 40;

    public static int Envelope(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var mode = pieces.Below(3);
        if (mode == 0)
            return DecodeEnvelope(pieces.Rest, pieces.Rest.Length);
        var envelope = MakeEnvelope(ref pieces);
        var hasBodyFile = pieces.Below(2) == 0;
        var contentBytes = (long)pieces.UInt32();
        var writer = EnvelopeCodec.Encode(envelope, hasBodyFile, contentBytes, pieces.UInt32());
        try
        {
            if (writer.IsTooLong)
                return 1;
            var bytes = writer.Written.ToArray();
            var recordBytes = bytes.Length + (hasBodyFile ? 0 : contentBytes);
            if (mode == 2)
                return DecodeEnvelope(Damaged(bytes, ref pieces), recordBytes);
            var back = EnvelopeCodec.TryDecode(bytes, recordBytes, out var head);
            Promise.Holds(back is not null && AreEqual(back, envelope), "an envelope comes back");
            Promise.Holds(head.Id == envelope.Id && head.HasBodyFile == hasBodyFile
                && head.ContentBytes == contentBytes, "a head comes back");
            Promise.Holds(EnvelopeCodec.TryDecode(bytes, recordBytes + 1, out _) is null
                && EnvelopeCodec.TryDecode(bytes.AsSpan(0, bytes.Length - 1), recordBytes, out _) is null,
                "sizes that don't fit are no record");
            return HashCode.Combine(mode, hasBodyFile, envelope.Recipients.Count);
        }
        finally
        {
            writer.Return();
        }
    }

    public static int Progress(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var mode = pieces.Below(3);
        if (mode == 0)
            return DecodeProgress(pieces.Rest);
        var id = new MessageId((ulong)pieces.Int64(), (ulong)pieces.Int64());
        var progress = MakeProgress(ref pieces);
        var bytes = Encode(id, progress);
        if (mode == 2)
            return DecodeProgress(Damaged(bytes, ref pieces));
        var back = ProgressCodec.TryDecode(bytes);
        Promise.Holds(back is not null && AreEqual(back, progress), "progress comes back");
        Promise.Holds(ProgressHead.TryRead(bytes, out var head) && head.Id == id && head.Version == progress.Version
            && head.RecipientCount == progress.Recipients.Length
            && head.AttemptIsOpen == progress.Recipients.Any(r => r.AttemptIsOpen), "a head comes back");
        Promise.Holds(ProgressCodec.TryDecode(bytes.AsSpan(0, bytes.Length - 1)) is null
            && ProgressCodec.TryDecode([.. bytes, 0]) is null, "a record is exactly as long as it is");
        return HashCode.Combine(mode, progress.Recipients.Length);
    }

    public static int Done(ReadOnlySpan<byte> input)
    {
        if (!DoneRecord.TryDecode(input, out var done))
            return 0;
        var writer = done.Encode();
        Promise.Holds(writer.Written.Span.SequenceEqual(input), "a done record comes back to its octets");
        writer.Return();
        return 1;
    }

    /// <summary>First eight octets: the record's length as the log tells it.</summary>
    public static int Head(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var recordBytes = pieces.Int64();
        if (!MessageHead.TryRead(pieces.Rest, recordBytes, out var head))
            return ProgressHead.TryRead(pieces.Rest, out _) ? 1 : 0;
        Promise.Holds(head.RecipientCount > 0 && head.Priority <= 5 && head.SizeBytes >= 0 && head.ContentBytes >= 0
            && MessageHead.Length + head.EnvelopeBytes <= recordBytes, "a head's numbers are in their ranges");
        return HashCode.Combine(head.HasBodyFile, head.Priority);
    }

    /// <summary>The text form of ids: what reads, writes back to the same id.</summary>
    public static int Id(ReadOnlySpan<byte> input)
    {
        var text = System.Text.Encoding.UTF8.GetString(input);
        if (!MessageId.TryParse(text, out var id))
            return 0;
        Promise.Holds(MessageId.TryParse(id.ToString(), out var again) && again == id, "an id comes back");
        return 1;
    }

    private static int DecodeEnvelope(ReadOnlySpan<byte> record, long recordBytes)
    {
        if (EnvelopeCodec.TryDecode(record, recordBytes, out var head) is not { } envelope)
            return 2;
        Promise.Holds(envelope.Recipients.Count == head.RecipientCount, "as many recipients as the head says");
        var writer = EnvelopeCodec.Encode(envelope, head.HasBodyFile, head.ContentBytes, head.BodyChecksum);
        try
        {
            // Broken UTF-8 grows when it is replaced.
            if (writer.IsTooLong)
                return 3;
            var back = EnvelopeCodec.TryDecode(writer.Written.Span,
                writer.Length + (head.HasBodyFile ? 0 : head.ContentBytes), out _);
            Promise.Holds(back is not null && AreEqual(back, envelope), "what was decoded comes back");
        }
        finally
        {
            writer.Return();
        }
        return HashCode.Combine(3, envelope.Recipients.Count, head.HasBodyFile, envelope.EnvelopeId is null);
    }

    private static int DecodeProgress(ReadOnlySpan<byte> record)
    {
        if (ProgressCodec.TryDecode(record) is not { } progress)
            return 2;
        var back = ProgressCodec.TryDecode(Encode(default, progress));
        Promise.Holds(back is not null, "what was decoded can be encoded and decoded");
        // Long texts were cut the first time.
        var again = ProgressCodec.TryDecode(Encode(default, back!));
        Promise.Holds(again is not null && AreEqual(again, back!), "what was decoded comes back");
        return HashCode.Combine(3, progress.Recipients.Length, progress.IsHeld, progress.IsFinal);
    }

    private static byte[] Encode(MessageId id, MessageProgress progress)
    {
        var writer = ProgressCodec.Encode(id, progress);
        try
        {
            Promise.Holds(!writer.IsTooLong, "progress is never too long for its record");
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Return();
        }
    }

    private static byte[] Damaged(byte[] bytes, ref Pieces pieces)
    {
        while (!pieces.IsEmpty)
            bytes[pieces.UInt16() % bytes.Length] = pieces.Byte();
        return bytes;
    }

    private static Envelope MakeEnvelope(ref Pieces pieces)
    {
        var recipients = new EnvelopeRecipient[1 + pieces.Below(RecipientsMax)];
        var envelope = new Envelope
        {
            Id = new MessageId((ulong)pieces.Int64(), (ulong)pieces.Int64()),
            ReceivedAt = pieces.Instant(),
            Recipients = recipients,
            Priority = (byte)pieces.Below(6),
            Body = (BodyKind)pieces.Below(3),
            SmtpUtf8 = pieces.Below(2) == 0,
            Return = (DsnReturn)pieces.Below(3),
            Traits = (ContentTraits)pieces.Below(16),
            SizeBytes = pieces.Int64() & long.MaxValue,
            Sender = pieces.Text(),
            EnvelopeId = pieces.TextOrNull(),
            Listener = pieces.Text(),
            ClientAddress = pieces.Text(),
            ClientHello = pieces.Text(),
            AuthenticatedAs = pieces.TextOrNull(),
            Tenant = pieces.Text(),
        };
        for (var i = 0; i < recipients.Length; i++)
            recipients[i] = new EnvelopeRecipient(pieces.Text(), (DsnNotify)pieces.Below(16), pieces.TextOrNull());
        return envelope;
    }

    private static MessageProgress MakeProgress(ref Pieces pieces)
    {
        var progress = MessageProgress.ForNew(1 + pieces.Below(RecipientsMax));
        progress.Version = pieces.UInt32();
        progress.IsHeld = pieces.Below(2) == 1;
        progress.HoldReason = Short(pieces.TextOrNull());
        progress.DelayNoticeSent = pieces.Below(2) == 1;
        progress.ClosedTime = TimeSpan.FromTicks(pieces.Int64() & long.MaxValue);
        progress.AttemptOpenAt = Short(pieces.TextOrNull());
        foreach (var recipient in progress.Recipients)
        {
            recipient.State = (RecipientState)pieces.Below(6);
            recipient.Attempts = pieces.UInt16();
            recipient.UnknownOutcomes = pieces.UInt16();
            recipient.LastAttemptAt = pieces.Below(2) == 1 ? pieces.Instant().AddTicks(1) : null;
            recipient.NextAttemptAt = pieces.Below(2) == 1 ? pieces.Instant().AddTicks(1) : null;
            recipient.WaitsForPlace = recipient.NextAttemptAt is { } next && next.Second % 2 == 1;
            recipient.LastReply = Short(pieces.TextOrNull());
            recipient.LastTarget = Short(pieces.TextOrNull());
            if (pieces.Below(2) == 1)
                recipient.OpenAttempt();
        }
        return progress;
    }

    /// <summary>A longer text is cut when written, and a pair of surrogates perhaps with it.</summary>
    private static string? Short(string? text) => text is { Length: > ProgressCodec.ReplyMax }
        ? new string('y', ProgressCodec.ReplyMax) : text;

    private static bool AreEqual(Envelope a, Envelope b) => a with { Recipients = [] } == b with { Recipients = [] }
        && a.Recipients.SequenceEqual(b.Recipients);

    private static bool AreEqual(MessageProgress a, MessageProgress b) =>
        (a.Version, a.IsHeld, a.HoldReason, a.DelayNoticeSent, a.ClosedTime, a.AttemptOpenAt)
            == (b.Version, b.IsHeld, b.HoldReason, b.DelayNoticeSent, b.ClosedTime, b.AttemptOpenAt)
        && a.Recipients.Select(Values).SequenceEqual(b.Recipients.Select(Values));

    private static (RecipientState, int, int, DateTimeOffset?, DateTimeOffset?, string?, string?, bool, bool) Values(
        RecipientProgress r) => (r.State, r.Attempts, r.UnknownOutcomes, r.LastAttemptAt, r.NextAttemptAt, r.LastReply,
            r.LastTarget, r.AttemptIsOpen, r.WaitsForPlace);
}
