namespace Holdfast.Mail.Spool;

/// <summary>The fixed first part of a Progress or Attempt record: what replay needs.</summary>
internal readonly record struct ProgressHead(
    MessageId Id, uint Version, ushort RecipientCount, bool IsHeld, bool DelayNoticeSent, bool AttemptIsOpen)
{
    public const byte FormatVersion = 1;
    public const int Length = 1 + 1 + MessageId.ByteLength + 4 + 2;

    public void Write(ref RecordWriter writer)
    {
        writer.Byte(FormatVersion);
        writer.Byte((byte)((IsHeld ? 1 : 0) | (DelayNoticeSent ? 2 : 0) | (AttemptIsOpen ? 4 : 0)));
        writer.Id(Id);
        writer.UInt32(Version);
        writer.UInt16(RecipientCount);
    }

    public static bool TryRead(ReadOnlySpan<byte> record, out ProgressHead head)
    {
        var reader = new RecordReader(record);
        var version = reader.Byte();
        var flags = reader.Byte();
        head = new ProgressHead(reader.Id(), reader.UInt32(), reader.UInt16(), (flags & 1) != 0, (flags & 2) != 0,
            (flags & 4) != 0);
        return reader.IsGood && version == FormatVersion && flags < 8 && head.RecipientCount > 0;
    }
}
