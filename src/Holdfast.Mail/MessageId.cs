using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Mail;

/// <summary>Name of an accepted message: unique over nodes and restarts, sorts by time of acceptance.</summary>
/// <remarks>High: 48 bits of Unix milliseconds, 16 bits of node id. Low: a number that starts at random with the
/// process and rises by one. Text: 26 characters of Crockford's base 32, as a ULID.</remarks>
public readonly record struct MessageId(ulong High, ulong Low) : IComparable<MessageId>
{
    public const int TextLength = 26;
    public const int ByteLength = 16;
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    public DateTimeOffset Time => DateTimeOffset.FromUnixTimeMilliseconds((long)(High >> 16));
    public ushort Node => (ushort)High;

    public static MessageId Create(DateTimeOffset now, ushort node, ulong sequence) =>
        new(((ulong)now.ToUnixTimeMilliseconds() << 16) | node, sequence);

    public int CompareTo(MessageId other)
    {
        var c = High.CompareTo(other.High);
        return c != 0 ? c : Low.CompareTo(other.Low);
    }

    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    public static MessageId ReadFrom(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    public override string ToString() => string.Create(TextLength, this, static (span, id) =>
    {
        var value = new UInt128(id.High, id.Low);
        for (var i = TextLength - 1; i >= 0; i--)
        {
            span[i] = Alphabet[(int)(value & 31)];
            value >>= 5;
        }
    });

    /// <summary>Reads the text form in any case; O, I and L are taken for 0, 1 and 1.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MessageId id)
    {
        id = default;
        if (text is not { Length: TextLength })
            return false;
        UInt128 value = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = char.ToUpperInvariant(text[i]) switch { 'O' => '0', 'I' or 'L' => '1', var x => x };
            var digit = Alphabet.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0 || (i == 0 && digit > 7))
                return false;
            value = (value << 5) | (uint)digit;
        }
        id = new MessageId((ulong)(value >> 64), (ulong)value);
        return true;
    }

    public static bool operator <(MessageId left, MessageId right) => left.CompareTo(right) < 0;
    public static bool operator >(MessageId left, MessageId right) => left.CompareTo(right) > 0;
    public static bool operator <=(MessageId left, MessageId right) => left.CompareTo(right) <= 0;
    public static bool operator >=(MessageId left, MessageId right) => left.CompareTo(right) >= 0;
}
