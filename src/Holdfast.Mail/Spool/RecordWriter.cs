using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Holdfast.Mail.Spool;

/// <summary>Writes a record's fields into a rented buffer that grows. The caller returns the buffer.</summary>
internal ref struct RecordWriter
{
    private byte[] _buffer;
    private int _length;

    public RecordWriter(int sizeHint)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(sizeHint);
        _length = 0;
    }

    /// <summary>True once a text was longer than the reader would take: the record must not be stored.</summary>
    public bool IsTooLong { get; private set; }
    public readonly byte[] Buffer => _buffer;
    public readonly ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);
    public readonly int Length => _length;

    public void Byte(byte value)
    {
        Ensure(1);
        _buffer[_length++] = value;
    }

    public void UInt16(ushort value)
    {
        Ensure(2);
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_length), value);
        _length += 2;
    }

    public void UInt32(uint value)
    {
        Ensure(4);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_length), value);
        _length += 4;
    }

    public void Int64(long value)
    {
        Ensure(8);
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.AsSpan(_length), value);
        _length += 8;
    }

    public void Raw(ReadOnlySpan<byte> bytes)
    {
        Ensure(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    public void Id(MessageId id)
    {
        Ensure(MessageId.ByteLength);
        id.WriteTo(_buffer.AsSpan(_length));
        _length += MessageId.ByteLength;
    }

    /// <summary>Seven bits a byte, least first.</summary>
    public void Number(ulong value)
    {
        Ensure(10);
        while (value >= 0x80)
        {
            _buffer[_length++] = (byte)(value | 0x80);
            value >>= 7;
        }
        _buffer[_length++] = (byte)value;
    }

    /// <summary>0 for null, else UTF-8 length + 1 and the bytes.</summary>
    public void Text(string? value)
    {
        if (value is null)
        {
            Byte(0);
            return;
        }
        var max = Encoding.UTF8.GetMaxByteCount(value.Length);
        Ensure(max + 10);
        // The usual short text: its length takes one byte, so encode in place and fill the length in afterwards.
        var written = Encoding.UTF8.GetBytes(value, _buffer.AsSpan(_length + 1));
        if (written + 1 < 0x80)
        {
            _buffer[_length] = (byte)(written + 1);
            _length += written + 1;
            return;
        }
        IsTooLong |= written > RecordReader.TextBytesMax;
        Number((ulong)written + 1);
        Ensure(max);
        _length += Encoding.UTF8.GetBytes(value, _buffer.AsSpan(_length));
    }

    public readonly void PatchUInt32(int at, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(at), value);

    public readonly void Return() => ArrayPool<byte>.Shared.Return(_buffer);

    private void Ensure(int more)
    {
        if (_buffer.Length - _length >= more)
            return;
        var bigger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + more));
        _buffer.AsSpan(0, _length).CopyTo(bigger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = bigger;
    }
}
