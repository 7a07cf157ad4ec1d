using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Holdfast.Storage.Segments;

/// <summary>What stands at a segment file's beginning: twice, in two sectors, so that one bad sector costs nothing.
/// </summary>
/// <remarks>
/// Little endian: 8 magic, 4 format version, 4 segment number, 8 generation, 4 node, 4 stale from, 8 created (ticks
/// UTC), 20 reserved, 4 CRC-32C of all before.
/// </remarks>
/// <param name="StaleFrom">Where bytes of the file's earlier life may stand from; 0 when it was all zeroes.</param>
internal readonly record struct SegmentHeader(
    uint Number, ulong Generation, uint Node, long CreatedTicks, uint StaleFrom = 0)
{
    public const uint Version = 1;
    public const int Bytes = 64;
    public const int CopyOffset = 512;
    /// <summary>Where the first record stands: after both copies.</summary>
    public const int FirstRecordOffset = 1024;
    private const string Extension = ".seg";
    private const int Digits = 10;
    private static ReadOnlySpan<byte> Magic => "HOLDSEG\n"u8;

    public static string FileName(uint number) =>
        number.ToString("D10", CultureInfo.InvariantCulture) + Extension;

    public static bool TryParseFileName(ReadOnlySpan<char> name, out uint number)
    {
        number = 0;
        return name.Length == Digits + Extension.Length && name.EndsWith(Extension, StringComparison.Ordinal)
            && uint.TryParse(name[..Digits], NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number > 0;
    }

    /// <summary>Writes both copies into the first <see cref="FirstRecordOffset"/> bytes.</summary>
    public void Write(Span<byte> start)
    {
        start[..FirstRecordOffset].Clear();
        Magic.CopyTo(start);
        BinaryPrimitives.WriteUInt32LittleEndian(start[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(start[12..], Number);
        BinaryPrimitives.WriteUInt64LittleEndian(start[16..], Generation);
        BinaryPrimitives.WriteUInt32LittleEndian(start[24..], Node);
        BinaryPrimitives.WriteUInt32LittleEndian(start[28..], StaleFrom);
        BinaryPrimitives.WriteInt64LittleEndian(start[32..], CreatedTicks);
        BinaryPrimitives.WriteUInt32LittleEndian(start[(Bytes - 4)..], Checksum.Of(start[..(Bytes - 4)]));
        start[..Bytes].CopyTo(start[CopyOffset..]);
    }

    /// <summary>Reads whichever copy is good.</summary>
    /// <returns>False when neither is; <paramref name="version"/> says whether a good one is of another format.
    /// </returns>
    public static bool TryRead(ReadOnlySpan<byte> start, [NotNullWhen(true)] out SegmentHeader? header,
        out uint version)
    {
        return TryReadCopy(start, out header, out version)
            || (start.Length >= CopyOffset && TryReadCopy(start[CopyOffset..], out header, out version));
    }

    private static bool TryReadCopy(ReadOnlySpan<byte> copy, [NotNullWhen(true)] out SegmentHeader? header,
        out uint version)
    {
        header = null;
        version = 0;
        if (copy.Length < Bytes || !copy.StartsWith(Magic)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(copy[(Bytes - 4)..]) != Checksum.Of(copy[..(Bytes - 4)]))
        {
            return false;
        }
        version = BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]);
        if (version != Version) return false;
        header = new SegmentHeader(BinaryPrimitives.ReadUInt32LittleEndian(copy[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(copy[16..]), BinaryPrimitives.ReadUInt32LittleEndian(copy[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(copy[32..]), BinaryPrimitives.ReadUInt32LittleEndian(copy[28..]));
        return true;
    }
}
