using System.Buffers.Binary;

namespace Holdfast.Storage.Segments;

/// <summary>What a record is for the log itself. Values are stored on disk.</summary>
internal enum RecordType : byte
{
    Data = 1,
    /// <summary>Ends a batch: everything before it in the segment was handed to the disk earlier.</summary>
    Commit = 2,
    /// <summary>First in a segment that is in use: where earlier segments end (see <see cref="OpeningRecord"/>).
    /// </summary>
    Opening = 3,
}

/// <summary>The 32 bytes before each payload; records begin at multiples of 8.</summary>
/// <remarks>
/// Little endian: 4 CRC-32C of the header (seeded with the record's offset, so that a record found at the wrong place
/// is none), 4 CRC-32C of the payload, 8 generation of the segment, 8 sequence number, 4 payload length, 1 kind (the
/// caller's), 1 type (ours), 2 zero. The generation is random: neither older bytes of the disk nor a payload that
/// imitates records can be taken for one.
/// </remarks>
internal readonly record struct RecordHeader(
    RecordType Type, byte Kind, uint Length, ulong Generation, ulong Sequence, uint PayloadChecksum)
{
    public const int Bytes = 32;
    public const int Alignment = 8;

    /// <summary>Bytes that a record takes, without the padding before it.</summary>
    public static long TotalBytes(long payloadBytes) => Bytes + payloadBytes;

    public static long Align(long offset) => (offset + (Alignment - 1)) & ~(long)(Alignment - 1);

    public uint Write(Span<byte> to, uint offset)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], PayloadChecksum);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], Generation);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(to[24..], Length);
        to[28] = Kind;
        to[29] = (byte)Type;
        to[30] = 0;
        to[31] = 0;
        var checksum = HeaderChecksum(to, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(to, checksum);
        return checksum;
    }

    /// <summary>Reads a header that is whole, of this generation, and at its own place.</summary>
    public static bool TryRead(ReadOnlySpan<byte> from, uint offset, ulong generation, out RecordHeader header)
    {
        header = default;
        if (from.Length < Bytes || BinaryPrimitives.ReadUInt64LittleEndian(from[8..]) != generation) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(from) != HeaderChecksum(from, offset)) return false;
        if (from[29] is < (byte)RecordType.Data or > (byte)RecordType.Opening || (from[30] | from[31]) != 0)
        {
            return false;
        }
        header = new RecordHeader((RecordType)from[29], from[28], BinaryPrimitives.ReadUInt32LittleEndian(from[24..]),
            generation, BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[4..]));
        return true;
    }

    private static uint HeaderChecksum(ReadOnlySpan<byte> header, uint offset) =>
        Checksum.Finish(Checksum.Add(Checksum.Add(Checksum.Start, offset), header[4..Bytes]));
}
