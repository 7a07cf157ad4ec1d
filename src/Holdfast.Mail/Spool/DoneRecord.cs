using System.Buffers.Binary;

namespace Holdfast.Mail.Spool;

/// <summary>The mark that a message has ended. It must outlive every copy of its message, or a full scan would raise
/// the dead: so it names the segment of the latest copy.</summary>
internal readonly record struct DoneRecord(MessageId Id, uint HomeSegment)
{
    public const byte FormatVersion = 1;
    public const int Length = 1 + MessageId.ByteLength + 4;

    public RecordWriter Encode()
    {
        var writer = new RecordWriter(Length);
        writer.Byte(FormatVersion);
        writer.Id(Id);
        writer.UInt32(HomeSegment);
        return writer;
    }

    public static void PatchHome(Span<byte> record, uint segment) =>
        BinaryPrimitives.WriteUInt32LittleEndian(record[(1 + MessageId.ByteLength)..], segment);

    public static bool TryDecode(ReadOnlySpan<byte> record, out DoneRecord done)
    {
        var reader = new RecordReader(record);
        var version = reader.Byte();
        done = new DoneRecord(reader.Id(), reader.UInt32());
        return reader.IsGood && version == FormatVersion && reader.Rest.Length == 0;
    }
}
