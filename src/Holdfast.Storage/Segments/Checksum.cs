using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Holdfast.Storage.Segments;

/// <summary>CRC-32C (Castagnoli, RFC 3720 §12.1) by the processor's instruction.</summary>
/// <remarks>State is passed in and out, so that a payload of several pieces needs no copy:
/// <c>Finish(Add(Add(Start, a), b))</c>.</remarks>
internal static class Checksum
{
    public const uint Start = uint.MaxValue;

    public static uint Of(ReadOnlySpan<byte> bytes) => Finish(Add(Start, bytes));

    public static uint Finish(uint state) => ~state;

    public static uint Add(uint state, ReadOnlySpan<byte> bytes)
    {
        if (BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(bytes);
            var i = 0;
            for (; i <= words.Length - 8; i += 8)
            {
                state = BitOperations.Crc32C(state, words[i]);
                state = BitOperations.Crc32C(state, words[i + 1]);
                state = BitOperations.Crc32C(state, words[i + 2]);
                state = BitOperations.Crc32C(state, words[i + 3]);
                state = BitOperations.Crc32C(state, words[i + 4]);
                state = BitOperations.Crc32C(state, words[i + 5]);
                state = BitOperations.Crc32C(state, words[i + 6]);
                state = BitOperations.Crc32C(state, words[i + 7]);
            }
            for (; i < words.Length; i++) state = BitOperations.Crc32C(state, words[i]);
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
}
