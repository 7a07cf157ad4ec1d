using System.Buffers;
using System.Buffers.Binary;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>An image of the table beside the log, so that a restart scans only what was written since.</summary>
/// <remarks>
/// Written beside, synced, renamed, its directory synced; a missing or bad one means a full scan. The position is read
/// before the rows: whatever stands before it in the log is in the image, what stands after may be, and replaying it
/// again changes nothing.
/// Little endian: 8 magic, 4 version, 4 segment and 4 offset of the position; then sections of 1 tag, 4 count and
/// entries (rows of 56, tombstones of 24, moves of 8); tag 0 ends, then 4 CRC-32C of all before.
/// </remarks>
internal sealed class Checkpoint(IDisk disk, SpoolLedger ledger, Offload offload)
{
    public const string Path = "checkpoint";
    private const string NewPath = "checkpoint.new";
    private const uint Version = 1;
    private const int HeadBytes = 20;
    private const int RowBytes = 56;
    private const int TombstoneBytes = 24;
    private const int MoveBytes = 8;
    private const byte RowsTag = 1, TombstonesTag = 2, MovesTag = 3;
    /// <summary>Rows copied under one hold of the lock: some 50 µs.</summary>
    private const int RowsAtOnce = 4096;
    private const int PieceBytes = 1 << 20;
    private static ReadOnlySpan<byte> Magic => "HOLDSPL\n"u8;

