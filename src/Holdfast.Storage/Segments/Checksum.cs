using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Holdfast.Storage.Segments;

/// <summary>CRC-32C (Castagnoli, RFC 3720 §12.1) by the processor's instruction.</summary>
/// <remarks>State is passed in and out, so that a payload of several pieces needs no copy:
/// <c>Finish(Add(Add(Start, a), b))</c>. The instruction takes three cycles and another can begin in each, so long
/// pieces are taken as three lanes at once, whose states are joined by what as many zeroes do to a state.</remarks>
public static class Checksum
{
    public const uint Start = uint.MaxValue;
    private const int LongLaneBytes = 1024;
    private const int ShortLaneBytes = 128;
    private static readonly uint[] _overLongLane = OverZeroes(LongLaneBytes);
    private static readonly uint[] _overShortLane = OverZeroes(ShortLaneBytes);

    public static uint Of(ReadOnlySpan<byte> bytes) => Finish(Add(Start, bytes));

    public static uint Finish(uint state) => ~state;

    public static uint Add(uint state, ReadOnlySpan<byte> bytes)
    {
        if (BitConverter.IsLittleEndian)
        {
            state = AddLanes(state, ref bytes, LongLaneBytes, _overLongLane);
            state = AddLanes(state, ref bytes, ShortLaneBytes, _overShortLane);
            var words = MemoryMarshal.Cast<byte, ulong>(bytes);
            foreach (var word in words) state = BitOperations.Crc32C(state, word);
            bytes = bytes[(words.Length * sizeof(ulong))..];
        }
        foreach (var b in bytes) state = BitOperations.Crc32C(state, b);
        return state;
    }

    public static uint Add(uint state, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Add(state, bytes);
    }

    private static uint AddLanes(uint state, ref ReadOnlySpan<byte> bytes, int lane, uint[] overLane)
    {
        while (bytes.Length >= 3 * lane)
        {
            var first = MemoryMarshal.Cast<byte, ulong>(bytes[..lane]);
            var second = MemoryMarshal.Cast<byte, ulong>(bytes[lane..(2 * lane)]);
            var third = MemoryMarshal.Cast<byte, ulong>(bytes[(2 * lane)..(3 * lane)]);
            var (b, c) = (0u, 0u);
            for (var i = 0; i < first.Length && i < second.Length && i < third.Length; i++)
            {
                state = BitOperations.Crc32C(state, first[i]);
                b = BitOperations.Crc32C(b, second[i]);
                c = BitOperations.Crc32C(c, third[i]);
            }
            // A state is linear over GF(2): what came before goes over the lane's length, what is in the lane is added.
            state = Over(overLane, Over(overLane, state) ^ b) ^ c;
            bytes = bytes[(3 * lane)..];
        }
        return state;
    }

    private static uint Over(uint[] zeroes, uint state) =>
        zeroes[(byte)state] ^ zeroes[256 + (byte)(state >> 8)] ^ zeroes[512 + (byte)(state >> 16)]
        ^ zeroes[768 + (byte)(state >> 24)];

    /// <summary>What a state becomes by so many zero bytes: a table for each of its four bytes.</summary>
    private static uint[] OverZeroes(int count)
    {
        var table = new uint[4 * 256];
        for (var bit = 0; bit < 32; bit++)
        {
            var state = 1u << bit;
            for (var i = 0; i < count; i++) state = BitOperations.Crc32C(state, (byte)0);
            var (part, own) = (256 * (bit / 8), 1 << (bit % 8));
            for (var value = own; value < 256; value++)
            {
                if ((value & own) != 0) table[part + value] ^= state;
            }
        }
        return table;
    }
}
