namespace Holdfast.Mail.Spool;

/// <summary>The fixed first part of a message record: what the table needs, without decoding the envelope.</summary>
/// <remarks>All message kinds share it. Then come <see cref="EnvelopeBytes"/> of envelope and, unless the content
/// stands in a file, <see cref="ContentBytes"/> of content.</remarks>
internal readonly record struct MessageHead(
    MessageId Id, bool HasBodyFile, byte Priority, ushort RecipientCount, long SizeBytes, long ContentBytes,
    uint EnvelopeBytes, uint BodyChecksum)
{
    public const byte FormatVersion = 1;
    public const int Length = 1 + 1 + MessageId.ByteLength + 1 + 2 + 8 + 8 + 4 + 4;
    public const int EnvelopeBytesOffset = 37;

    public static void Write(ref RecordWriter writer, Envelope envelope, bool hasBodyFile, long contentBytes,
        uint bodyChecksum)
    {
        writer.Byte(FormatVersion);
        writer.Byte(hasBodyFile ? (byte)1 : (byte)0);
        writer.Id(envelope.Id);
        writer.Byte(envelope.Priority);
        writer.UInt16((ushort)envelope.Recipients.Count);
        writer.Int64(envelope.SizeBytes);
        writer.Int64(contentBytes);
        writer.UInt32(0);
        writer.UInt32(bodyChecksum);
    }

    /// <summary>False when the bytes are no head of ours or its sizes don't fit the record.</summary>
    public static bool TryRead(ReadOnlySpan<byte> head, long recordBytes, out MessageHead result)
    {
        var reader = new RecordReader(head);
        var version = reader.Byte();
        var flags = reader.Byte();
        result = new MessageHead(reader.Id(), (flags & 1) != 0, reader.Byte(), reader.UInt16(), reader.Int64(),
            reader.Int64(), reader.UInt32(), reader.UInt32());
        if (!reader.IsGood || version != FormatVersion || flags > 1 || result.Priority > 5
            || result.RecipientCount == 0 || result.SizeBytes < 0 || result.ContentBytes < 0)
            return false;
        var inline = result.HasBodyFile ? 0 : result.ContentBytes;
        return inline <= recordBytes && Length + result.EnvelopeBytes + inline == recordBytes;
    }
}
