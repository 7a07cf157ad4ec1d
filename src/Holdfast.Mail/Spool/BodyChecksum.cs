using System.Numerics;
using System.Runtime.InteropServices;

namespace Holdfast.Mail.Spool;

/// <summary>Running CRC-32C of a body file's bytes (Castagnoli, RFC 3720 §12.1), by the processor's instruction.
/// </summary>
internal struct BodyChecksum()
{
    private uint _state = uint.MaxValue;

    public readonly uint Value => ~_state;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        var state = _state;
        if (BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(bytes);
            foreach (var word in words)
                state = BitOperations.Crc32C(state, word);
            bytes = bytes[(words.Length * sizeof(ulong))..];
        }
        foreach (var b in bytes)
            state = BitOperations.Crc32C(state, b);
        _state = state;
    }
}
