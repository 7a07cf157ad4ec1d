using System.Runtime.CompilerServices;

namespace Holdfast.Sim.Provider;

/// <summary>Latencies of one step, to read percentiles from: eight bins an octave of ticks.</summary>
internal sealed class LatencyBins
{
    private const int Octaves = 46;
    private readonly int[] _bins = new int[Octaves * 8];
    private int _count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long ticks)
    {
        var bits = BitConverter.SingleToInt32Bits(Math.Max(1f, ticks));
        // Exponent and three bits of the fraction.
        var bin = (bits >> 20) - (127 << 3);
        _bins[Math.Min(bin, _bins.Length - 1)]++;
        _count++;
    }

    public int Count => _count;

    /// <summary>Seconds at the middle of the bin that holds this share of the latencies; NaN: none.</summary>
    public float Percentile(double share)
    {
        if (_count == 0)
            return float.NaN;
        var left = (long)Math.Ceiling(share * _count);
        for (var i = 0; i < _bins.Length; i++)
        {
            left -= _bins[i];
            if (left <= 0)
                return BitConverter.Int32BitsToSingle(((i + (127 << 3)) << 20) | (1 << 19)) / TimeSpan.TicksPerSecond;
        }
        return float.NaN;
    }

    public void Clear()
    {
        if (_count == 0)
            return;
        Array.Clear(_bins);
        _count = 0;
    }
}
