using System.Buffers.Binary;

namespace Holdfast.Evidence.Records;

/// <summary>What is in one closed file: a filter over its keys and the time of its first and last record.</summary>
/// <remarks>Lies beside the file under the same name with <c>.idx</c>. It may go missing or be damaged: then it is made
/// again from the file.</remarks>
internal sealed record EvidenceIndex(BloomFilter Filter, DateTimeOffset First, DateTimeOffset Last)
{
    private const uint Magic = 0x31494548; // "HEI1"
    private const int HeaderBytes = 32;
    public const int BytesMax = HeaderBytes + EvidenceJournal.FilterBytes;

    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderBytes + Filter.Bytes.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Filter.Bytes.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), First.UtcTicks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Last.UtcTicks);
        Filter.Bytes.CopyTo(bytes.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), Checksum(bytes));
        return bytes;
    }

    /// <summary>Null when the bytes are no whole index.</summary>
    public static EvidenceIndex? FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic
            || !BloomFilter.IsSize(bytes.Length - HeaderBytes)
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]) != bytes.Length - HeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]) != Checksum(bytes))
        {
            return null;
        }
        var first = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        var last = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        var latest = DateTimeOffset.MaxValue.UtcTicks;
        if (first < 0 || last < 0 || first > latest || last > latest)
            return null;
        return new EvidenceIndex(new BloomFilter(bytes[HeaderBytes..].ToArray()),
            new DateTimeOffset(first, TimeSpan.Zero), new DateTimeOffset(last, TimeSpan.Zero));
    }

    private static ulong Checksum(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var part in bytes[..24])
            hash = (hash ^ part) * 1099511628211UL;
        for (var i = HeaderBytes; i + 8 <= bytes.Length; i += 8)
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..])) * 1099511628211UL;
        return hash;
    }
}
