using System.Buffers.Binary;
using System.Text;

namespace Holdfast.Mail.Spool;

/// <summary>Reads a record's fields. Never throws: reading past the end or a bad field clears <see cref="IsGood"/> and
/// yields zeros from then on.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> source)
{
    /// <summary>Longest text taken: far above any SMTP path (RFC 5321 §4.5.3.1.3) or reply.</summary>
    public const int TextBytesMax = 16 * 1024;

    private ReadOnlySpan<byte> _rest = source;

    public bool IsGood { get; private set; } = true;
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte Byte() => Take(1) is { Length: 1 } b ? b[0] : (byte)0;
    public ushort UInt16() => Take(2) is { Length: 2 } b ? BinaryPrimitives.ReadUInt16LittleEndian(b) : (ushort)0;
    public uint UInt32() => Take(4) is { Length: 4 } b ? BinaryPrimitives.ReadUInt32LittleEndian(b) : 0;
    public long Int64() => Take(8) is { Length: 8 } b ? BinaryPrimitives.ReadInt64LittleEndian(b) : 0;

    public MessageId Id() =>
        Take(MessageId.ByteLength) is { Length: MessageId.ByteLength } b ? MessageId.ReadFrom(b) : default;

    public ulong Number()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Byte();
            if (shift == 63 && b > 1)
                break;
            value |= (ulong)(b & 0x7F) << shift;
            if ((b & 0x80) == 0)
                return IsGood ? value : 0;
        }
        return (ulong)Fail();
    }

    /// <summary>A number that must not exceed the bound.</summary>
    public int Count(int max)
    {
        var value = Number();
        return value <= (ulong)max ? (int)value : Fail();
    }

    public string? Text()
    {
        var length = Count(TextBytesMax + 1);
        return length == 0 ? null : length == 1 ? "" : Encoding.UTF8.GetString(Take(length - 1));
    }

    public string RequiredText()
    {
        var text = Text();
        if (text is null)
            Fail();
        return text ?? "";
    }

    public DateTimeOffset Instant()
    {
        var ticks = Int64();
        if (ticks < DateTimeOffset.MinValue.UtcTicks || ticks > DateTimeOffset.MaxValue.UtcTicks)
            ticks = Fail();
        return new DateTimeOffset(ticks, TimeSpan.Zero);
    }

    public int Fail()
    {
        IsGood = false;
        _rest = default;
        return 0;
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (_rest.Length < length)
        {
            Fail();
            return default;
        }
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
