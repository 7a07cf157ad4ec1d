using System.Buffers.Binary;

namespace Holdfast.Storage.Segments;

/// <summary>Where an earlier segment ends, as a later one remembers it.</summary>
/// <param name="Number">The earlier segment.</param>
/// <param name="WrittenEnd">End of its last batch that was written without error: nothing beyond counts.</param>
/// <param name="SyncedEnd">Up to here it is known to have been synced: bad bytes before it are damage.</param>
/// <param name="IsPoisoned">A write or sync failed there.</param>
internal readonly record struct SegmentEnd(uint Number, uint WrittenEnd, uint SyncedEnd, bool IsPoisoned);

/// <summary>Payload of the first record in each used segment: how the segments before it ended.</summary>
/// <remarks>
/// A batch whose write or sync failed was reported as failed, yet its bytes may be on the disk; without this record
/// a restart would take them for good. The end of the segment just before, and of every one that still exists and was
/// poisoned or has holes where power was lost, is written and synced here before the failure is reported.
/// Little endian: 8 first sequence number of this segment, 4 count, then 16 bytes an end.
/// </remarks>
internal static class OpeningRecord
{
    /// <summary>More poisoned segments than this aren't remembered; the log is failed long before.</summary>
    public const int EndsMax = 64;
    private const int FixedBytes = 12;
    private const int EndBytes = 16;
    public const int BytesMax = FixedBytes + (EndsMax * EndBytes);

    public static int Write(Span<byte> to, ulong firstSequence, IReadOnlyList<SegmentEnd> ends)
    {
        var count = Math.Min(ends.Count, EndsMax);
        BinaryPrimitives.WriteUInt64LittleEndian(to, firstSequence);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], count);
        for (var i = 0; i < count; i++)
        {
            var at = to[(FixedBytes + (i * EndBytes))..];
            var end = ends[ends.Count - count + i];
            BinaryPrimitives.WriteUInt32LittleEndian(at, end.Number);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], end.WrittenEnd);
            BinaryPrimitives.WriteUInt32LittleEndian(at[8..], end.SyncedEnd);
            BinaryPrimitives.WriteUInt32LittleEndian(at[12..], end.IsPoisoned ? 1u : 0u);
        }
        return FixedBytes + (count * EndBytes);
    }

    public static bool TryRead(ReadOnlySpan<byte> from, out ulong firstSequence, List<SegmentEnd> ends)
    {
        firstSequence = 0;
        if (from.Length < FixedBytes) return false;
        firstSequence = BinaryPrimitives.ReadUInt64LittleEndian(from);
        var count = BinaryPrimitives.ReadInt32LittleEndian(from[8..]);
        if (count is < 0 or > EndsMax || from.Length != FixedBytes + (count * EndBytes)) return false;
        for (var i = 0; i < count; i++)
        {
            var at = from[(FixedBytes + (i * EndBytes))..];
            ends.Add(new SegmentEnd(
                BinaryPrimitives.ReadUInt32LittleEndian(at),
                BinaryPrimitives.ReadUInt32LittleEndian(at[4..]), BinaryPrimitives.ReadUInt32LittleEndian(at[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(at[12..]) != 0));
        }
        return true;
    }
}
