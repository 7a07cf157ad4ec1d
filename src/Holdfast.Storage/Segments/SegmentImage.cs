using System.Buffers.Binary;

namespace Holdfast.Storage.Segments;

/// <summary>Walks the bytes of one segment: good records, and the bad stretches between them.</summary>
/// <remarks>Never throws for any bytes. A bad stretch ends at the next header that is whole, of this generation, at
/// its own place, with a sequence number that fits.</remarks>
internal ref struct SegmentImage
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ulong _generation;
    private readonly int _staleFrom;
    private ulong _lastSequence;
    private int _at;

    /// <param name="bytes">From the file's beginning.</param>
    /// <param name="generation">The segment's.</param>
    /// <param name="staleFrom">From here on bytes that carry no mark of ours are those of the file's earlier life; 0
    /// for nowhere.</param>
    public SegmentImage(ReadOnlySpan<byte> bytes, ulong generation, uint staleFrom = 0)
    {
        _bytes = bytes.Length > SegmentHeader.FirstRecordOffset ? bytes : [];
        _staleFrom = staleFrom == 0 ? int.MaxValue : (int)Math.Min(staleFrom, int.MaxValue);
        _generation = generation;
        _at = SegmentHeader.FirstRecordOffset;
    }

    /// <summary>The record just found.</summary>
    public RecordHeader Header { get; private set; }
    public int Offset { get; private set; }
    public readonly ReadOnlySpan<byte> Payload =>
        _bytes.Slice(Offset + RecordHeader.Bytes, (int)Header.Length);
    public readonly int End => Offset + RecordHeader.Bytes + (int)Header.Length;

    /// <summary>Bad bytes passed over before the record just found (or before the end): start and length.</summary>
    public int BadOffset { get; private set; }
    public int BadLength { get; private set; }

    public readonly bool PayloadIsGood => Checksum.Of(Payload) == Header.PayloadChecksum;

    /// <summary>Moves to the next good header. False at the end: only zeroes (or an earlier life's
    /// bytes), or a last bad stretch.</summary>
    public bool MoveNext()
    {
        BadLength = 0;
        var start = _at;
        if (TryHeaderAt(start)) return true;

        // Most often the rest is zeroes: nothing was ever written there.
        var rest = start < _bytes.Length ? _bytes[start..] : [];
        var last = rest.LastIndexOfAnyExcept((byte)0);
        if (last < 0) return false;

        BadOffset = start;
        var marked = 0;
        for (var at = start + RecordHeader.Alignment; at <= start + last; at += RecordHeader.Alignment)
        {
            at = NextCandidate(at, start + last);
            if (at < 0) break;
            marked = at + RecordHeader.Bytes - start;
            if (!TryHeaderAt(at)) continue;
            BadLength = at - start;
            return true;
        }
        BadLength = start + last < _staleFrom ? last + 1 : Math.Max(marked, OwnBytes(rest, _staleFrom - start));
        _at = _bytes.Length;
        return false;
    }

    /// <summary>How far this life's bytes reach at least, where those of an earlier one follow.</summary>
    private static int OwnBytes(ReadOnlySpan<byte> rest, int fresh) =>
        fresh > 0 ? rest[..fresh].LastIndexOfAnyExcept((byte)0) + 1 : 0;

    /// <summary>The next aligned offset that carries the generation, or -1.</summary>
    private readonly int NextCandidate(int at, int last)
    {
        for (; at <= last && at + RecordHeader.Bytes <= _bytes.Length; at += RecordHeader.Alignment)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(at + 8)..]) == _generation) return at;
        }
        return -1;
    }

    private bool TryHeaderAt(int at)
    {
        if (at < 0 || at > _bytes.Length - RecordHeader.Bytes) return false;
        if (!RecordHeader.TryRead(_bytes[at..], (uint)at, _generation, out var header)) return false;
        if (header.Length > _bytes.Length - at - RecordHeader.Bytes || header.Sequence < _lastSequence) return false;
        if (header.Type == RecordType.Data && header.Sequence == _lastSequence) return false;
        Header = header;
        Offset = at;
        _lastSequence = header.Sequence;
        _at = (int)Math.Min(RecordHeader.Align(End), int.MaxValue - RecordHeader.Alignment);
        return true;
    }
}
