using System.Buffers.Binary;
using System.Text;

namespace Holdfast.Fuzz.Targets;

/// <summary>Makes values of an input's octets, for targets that take values: what is used up yields zeros.</summary>
internal ref struct Pieces(ReadOnlySpan<byte> rest)
{
    /// <summary>A length octet that stands for a text about as long as a record takes.</summary>
    private const byte LongText = 255;

    private ReadOnlySpan<byte> _rest = rest;

    public readonly bool IsEmpty => _rest.IsEmpty;
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte Byte() => Take(1) is { Length: 1 } taken ? taken[0] : (byte)0;

    public int Below(int bound) => Byte() % bound;

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Padded(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Padded(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Padded(8));

    public DateTimeOffset Instant() =>
        new((Int64() & long.MaxValue) % (DateTimeOffset.MaxValue.UtcTicks + 1), TimeSpan.Zero);

    /// <summary>A text without broken surrogates.</summary>
    public string Text()
    {
        var length = Byte();
        return length == LongText ? new string('x', 16_380 + Below(10)) : Encoding.UTF8.GetString(Take(length));
    }

    public string? TextOrNull() => Below(4) == 0 ? null : Text();

    public ReadOnlySpan<byte> Take(int length)
    {
        var taken = _rest[..Math.Min(length, _rest.Length)];
        _rest = _rest[taken.Length..];
        return taken;
    }

    private byte[] Padded(int length)
    {
        var padded = new byte[length];
        Take(length).CopyTo(padded);
        return padded;
    }
}
