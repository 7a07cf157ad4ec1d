using CsCheck;

using Holdfast.Mail;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Spool;

public class SpoolCodecTests
{
    private static readonly Gen<string> _text =
        Gen.String[0, 80].Select(s => new string([.. s.Where(c => !char.IsSurrogate(c))]));
    private static readonly Gen<string?> _optional = _text.Select(Gen.Bool, (t, isNull) => isNull ? null : t);
    private static readonly Gen<DateTimeOffset> _instant =
        Gen.Long[1, DateTimeOffset.MaxValue.UtcTicks].Select(t => new DateTimeOffset(t, TimeSpan.Zero));

    private static readonly Gen<DateTimeOffset?> _maybe =
        Gen.Select(_instant, Gen.Bool, (t, isNull) => isNull ? (DateTimeOffset?)null : t);

    private static readonly Gen<EnvelopeRecipient> _recipient = Gen.Select(_text, Gen.Int[0, 15], _optional,
        (address, notify, original) => new EnvelopeRecipient(address, (DsnNotify)notify, original));

    private static readonly Gen<Envelope> _envelope = Gen.Select(Gen.Select(Gen.ULong, Gen.ULong), _instant,
        _recipient.Array[1, 20], Gen.Select(_text, _optional, _text, _text), Gen.Select(_text, _optional, _text),
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 2], Gen.Bool, Gen.Int[0, 15]), Gen.Long[0, 1L << 40],
        (id, at, recipients, a, b, small, size) => new Envelope
        {
            Id = new MessageId(id.Item1, id.Item2),
            ReceivedAt = at,
            Recipients = recipients,
            Sender = a.Item1,
            EnvelopeId = a.Item2,
            Listener = a.Item3,
            ClientAddress = a.Item4,
            ClientHello = b.Item1,
            AuthenticatedAs = b.Item2,
            Tenant = b.Item3,
            Priority = (byte)small.Item1,
            Body = (BodyKind)small.Item2,
            Return = (DsnReturn)small.Item2,
            SmtpUtf8 = small.Item3,
            Traits = (ContentTraits)small.Item4,
            SizeBytes = size,
        });

    private static readonly Gen<RecipientProgress> _progressOf = Gen.Select(Gen.Int[0, 5], Gen.UShort, Gen.UShort,
        _maybe, _maybe, _optional, Gen.Int[0, 2],
        (state, attempts, unknown, last, next, reply, target) => new RecipientProgress
        {
            State = (RecipientState)state,
            Attempts = attempts,
            UnknownOutcomes = unknown,
            LastAttemptAt = last,
            NextAttemptAt = next,
            LastReply = reply,
            WaitsForPlace = target == 1,
            LastTarget = target == 0 ? null : $"site-{target}/127.0.0.1:2601",
        });

    [Fact]
    public void Envelopes_read_back_as_they_were()
    {
        _envelope.Sample(envelope =>
        {
            var encoded = EnvelopeCodec.Encode(envelope, hasBodyFile: true, 7, 0xCAFE);
            var back = EnvelopeCodec.TryDecode(encoded.Written.Span, encoded.Length, out var head);
            encoded.Return();
            Assert.NotNull(back);
            Assert.Equal(envelope.Recipients, back.Recipients);
            Assert.Equal(envelope with { Recipients = [] }, back with { Recipients = [] });
            Assert.Equal((envelope.Id, true, 7L, 0xCAFEu, envelope.SizeBytes),
                (head.Id, head.HasBodyFile, head.ContentBytes, head.BodyChecksum, head.SizeBytes));
        });
    }

    [Fact]
    public void Progress_reads_back_as_it_was()
    {
        Gen.Select(_progressOf.Array[1, 30], Gen.UInt, Gen.Bool, _optional, Gen.Long[0, 1L << 50]).Sample(
            (recipients, version, held, reason, closed) =>
            {
                var progress = new MessageProgress
                {
                    Recipients = recipients,
                    Version = version,
                    IsHeld = held,
                    HoldReason = reason,
                    DelayNoticeSent = !held,
                    ClosedTime = TimeSpan.FromTicks(closed),
                    AttemptOpenAt = reason,
                };
                var encoded = ProgressCodec.Encode(new MessageId(1, 2), progress);
                var back = ProgressCodec.TryDecode(encoded.Written.Span);
                encoded.Return();
                Assert.NotNull(back);
                Assert.Equal((version, held, reason, !held, closed, reason), (back.Version, back.IsHeld,
                    back.HoldReason, back.DelayNoticeSent, back.ClosedTime.Ticks, back.AttemptOpenAt));
                Assert.Equal(recipients.Select(Show), back.Recipients.Select(Show));
            });

        static string Show(RecipientProgress r) => $"{r.State} {r.Attempts} {r.UnknownOutcomes} {r.LastAttemptAt} "
            + $"{r.NextAttemptAt} {r.LastReply ?? "null"} {r.LastTarget} {r.WaitsForPlace} {r.AttemptIsOpen}";
    }

    [Fact]
    public void Arbitrary_bytes_never_throw()
    {
        Gen.Byte.Array[0, 400].Sample(bytes =>
        {
            EnvelopeCodec.TryDecode(bytes, bytes.Length, out _);
            ProgressCodec.TryDecode(bytes);
            DoneRecord.TryDecode(bytes, out _);
        });
    }

    [Fact]
    public void Flipped_and_cut_records_never_throw()
    {
        Gen.Select(_envelope, _progressOf.Array[1, 5], Gen.Int[0, 10_000], Gen.Byte, Gen.Int[0, 10_000]).Sample(
            (envelope, recipients, at, value, cut) =>
            {
                var one = EnvelopeCodec.Encode(envelope, true, 0, 0);
                var two = ProgressCodec.Encode(envelope.Id, new MessageProgress { Recipients = recipients });
                foreach (var written in new[] { one.Written.ToArray(), two.Written.ToArray() })
                {
                    written[at % written.Length] = value;
                    var bytes = written.AsSpan(0, cut % 3 == 0 ? cut % written.Length : written.Length);
                    EnvelopeCodec.TryDecode(bytes, bytes.Length, out _);
                    ProgressCodec.TryDecode(bytes);
                }
                one.Return();
                two.Return();
            });
    }

    [Fact]
    public void A_reply_that_a_thousand_recipients_got_is_written_once()
    {
        var recipients = new RecipientProgress[1000];
        for (var i = 0; i < recipients.Length; i++)
            recipients[i] = new RecipientProgress { LastReply = new string('x', 500), LastTarget = "na/a" };
        var encoded = ProgressCodec.Encode(default, new MessageProgress { Recipients = recipients });
        Assert.InRange(encoded.Length, 7000, 12_000);
        encoded.Return();
    }

    [Fact]
    public void A_reply_is_kept_to_its_limit()
    {
        foreach (var length in new[] { ProgressCodec.ReplyMax, ProgressCodec.ReplyMax + 1 })
        {
            var recipients = new[] { new RecipientProgress { LastReply = new string('x', length) } };
            var encoded = ProgressCodec.Encode(default, new MessageProgress { Recipients = recipients });
            Assert.Equal(ProgressCodec.ReplyMax,
                ProgressCodec.TryDecode(encoded.Written.Span)!.Recipients[0].LastReply!.Length);
            encoded.Return();
        }
    }

    [Fact]
    public void A_text_longer_than_the_reader_takes_is_not_stored()
    {
        foreach (var (length, isTooLong) in new[] { (RecordReader.TextBytesMax, false),
            (RecordReader.TextBytesMax + 1, true) })
        {
            var writer = new RecordWriter(16);
            writer.Text(new string('a', length));
            Assert.Equal(isTooLong, writer.IsTooLong);
            Assert.Equal(isTooLong ? null : new string('a', length), new RecordReader(writer.Written.Span).Text());
            writer.Return();
        }
    }
}
