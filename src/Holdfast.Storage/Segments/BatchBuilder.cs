using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Holdfast.Storage.Segments;

/// <summary>Lays records out as one gathered write: headers and small pieces in one buffer of ours, larger pieces where
/// their owners keep them.</summary>
internal sealed class BatchBuilder(long batchBytesMax, int batchRecordsMax)
{
    /// <summary>Pieces up to this are copied: cheaper than another entry of the write's vector (and its pin).</summary>
    private const int CopyMax = 512;
    private const int MarkerPayloadBytes = 8;
    private const int RecordScratchBytes = RecordHeader.Bytes + RecordHeader.Alignment;
    /// <summary>A commit marker with the padding before it: kept free in every segment.</summary>
    public const int MarkerBytesMax = RecordScratchBytes + MarkerPayloadBytes;
    private const int OpeningBytesMax = RecordScratchBytes + OpeningRecord.BytesMax;
    private const int CopyScratchBytes = 128 << 10;

    private readonly byte[] _scratch = GC.AllocateArray<byte>(
        CopyScratchBytes + ((batchRecordsMax + 1) * RecordScratchBytes) + MarkerBytesMax + OpeningBytesMax,
        pinned: true);
    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private int _used;
    private int _flushed;
    private long _start;
    private long _end;
    private long _capacity;
    private ulong _generation;
    private int _records;

    public IReadOnlyList<ReadOnlyMemory<byte>> Pieces => _pieces;
    public long Start => _start;
    public long End => _end;
    public int Records => _records;
    /// <summary>Sequence number of the last record laid out.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>Largest payload that an empty segment of this size takes.</summary>
    public static long PayloadMax(long segmentBytes) =>
        segmentBytes - SegmentHeader.FirstRecordOffset - OpeningBytesMax - (2 * MarkerBytesMax) - RecordScratchBytes;

    public void Begin(Segment segment, ulong sequence)
    {
        _pieces.Clear();
        _used = _flushed = 0;
        _records = 0;
        _start = _end = segment.WrittenEnd;
        _capacity = segment.Capacity;
        _generation = segment.Generation;
        Sequence = sequence;
    }

    /// <summary>Adds a record, unless it doesn't fit into the batch or the segment.</summary>
    public bool TryAdd(AppendOperation operation, uint segment)
    {
        var at = RecordHeader.Align(_end);
        var end = at + RecordHeader.TotalBytes(operation.Length);
        if (RecordHeader.Align(end) + MarkerBytesMax > _capacity) return false;
        if (_records > 0 && (_records >= batchRecordsMax || end - _start > batchBytesMax)) return false;

        Sequence++;
        _records++;
        AddHeader(new RecordHeader(RecordType.Data, operation.Kind, operation.Length, _generation, Sequence,
            operation.Checksum), at);
        AddPiece(operation.Head);
        AddPiece(operation.Body);
        if (operation.Pieces is { } rest)
        {
            for (var i = 0; i < rest.Count; i++) AddPiece(rest[i]);
        }
        _end = end;
        operation.Location = new RecordLocation(segment, (uint)at, operation.Length);
        return true;
    }

    /// <summary>Adds the record that begins a segment's use.</summary>
    public void AddOpening(IReadOnlyList<SegmentEnd> ends)
    {
        Span<byte> payload = stackalloc byte[OpeningRecord.BytesMax];
        payload = payload[..OpeningRecord.Write(payload, Sequence + 1, ends)];
        AddOwn(RecordType.Opening, payload);
    }

    /// <summary>Ends the batch.</summary>
    /// <param name="syncedEnd">Up to where the segment is known to be synced now: what is bad before it is damage,
    /// what is bad after it may be an interrupted write.</param>
    public void Seal(long syncedEnd)
    {
        Span<byte> payload = stackalloc byte[MarkerPayloadBytes];
        BinaryPrimitives.WriteInt32LittleEndian(payload, _records);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], (uint)syncedEnd);
        AddOwn(RecordType.Commit, payload);
        Flush();
    }

    /// <summary>Reads a marker's payload; false when it isn't one.</summary>
    public static bool TryReadMarker(ReadOnlySpan<byte> payload, out long syncedEnd)
    {
        syncedEnd = 0;
        if (payload.Length != MarkerPayloadBytes) return false;
        syncedEnd = BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        return true;
    }

    private void AddOwn(RecordType type, ReadOnlySpan<byte> payload)
    {
        var at = RecordHeader.Align(_end);
        AddHeader(new RecordHeader(type, 0, (uint)payload.Length, _generation, Sequence, Checksum.Of(payload)), at);
        payload.CopyTo(_scratch.AsSpan(_used));
        _used += payload.Length;
        _end = at + RecordHeader.TotalBytes(payload.Length);
    }

    private void AddHeader(in RecordHeader header, long at)
    {
        var padding = (int)(at - _end);
        _scratch.AsSpan(_used, padding).Clear();
        _used += padding;
        header.Write(_scratch.AsSpan(_used), (uint)at);
        _used += RecordHeader.Bytes;
    }

    private void AddPiece(ReadOnlyMemory<byte> piece)
    {
        if (piece.IsEmpty) return;
        var reserved = ((batchRecordsMax + 1 - _records) * RecordScratchBytes) + MarkerBytesMax;
        if (piece.Length <= CopyMax && _used + piece.Length + reserved <= _scratch.Length)
        {
            piece.Span.CopyTo(_scratch.AsSpan(_used));
            _used += piece.Length;
            return;
        }
        Flush();
        _pieces.Add(piece);
    }

    private void Flush()
    {
        if (_used == _flushed) return;
        _pieces.Add(MemoryMarshal.CreateFromPinnedArray(_scratch, _flushed, _used - _flushed));
        _flushed = _used;
    }
}
