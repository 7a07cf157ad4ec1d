using System.Runtime.InteropServices;

namespace Holdfast.Mail.Spool;

/// <summary>A message's whole progress as one record; replies and targets that repeat are written once.</summary>
/// <remarks>A single recipient costs about 40 bytes; a thousand that got the same reply some 8 KiB, not 500.</remarks>
internal static class ProgressCodec
{
    /// <summary>Longest reply kept, characters (the contract of <see cref="RecipientProgress.LastReply"/>).</summary>
    public const int ReplyMax = 512;
    private const int AttemptIsOpenBit = 0x80;
    private const int WaitsForPlaceBit = 0x40;
    private const int TextsMax = 2 * EnvelopeCodec.RecipientsMax;

    public static RecordWriter Encode(MessageId id, MessageProgress progress)
    {
        var recipients = progress.Recipients;
        var open = false;
        foreach (var recipient in recipients)
            open |= recipient.AttemptIsOpen;
        var writer = new RecordWriter(64 + 16 * recipients.Length);
        new ProgressHead(id, progress.Version, (ushort)recipients.Length, progress.IsHeld, progress.DelayNoticeSent,
            open).Write(ref writer);
        writer.Int64(Math.Max(0, progress.ClosedTime.Ticks));
        writer.Text(Bounded(progress.HoldReason));
        writer.Text(Bounded(progress.AttemptOpenAt));
        // Each text is written where it first occurs; later uses name it by its number. Number 1 is the next new one.
        Dictionary<string, int>? texts = null;
        string? lastReply = null, lastTarget = null;
        int lastReplyIndex = 0, lastTargetIndex = 0;
        var count = 0;
        foreach (var recipient in recipients)
        {
            writer.Byte((byte)((byte)recipient.State | (recipient.AttemptIsOpen ? AttemptIsOpenBit : 0)
                | (recipient.WaitsForPlace ? WaitsForPlaceBit : 0)));
            writer.Number(recipient.Attempts);
            writer.Number(recipient.UnknownOutcomes);
            writer.Number((ulong)(recipient.LastAttemptAt?.UtcTicks ?? 0));
            writer.Number((ulong)(recipient.NextAttemptAt?.UtcTicks ?? 0));
            WriteText(ref writer, Bounded(recipient.LastReply), ref lastReply, ref lastReplyIndex, ref texts,
                ref count);
            WriteText(ref writer, Bounded(recipient.LastTarget), ref lastTarget, ref lastTargetIndex, ref texts,
                ref count);
        }
        return writer;
    }

    /// <summary>Null when the bytes are no progress of ours.</summary>
    public static MessageProgress? TryDecode(ReadOnlySpan<byte> record)
    {
        if (!ProgressHead.TryRead(record, out var head))
            return null;
        var reader = new RecordReader(record[ProgressHead.Length..]);
        var closedTicks = reader.Int64();
        var holdReason = reader.Text();
        var attemptOpenAt = reader.Text();
        // Seven bytes are the least that a recipient takes.
        if (!reader.IsGood || closedTicks < 0 || head.RecipientCount > reader.Rest.Length / 7)
            return null;
        var texts = new List<string>();
        var recipients = new RecipientProgress[head.RecipientCount];
        for (var i = 0; i < recipients.Length; i++)
        {
            var state = reader.Byte();
            var recipient = new RecipientProgress
            {
                State = (RecipientState)(state & ~(AttemptIsOpenBit | WaitsForPlaceBit)),
                AttemptIsOpen = (state & AttemptIsOpenBit) != 0,
                WaitsForPlace = (state & WaitsForPlaceBit) != 0,
                Attempts = (ushort)reader.Count(ushort.MaxValue),
                UnknownOutcomes = (ushort)reader.Count(ushort.MaxValue),
                LastAttemptAt = Instant(ref reader),
                NextAttemptAt = Instant(ref reader),
                LastReply = ReadText(ref reader, texts),
                LastTarget = ReadText(ref reader, texts),
            };
            if (recipient.State > RecipientState.OutcomeUnknown)
                return null;
            recipients[i] = recipient;
        }
        if (!reader.IsGood || reader.Rest.Length != 0)
            return null;
        return new MessageProgress
        {
            Recipients = recipients,
            Version = head.Version,
            IsHeld = head.IsHeld,
            HoldReason = holdReason,
            DelayNoticeSent = head.DelayNoticeSent,
            ClosedTime = TimeSpan.FromTicks(closedTicks),
            AttemptOpenAt = attemptOpenAt,
        };
    }

    private static void WriteText(ref RecordWriter writer, string? text, ref string? last, ref int lastIndex,
        ref Dictionary<string, int>? texts, ref int count)
    {
        if (text is null)
        {
            writer.Number(0);
            return;
        }
        if (last == text)
        {
            writer.Number((ulong)lastIndex);
            return;
        }
        last = text;
        // The dictionary is made with the second text: a single recipient's record never needs it.
        texts ??= count == 0 ? null : new Dictionary<string, int>(StringComparer.Ordinal);
        if (texts is not null)
        {
            ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(texts, text, out var known);
            if (known)
            {
                lastIndex = index;
                writer.Number((ulong)index);
                return;
            }
            index = count + 2;
        }
        lastIndex = count + 2;
        count++;
        writer.Number(1);
        writer.Text(text);
    }

    private static string? ReadText(ref RecordReader reader, List<string> texts)
    {
        var index = reader.Count(TextsMax + 2);
        if (index == 0)
            return null;
        if (index == 1)
        {
            var text = reader.RequiredText();
            texts.Add(text);
            return text;
        }
        if (index - 2 < texts.Count)
            return texts[index - 2];
        reader.Fail();
        return null;
    }

    private static DateTimeOffset? Instant(ref RecordReader reader)
    {
        var ticks = reader.Number();
        if (ticks == 0)
            return null;
        if (ticks <= (ulong)DateTimeOffset.MaxValue.UtcTicks)
            return new DateTimeOffset((long)ticks, TimeSpan.Zero);
        reader.Fail();
        return null;
    }

    private static string? Bounded(string? text) => text is { Length: > ReplyMax } ? text[..ReplyMax] : text;
}
