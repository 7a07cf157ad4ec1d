using System.Buffers;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Copies what a closed segment is still needed for into the log's current segment, synced.</summary>
/// <remarks>
/// Serves compaction and the evacuation of a segment whose sync failed. Payloads are verified as they are read. At most
/// about 4 MiB are in memory, outside the body budget. One move at a time.
/// </remarks>
internal sealed class SegmentMover(SpoolLedger ledger, LazyRecords lazy,
    Func<SpoolHandle, RecordLocation, string, ValueTask<bool>> setAside, Func<uint[]> failedSegments,
    bool isUnsynced)
{
    private const int BatchRecords = 64;
    private const int BatchBytes = 4 << 20;
    private const int RowsAtOnce = 4096;

    private readonly record struct Copy(
        SpoolHandle Handle, MessageId Id, byte[] Buffer, Task<RecordLocation> Append);

    /// <summary>Moves everything; afterwards nothing live stands in the segment and no mark in it is needed.</summary>
    /// <param name="segment">Closed; every append in it is known to the table.</param>
    /// <param name="existing">Segments whose messages a full scan would still find.</param>
    /// <param name="isPoisoned">Its done records may be lost: all are written again.</param>
    /// <exception cref="DiskException">Not all was moved: the segment must stay.</exception>
    public async ValueTask MoveAsync(uint segment, HashSet<uint> existing, bool isPoisoned)
    {
        var failedBefore = failedSegments();
        var handles = Collect(segment);
        for (var i = 0; i < handles.Count;)
            i = await MoveMessagesAsync(segment, handles, i).ConfigureAwait(false);
        for (var i = 0; i < handles.Count;)
            i = await MoveProgressAsync(segment, handles, i).ConfigureAwait(false);
        await MoveMarksAsync(segment, existing, isPoisoned).ConfigureAwait(false);
        if (!isUnsynced)
            await SyncCopiesAsync(failedBefore).ConfigureAwait(false);
        lock (ledger.Gate)
            ledger.Usage.Find(segment)?.Tombstones.Clear();
    }

    private async ValueTask SyncCopiesAsync(uint[] failedBefore)
    {
        await lazy.Log.SyncAsync().ConfigureAwait(false);
        // A lazy copy may stand in a segment that failed meanwhile, of which this sync knows nothing.
        foreach (var poisoned in failedSegments())
        {
            if (Array.IndexOf(failedBefore, poisoned) < 0)
                throw new DiskException("sync", MailSpool.SegmentsDirectory, DiskError.Io);
        }
    }

    private List<SpoolHandle> Collect(uint segment)
    {
        var handles = new List<SpoolHandle>();
        for (var slot = 0; ;)
        {
            lock (ledger.Gate)
            {
                var end = Math.Min(slot + RowsAtOnce, ledger.Table.SlotsUsed);
                for (; slot < end; slot++)
                {
                    ref var row = ref ledger.Table[slot];
                    if (row.InUse && (row.Segment == segment || (row.HasProgress && row.ProgressSegment == segment)))
                        handles.Add(ledger.Table.HandleOf(slot));
                }
                if (slot >= ledger.Table.SlotsUsed)
                    return handles;
            }
        }
    }

    private async ValueTask<int> MoveMessagesAsync(uint segment, List<SpoolHandle> handles, int from)
    {
        var copies = new List<Copy>(BatchRecords);
        long bytes = 0;
        DiskException? failure = null;
        for (; from < handles.Count && copies.Count < BatchRecords && bytes < BatchBytes; from++)
        {
            if (!lazy.TryBeginMove(handles[from], segment, out var row))
                continue;
            var buffer = ArrayPool<byte>.Shared.Rent((int)row.RecordBytes);
            try
            {
                lazy.Log.Read(row.Location, buffer);
                copies.Add(new Copy(handles[from], row.Id, buffer, lazy.Log.AppendAsync((byte)SpoolRecordKind.Moved,
                    buffer.AsMemory(0, (int)row.RecordBytes), ReadOnlyMemory<byte>.Empty,
                    isUnsynced ? Durability.Lazy : Durability.Synced).AsTask()));
                bytes += row.RecordBytes;
            }
            catch (RecordDamagedException e)
            {
                Abandon(buffer, row.Id);
                await setAside(handles[from], row.Location, e.Message).ConfigureAwait(false);
            }
            catch (DiskException e)
            {
                Abandon(buffer, row.Id);
                failure = e;
                break;
            }
        }
        foreach (var copy in copies)
        {
            uint? home = null;
            try
            {
                var location = await copy.Append.ConfigureAwait(false);
                home = location.Segment;
                lock (ledger.Gate)
                {
                    if (ledger.Table.Has(copy.Handle))
                        ledger.Move(copy.Handle.Slot, location);
                }
            }
            catch (DiskException e)
            {
                failure = e;
            }
            lazy.EndMove(copy.Id, home);
            ArrayPool<byte>.Shared.Return(copy.Buffer);
        }
        return failure is null ? from : throw failure;
    }

    private void Abandon(byte[] buffer, MessageId id)
    {
        lazy.EndMove(id, null);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private async ValueTask<int> MoveProgressAsync(uint segment, List<SpoolHandle> handles, int from)
    {
        var copies = new List<Copy>(BatchRecords);
        DiskException? failure = null;
        for (; from < handles.Count && copies.Count < BatchRecords; from++)
        {
            if (!TryGet(handles[from], out var row) || !row.HasProgress || row.ProgressSegment != segment)
                continue;
            var buffer = ArrayPool<byte>.Shared.Rent((int)row.ProgressBytes);
            try
            {
                lazy.Log.Read(row.Progress, buffer);
            }
            catch (RecordDamagedException)
            {
                // What was written after the last good sync may be gone; the load finds the attempt's outcome unknown.
                ArrayPool<byte>.Shared.Return(buffer);
                lock (ledger.Gate)
                {
                    if (ledger.Table.Has(handles[from]) && ledger.Table[handles[from].Slot].Progress == row.Progress)
                        ledger.LoseProgress(handles[from].Slot);
                }
                continue;
            }
            catch (DiskException e)
            {
                ArrayPool<byte>.Shared.Return(buffer);
                failure = e;
                break;
            }
            copies.Add(new Copy(handles[from], row.Id, buffer, lazy.Log.AppendAsync((byte)SpoolRecordKind.Progress,
                buffer.AsMemory(0, (int)row.ProgressBytes), ReadOnlyMemory<byte>.Empty, Durability.Lazy).AsTask()));
        }
        foreach (var copy in copies)
        {
            try
            {
                var location = await copy.Append.ConfigureAwait(false);
                lock (ledger.Gate)
                {
                    if (ledger.Table.Has(copy.Handle)
                        && ProgressHead.TryRead(copy.Buffer.AsSpan(0, (int)location.Length), out var head))
                        ledger.SetProgress(copy.Handle.Slot, location, head);
                }
            }
            catch (DiskException e)
            {
                failure = e;
            }
            ArrayPool<byte>.Shared.Return(copy.Buffer);
        }
        return failure is null ? from : throw failure;
    }

    /// <summary>Done records whose message still has a copy in another segment go on living.</summary>
    private async ValueTask MoveMarksAsync(uint segment, HashSet<uint> existing, bool isPoisoned)
    {
        DoneRecord[] marks;
        lock (ledger.Gate)
        {
            if (ledger.Usage.Find(segment) is not { } use)
                return;
            if (!isPoisoned)
                SegmentUsage.Prune(use, existing);
            marks = use.Tombstones.ToArray();
        }
        foreach (var part in marks.Chunk(BatchRecords))
        {
            var copies = new (DoneRecord Done, byte[] Buffer, Task<RecordLocation> Append)[part.Length];
            for (var i = 0; i < part.Length; i++)
            {
                var encoded = part[i].Encode();
                copies[i] = (part[i], encoded.Buffer, lazy.Log.AppendAsync((byte)SpoolRecordKind.Done, encoded.Written,
                    ReadOnlyMemory<byte>.Empty, Durability.Lazy).AsTask());
            }
            DiskException? failure = null;
            foreach (var (done, buffer, append) in copies)
            {
                try
                {
                    var location = await append.ConfigureAwait(false);
                    lock (ledger.Gate)
                        ledger.Usage.Ended(location.Segment, done);
                }
                catch (DiskException e)
                {
                    failure = e;
                }
                ArrayPool<byte>.Shared.Return(buffer);
            }
            if (failure is not null)
                throw failure;
        }
    }

    private bool TryGet(SpoolHandle handle, out SpoolRow row)
    {
        lock (ledger.Gate)
        {
            row = default;
            if (!ledger.Table.Has(handle))
                return false;
            row = ledger.Table[handle.Slot];
            return true;
        }
    }
}
