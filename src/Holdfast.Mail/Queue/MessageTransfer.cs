using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Mail.Queue;

/// <summary>Writes waiting messages as files, and takes such files in.</summary>
/// <remarks>
/// Promise: a file that <see cref="ReadAsync"/> takes in is complete and unchanged (length and SHA-256), within the
/// bounds of a message that came by SMTP, and durable when its id is returned; anything else is refused with
/// <see cref="InvalidDataException"/> and leaves nothing behind. Recipients that were done are left out, so nobody gets
/// the message twice. The retry clock starts anew, and a hold stays with the original: who imports wants delivery.
/// </remarks>
internal sealed class MessageTransfer(IMailSpool spool, IEvidenceJournal journal, TimeProvider time)
{
    private const int BufferBytes = 64 * 1024;
    /// <summary>Head line: 65 535 recipients with their replies stay below.</summary>
    private const int HeadBytesMax = 64 << 20;
    private const int SealBytesMax = 1024;

    public async Task WriteAsync(SpooledMessage message, MessageContent content, Stream destination,
        string actor, CancellationToken abort)
    {
        var head = ExportedForm.Of(message, content.Length, time.GetUtcNow());
        await destination.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(head, ExportJson.Default.ExportedMessage),
            abort).ConfigureAwait(false);
        await destination.WriteAsync("\n"u8.ToArray(), abort).ConfigureAwait(false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (content.TryGetAll(out var all))
        {
            foreach (var part in all)
            {
                hash.AppendData(part.Span);
                await destination.WriteAsync(part, abort).ConfigureAwait(false);
            }
        }
        else
        {
            var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            try
            {
                for (int read; (read = await content.ReadAsync(buffer, abort).ConfigureAwait(false)) > 0;)
                {
                    hash.AppendData(buffer, 0, read);
                    await destination.WriteAsync(buffer.AsMemory(0, read), abort).ConfigureAwait(false);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        var seal = new ExportedSeal { Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) };
        var last = JsonSerializer.SerializeToUtf8Bytes(seal, ExportJson.Default.ExportedSeal);
        await destination.WriteAsync((byte[])[(byte)'\n', .. last, (byte)'\n'], abort).ConfigureAwait(false);
        journal.Append(new EvidenceRecord
        {
            At = time.GetUtcNow(), Kind = EvidenceKind.OperatorAct, MessageId = message.Envelope.Id.ToString(),
            Sender = message.Envelope.Sender, Actor = actor, Reason = "exported", SizeBytes = content.Length,
        });
    }

    public async Task<MessageId> ReadAsync(Stream source, string actor, CancellationToken abort)
    {
        var reader = new BoundedReader(source, BufferBytes);
        var head = Parse(await reader.LineAsync(HeadBytesMax, abort).ConfigureAwait(false),
            ExportJson.Default.ExportedMessage);
        var form = ExportedForm.Check(head);
        var scan = new ContentScan();
        var content = spool.BeginDraft(head.ContentBytes);
        await using (content.ConfigureAwait(false))
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (var left = head.ContentBytes; left > 0;)
            {
                var part = await reader.SomeAsync((int)Math.Min(left, BufferBytes), abort).ConfigureAwait(false);
                if (part.Length == 0)
                    throw new InvalidDataException("the content ends early");
                hash.AppendData(part.Span);
                scan.Add(part.Span);
                content.Write(part.Span);
                left -= part.Length;
                if (content.NeedsFlush)
                    await content.FlushAsync(abort).ConfigureAwait(false);
            }
            if (await reader.LineAsync(SealBytesMax, abort).ConfigureAwait(false) is not { Length: 0 })
                throw new InvalidDataException("the content is longer than its head says");
            var seal = Parse(await reader.LineAsync(SealBytesMax, abort).ConfigureAwait(false),
                ExportJson.Default.ExportedSeal);
            if (!string.Equals(seal.Sha256, Convert.ToHexStringLower(hash.GetHashAndReset()),
                StringComparison.OrdinalIgnoreCase))
                throw new InvalidDataException("the content was changed or damaged: its SHA-256 differs");
            if (scan.HasBareNewline)
                throw new InvalidDataException("the content holds a bare CR or LF, which no server may pass on");
            var envelope = form with
            {
                Id = spool.NewId(), ReceivedAt = time.GetUtcNow(), Traits = scan.Traits, SizeBytes = head.ContentBytes,
            };
            var stored = await spool.AppendAsync(envelope, content, abort).ConfigureAwait(false);
            if (stored != AppendResult.Stored)
                throw new IOException($"the message could not be stored: {stored}");
            Record(envelope, head, actor);
            return envelope.Id;
        }
    }

    private void Record(Envelope envelope, ExportedMessage head, string actor)
    {
        var reason = string.Create(CultureInfo.InvariantCulture,
            $"imported; exported as {ExportedForm.OneLine(head.Id, 64)}, first received {head.Envelope!.ReceivedAt:u}");
        var record = new EvidenceRecord
        {
            At = envelope.ReceivedAt, Kind = EvidenceKind.Accepted, MessageId = envelope.Id.ToString(), Actor = actor,
            Sender = envelope.Sender, SizeBytes = envelope.SizeBytes, Reason = reason,
        };
        foreach (var recipient in envelope.Recipients.Take(1_000))
            journal.Append(record with { Recipient = recipient.Address });
        journal.Append(record with { Kind = EvidenceKind.OperatorAct });
    }

    private static T Parse<T>(ReadOnlyMemory<byte>? line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (line is not { } text)
            throw new InvalidDataException("a line is missing or too long: this is no exported message");
        try
        {
            return JsonSerializer.Deserialize(text.Span, type) ?? throw new InvalidDataException("a line is empty");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("a line is no JSON of an exported message: " + e.Message, e);
        }
    }
}
