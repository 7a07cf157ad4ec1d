using System.Numerics;

namespace Holdfast.Evidence.Records;

/// <summary>Tells "surely not here" from "perhaps here", so that most files need not be read.</summary>
/// <remarks>Seven bits a key; its size is a power of two, so that a large one can be folded when few keys
/// came.</remarks>
internal sealed class BloomFilter
{
    public const int BytesMin = 1024;
    public const int BytesMax = 1 << 24;
    private const int Probes = 7;
    private const int BitsPerKey = 16;
    private readonly byte[] _bits;

    /// <param name="bits">A power of two bytes from <see cref="BytesMin"/> to <see cref="BytesMax"/>.</param>
    public BloomFilter(byte[] bits) => _bits = IsSize(bits.Length) ? bits
        : throw new ArgumentException("The size must be a power of two in range.", nameof(bits));

    public static bool IsSize(int bytes) => bytes is >= BytesMin and <= BytesMax && BitOperations.IsPow2(bytes);

    public ReadOnlySpan<byte> Bytes => _bits;

    /// <summary>Calls of Add that set a bit: about the number of distinct keys.</summary>
    public int Keys { get; private set; }

    public void Add(ulong hash)
    {
        var step = Step(hash);
        var isNew = false;
        for (var i = 0; i < Probes; i++, hash += step)
        {
            ref var cell = ref _bits[(int)((hash >> 3) & (ulong)(_bits.Length - 1))];
            var mask = (byte)(1 << (int)(hash & 7));
            isNew |= (cell & mask) == 0;
            cell |= mask;
        }
        if (isNew)
            Keys++;
    }

    public bool MayHold(ulong hash)
    {
        var step = Step(hash);
        for (var i = 0; i < Probes; i++, hash += step)
        {
            if ((_bits[(int)((hash >> 3) & (ulong)(_bits.Length - 1))] & (1 << (int)(hash & 7))) == 0)
                return false;
        }
        return true;
    }

    /// <summary>A copy as small as its keys allow.</summary>
    public BloomFilter Fold()
    {
        var size = _bits.Length;
        while (size > BytesMin && size / 2 * 8L >= (long)Keys * BitsPerKey)
            size /= 2;
        var folded = new byte[size];
        for (var i = 0; i < _bits.Length; i++)
            folded[i & (size - 1)] |= _bits[i];
        return new BloomFilter(folded) { Keys = Keys };
    }

    // Odd, so that the probes differ; the low bits choose the bit in a byte and must move too.
    private static ulong Step(ulong hash) => BitOperations.RotateLeft(hash, 32) * 0x9E3779B97F4A7C15UL | 1;
}
