using System.Buffers;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Loads messages and opens their content: from memory when it was lately received, else from the log.
/// </summary>
/// <remarks>A record that moved while it was being read is read again at its new place. Reads of the disk leave the
/// caller's thread, which most often is one that serves sockets.</remarks>
internal sealed class SpoolReader(SpoolLedger ledger, LazyRecords lazy, AttemptSlots attempts, BodyMemory memory,
    RecentContent recent, BodyFiles bodies, Offload offload,
    Func<SpoolHandle, RecordLocation, string, ValueTask<bool>> setAside)
{
    private const string LostPlace = "unknown";
    private readonly HashSet<uint> _poisoned = [];
    private volatile TaskCompletionSource? _evacuation;

    /// <summary>Loads from the segment wait until its known-good messages stand in a fresh one.</summary>
    public void BeginEvacuation(uint segment)
    {
        lock (ledger.Gate)
        {
            _poisoned.Add(segment);
            _evacuation ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void EndEvacuation(uint segment)
    {
        TaskCompletionSource? ended = null;
        lock (ledger.Gate)
        {
            _poisoned.Remove(segment);
            if (_poisoned.Count == 0)
                (ended, _evacuation) = (_evacuation, null);
        }
        ended?.TrySetResult();
    }

    public uint[] Poisoned
    {
        get
        {
            if (_evacuation is null)
                return [];
            lock (ledger.Gate)
                return [.. _poisoned];
        }
    }

    public async ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort)
    {
        while (true)
        {
            abort.ThrowIfCancellationRequested();
            MessageProgress? progress = null;
            if (!TryGetRow(handle, ref progress, out var row, out var evacuation))
                return null;
            if (evacuation is not null)
            {
                await evacuation.WaitAsync(abort).ConfigureAwait(false);
                continue;
            }
            try
            {
                var envelope = recent.FindEnvelope(handle)
                    ?? await ReadEnvelopeAsync(handle, row.Location, abort).ConfigureAwait(false);
                if (row.HasProgress && progress is null)
                    await offload(() => progress = ReadProgress(row)).ConfigureAwait(false);
                progress ??= NewProgress(envelope, row);
                if (progress.Recipients.Length != envelope.Recipients.Count)
                    throw new RecordDamagedException(row.Progress, "its progress is of another number of recipients");
                SettleOpenAttempts(progress, (row.Flags & SpoolRowFlags.LostProgress) != 0);
                return new SpooledMessage(handle, envelope, progress);
            }
            catch (RecordDamagedException e) when (e.Location == row.Progress && row.HasProgress)
            {
                // The message itself is good. Better a possible duplicate, counted, than a message set aside.
                if (IsStillThere(handle, row))
                    LoseProgress(handle);
            }
            catch (RecordDamagedException e)
            {
                if (IsStillThere(handle, row)
                    && !await setAside(handle, row.Location, e.Message).ConfigureAwait(false))
                    return null;
            }
        }
    }

    /// <summary>Where progress was lost, versions go on from the lost one: older records that can still be read stand
    /// in the log, and after a restart the highest version wins.</summary>
    private static MessageProgress NewProgress(Envelope envelope, in SpoolRow row)
    {
        var progress = MessageProgress.ForNew(envelope.Recipients.Count);
        progress.Version = row.ProgressVersion;
        return progress;
    }

    private void LoseProgress(SpoolHandle handle)
    {
        lock (ledger.Gate)
        {
            if (ledger.Table.Has(handle))
                ledger.LoseProgress(handle.Slot);
        }
    }

    public async ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort)
    {
        var handle = message.Handle;
        while (true)
        {
            abort.ThrowIfCancellationRequested();
            if (recent.Find(handle) is { } content)
                return new InlineContent(content);
            MessageProgress? progress = null;
            if (!TryGetRow(handle, ref progress, out var row, out var evacuation))
                return null;
            if (evacuation is not null)
            {
                await evacuation.WaitAsync(abort).ConfigureAwait(false);
                continue;
            }
            try
            {
                var (chunks, _, head) = await ReadMessageAsync(row.Location, abort).ConfigureAwait(false);
                if (!head.HasBodyFile)
                    return new InlineContent(chunks);
                chunks.Release();
                return OpenBody(handle, head, row.Location);
            }
            catch (RecordDamagedException e)
            {
                if (IsStillThere(handle, row)
                    && !await setAside(handle, row.Location, e.Message).ConfigureAwait(false))
                    return null;
            }
        }
    }

    private BodyFileContent OpenBody(SpoolHandle handle, in MessageHead head, RecordLocation location)
    {
        IDiskFile file;
        try
        {
            file = bodies.Open(head.Id);
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
            throw new RecordDamagedException(location, "its body file is missing");
        }
        return new BodyFileContent(file, head.ContentBytes, head.BodyChecksum, location, offload,
            what => setAside(handle, location, what));
    }

    private bool TryGetRow(SpoolHandle handle, ref MessageProgress? progress, out SpoolRow row, out Task? evacuation)
    {
        lock (ledger.Gate)
        {
            row = default;
            evacuation = null;
            if (!ledger.Table.Has(handle))
                return false;
            row = ledger.Table[handle.Slot];
            if (_poisoned.Contains(row.Segment) || (row.HasProgress && _poisoned.Contains(row.ProgressSegment)))
                evacuation = _evacuation?.Task;
            // Decoded under the lock: once written, the bytes go back to the pool under it.
            if (lazy.TryGetPending(handle, out var pending))
                progress = ProgressCodec.TryDecode(pending.Bytes.Span);
            if (attempts.Find(handle, progress?.Version ?? row.ProgressVersion) is { } mark)
                progress = ProgressCodec.TryDecode(mark) ?? progress;
            return true;
        }
    }

    private bool IsStillThere(SpoolHandle handle, in SpoolRow seen)
    {
        lock (ledger.Gate)
        {
            if (!ledger.Table.Has(handle))
                return false;
            ref var row = ref ledger.Table[handle.Slot];
            return row.Location == seen.Location && row.Progress == seen.Progress;
        }
    }

    private async ValueTask<Envelope> ReadEnvelopeAsync(SpoolHandle handle, RecordLocation location,
        CancellationToken abort)
    {
        var (chunks, envelope, head) = await ReadMessageAsync(location, abort).ConfigureAwait(false);
        // The content is asked for next, most likely.
        if (head.HasBodyFile)
            chunks.Release();
        else
            recent.Add(handle, envelope, chunks);
        return envelope;
    }

    private async ValueTask<(ContentChunks Content, Envelope Envelope, MessageHead Head)> ReadMessageAsync(
        RecordLocation location, CancellationToken abort)
    {
        var bytes = BodyMemory.PooledSize((int)location.Length);
        while (!await memory.TakeAsync(bytes, BodyUse.Delivering, TimeSpan.FromSeconds(30), abort)
            .ConfigureAwait(false))
            abort.ThrowIfCancellationRequested();
        var array = BodyMemory.Rent(bytes);
        var chunks = new ContentChunks(memory);
        try
        {
            await offload(() => lazy.Log.Read(location, array)).ConfigureAwait(false);
            var envelope = EnvelopeCodec.TryDecode(array.AsSpan(0, (int)location.Length), location.Length, out var head)
                ?? throw new RecordDamagedException(location, "its envelope does not decode");
            var length = head.HasBodyFile ? 0 : (int)head.ContentBytes;
            chunks.AddCharged(array, bytes, (int)location.Length - length, length);
            return (chunks, envelope, head);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(array);
            memory.Give(bytes);
            throw;
        }
    }

    private MessageProgress? ReadProgress(in SpoolRow row)
    {
        if (!row.HasProgress)
            return null;
        var array = ArrayPool<byte>.Shared.Rent((int)row.ProgressBytes);
        try
        {
            lazy.Log.Read(row.Progress, array);
            return ProgressCodec.TryDecode(array.AsSpan(0, (int)row.ProgressBytes))
                ?? throw new RecordDamagedException(row.Progress, "progress that does not decode");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    /// <summary>An attempt without outcome, after a crash or a delivery that gave up: it may have been delivered.
    /// </summary>
    private static void SettleOpenAttempts(MessageProgress progress, bool all)
    {
        foreach (var recipient in progress.Recipients)
        {
            if ((!recipient.AttemptIsOpen && !all) || recipient.IsFinal)
                continue;
            // Delivery asks for it before it notes the unknown outcome; where is not known when progress was lost.
            progress.AttemptOpenAt ??= LostPlace;
            recipient.CloseAttempt(isLast: true);
            recipient.State = RecipientState.OutcomeUnknown;
            if (recipient.UnknownOutcomes < ushort.MaxValue)
                recipient.UnknownOutcomes++;
        }
    }
}