    /// <summary>Writes the image. <paramref name="sync"/> makes the log durable up to what the image names, before
    /// the image counts.</summary>
    public async Task WriteAsync(ScanStart position, Func<ValueTask> sync)
    {
        var (tombstones, moves) = CollectMarks();
        IDiskFile? file = null;
        try
        {
            await offload(() =>
            {
                if (disk.Exists(NewPath))
                    disk.Delete(NewPath);
                file = disk.Open(NewPath, DiskOpenMode.CreateNew);
                WriteImage(file, position, tombstones, moves);
            }).ConfigureAwait(false);
            await sync().ConfigureAwait(false);
            await offload(() =>
            {
                file!.SyncData();
                file.Dispose();
                disk.Rename(NewPath, Path);
                disk.SyncDirectory("");
            }).ConfigureAwait(false);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>Fills the empty ledger from the image. Null: there is none, or it is bad; the ledger is empty then.
    /// </summary>
    public ScanStart? Read(out string? fault)
    {
        fault = null;
        if (!disk.Exists(Path))
            return null;
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            using var file = disk.Open(Path, DiskOpenMode.OpenExisting);
            // Twice over the file: nothing enters the ledger before the checksum is known to fit.
            if (!IsWhole(file, buffer))
            {
                fault = "its checksum does not fit";
                return null;
            }
            return ReadImage(file, buffer, out fault);
        }
        catch (DiskException e)
        {
            fault = e.Message;
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private (List<(uint Segment, DoneRecord Done)> Tombstones, List<(uint To, uint From)> Moves) CollectMarks()
    {
        var tombstones = new List<(uint, DoneRecord)>();
        var moves = new List<(uint, uint)>();
        lock (ledger.Gate)
        {
            foreach (var use in ledger.Usage.All)
            {
                foreach (var done in use.Tombstones)
                {
                    if (done.HomeSegment != use.Segment)
                        tombstones.Add((use.Segment, done));
                }
                foreach (var from in use.MovedFrom)
                    moves.Add((use.Segment, from));
            }
        }
        return (tombstones, moves);
    }

    private void WriteImage(IDiskFile file, ScanStart position, List<(uint Segment, DoneRecord Done)> tombstones,
        List<(uint To, uint From)> moves)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        var checksum = new BodyChecksum();
        long at = 0;
        var length = 0;
        try
        {
            Magic.CopyTo(buffer);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(8), Version);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(12), position.Segment);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(16), position.Offset);
            length = HeadBytes;
            for (var slot = 0; ;)
            {
                if (PieceBytes - length < 5 + RowsAtOnce * RowBytes)
                    Flush();
                lock (ledger.Gate)
                {
                    var end = Math.Min(slot + RowsAtOnce, ledger.Table.SlotsUsed);
                    var head = length;
                    length += 5;
                    var count = 0;
                    for (; slot < end; slot++)
                    {
                        ref var row = ref ledger.Table[slot];
                        if (!row.InUse)
                            continue;
                        WriteRow(buffer.AsSpan(length), row);
                        length += RowBytes;
                        count++;
                    }
                    WriteSection(buffer.AsSpan(head), RowsTag, count);
                    if (slot == ledger.Table.SlotsUsed)
                        break;
                }
            }
            for (var i = 0; i < tombstones.Count;)
            {
                Flush();
                var count = Math.Min(RowsAtOnce, tombstones.Count - i);
                WriteSection(buffer, TombstonesTag, count);
                length = 5;
                for (; count > 0; count--, i++, length += TombstoneBytes)
                {
                    var to = buffer.AsSpan(length);
                    BinaryPrimitives.WriteUInt32LittleEndian(to, tombstones[i].Segment);
                    tombstones[i].Done.Id.WriteTo(to[4..]);
                    BinaryPrimitives.WriteUInt32LittleEndian(to[20..], tombstones[i].Done.HomeSegment);
                }
            }
            for (var i = 0; i < moves.Count;)
            {
                Flush();
                var count = Math.Min(RowsAtOnce, moves.Count - i);
                WriteSection(buffer, MovesTag, count);
                length = 5;
                for (; count > 0; count--, i++, length += MoveBytes)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(length), moves[i].To);
                    BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(length + 4), moves[i].From);
                }
            }
            Flush();
            WriteSection(buffer, 0, 0);
            checksum.Add(buffer.AsSpan(0, 5));
            BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(5), checksum.Value);
            file.Write(at, buffer.AsSpan(0, 9));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        void Flush()
        {
            if (length == 0)
                return;
            file.Write(at, buffer.AsSpan(0, length));
            checksum.Add(buffer.AsSpan(0, length));
            at += length;
            length = 0;
        }
    }

    private static bool IsWhole(IDiskFile file, byte[] buffer)
    {
        var length = file.Length;
        if (length < HeadBytes + 9)
            return false;
        var checksum = new BodyChecksum();
        long at = 0;
        while (at < length - 4)
        {
            var read = file.Read(at, buffer.AsSpan(0, (int)Math.Min(PieceBytes, length - 4 - at)));
            if (read == 0)
                return false;
            checksum.Add(buffer.AsSpan(0, read));
            at += read;
        }
        return file.Read(at, buffer.AsSpan(0, 4)) == 4
            && BinaryPrimitives.ReadUInt32LittleEndian(buffer) == checksum.Value;
    }

    private ScanStart? ReadImage(IDiskFile file, byte[] buffer, out string? fault)
    {
        fault = "its format is not ours";
        if (file.Read(0, buffer.AsSpan(0, HeadBytes)) < HeadBytes || !buffer.AsSpan().StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(8)) != Version)
            return null;
        var position = new ScanStart(BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(12)),
            BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(16)));
        for (long at = HeadBytes; ;)
        {
            if (file.Read(at, buffer.AsSpan(0, 5)) < 5)
                return null;
            var tag = buffer[0];
            var count = BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(1));
            var size = tag switch
            {
                RowsTag => RowBytes,
                TombstonesTag => TombstoneBytes,
                MovesTag => MoveBytes,
                _ => 0,
            };
            at += 5;
            if (tag == 0)
            {
                fault = null;
                return position;
            }
            var bytes = (int)Math.Min(count, RowsAtOnce) * size;
            if (size == 0 || count > RowsAtOnce || file.Read(at, buffer.AsSpan(0, bytes)) < bytes)
                return null;
            at += bytes;
            for (var from = 0; from < bytes; from += size)
                Restore(tag, buffer.AsSpan(from, size));
        }
    }

    private void Restore(byte tag, ReadOnlySpan<byte> entry)
    {
        if (tag == RowsTag)
        {
            var row = ReadRow(entry);
            if (!ledger.Table.TryFind(row.Id, out _))
                ledger.Restore(row);
        }
        else if (tag == TombstonesTag)
        {
            ledger.Usage.Ended(BinaryPrimitives.ReadUInt32LittleEndian(entry),
                new DoneRecord(MessageId.ReadFrom(entry[4..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[20..])));
        }
        else
        {
            ledger.Usage.Moved(BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry));
        }
    }

    private static void WriteSection(Span<byte> to, byte tag, int count)
    {
        to[0] = tag;
        BinaryPrimitives.WriteInt32LittleEndian(to[1..], count);
    }

    private static void WriteRow(Span<byte> to, in SpoolRow row)
    {
        row.Id.WriteTo(to);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], row.SizeBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[24..], row.Segment);
        BinaryPrimitives.WriteUInt32LittleEndian(to[28..], row.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(to[32..], row.RecordBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[36..], row.ProgressSegment);
        BinaryPrimitives.WriteUInt32LittleEndian(to[40..], row.ProgressOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(to[44..], row.ProgressBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[48..], row.ProgressVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(to[52..], row.RecipientCount);
        to[54] = row.Priority;
        to[55] = (byte)row.Flags;
    }

    private static SpoolRow ReadRow(ReadOnlySpan<byte> from) => new()
    {
        Id = MessageId.ReadFrom(from),
        SizeBytes = BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
        Segment = BinaryPrimitives.ReadUInt32LittleEndian(from[24..]),
        Offset = BinaryPrimitives.ReadUInt32LittleEndian(from[28..]),
        RecordBytes = BinaryPrimitives.ReadUInt32LittleEndian(from[32..]),
        ProgressSegment = BinaryPrimitives.ReadUInt32LittleEndian(from[36..]),
        ProgressOffset = BinaryPrimitives.ReadUInt32LittleEndian(from[40..]),
        ProgressBytes = BinaryPrimitives.ReadUInt32LittleEndian(from[44..]),
        ProgressVersion = BinaryPrimitives.ReadUInt32LittleEndian(from[48..]),
        RecipientCount = BinaryPrimitives.ReadUInt16LittleEndian(from[52..]),
        Priority = from[54],
        Flags = (SpoolRowFlags)from[55] & (SpoolRowFlags.HasBodyFile | SpoolRowFlags.IsHeld
            | SpoolRowFlags.AttemptIsOpen | SpoolRowFlags.LostProgress),
    };
}
