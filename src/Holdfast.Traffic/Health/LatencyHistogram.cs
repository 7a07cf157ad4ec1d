using System.Runtime.CompilerServices;

namespace Holdfast.Traffic.Health;

/// <summary>Counts of latencies in buckets an eighth of an octave wide, from 50 µs to about 50 minutes.</summary>
/// <remarks>The bucket comes from the number's own bits: no logarithm, same bits on every platform. A struct that holds
/// its counts itself, so that an answer's bucket is one step from its baseline and not three.</remarks>
internal struct LatencyHistogram
{
    private const double Smallest = 50e-6;
    private const int Buckets = 26 * 8 + 1;
    private double _count;
    /// <summary>Buckets in use: from here up to here, excluded.</summary>
    private int _from;
    private int _to;
    private Counts _counts;

    [InlineArray(Buckets)]
    private struct Counts
    {
        private float _first;
    }

    public readonly double Count => _count;

    /// <summary>Where in it the counts begin, and that of a latency lies.</summary>
    public const int CountsAt = sizeof(double) + 2 * sizeof(int);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DistanceOf(double seconds) => CountsAt + BucketOf(seconds) * sizeof(float);

    public void Add(double seconds)
    {
        var bucket = BucketOf(seconds);
        _counts[bucket]++;
        _count++;
        Use(bucket, bucket + 1);
    }

    /// <summary>Adds another's counts, scaled.</summary>
    public void Add(in LatencyHistogram other, double scale)
    {
        for (var i = other._from; i < other._to; i++)
            _counts[i] += (float)(other._counts[i] * scale);
        _count += other._count * scale;
        Use(other._from, other._to);
    }

    public void Scale(double factor)
    {
        for (var i = _from; i < _to; i++)
            _counts[i] *= (float)factor;
        _count *= factor;
    }

    public void Clear()
    {
        for (var i = _from; i < _to; i++)
            _counts[i] = 0;
        _count = 0;
        _from = _to = 0;
    }

    /// <summary>Seconds; 0 when nothing was counted.</summary>
    public readonly double Quantile(double share)
    {
        if (Count <= 0)
            return 0;
        var left = share * Count;
        var last = 0;
        for (var i = _from; i < _to; i++)
        {
            if (_counts[i] <= 0)
                continue;
            last = i;
            if (left <= _counts[i])
                return Value(i, left / _counts[i]);
            left -= _counts[i];
        }
        return Value(last, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Use(int from, int to)
    {
        if (from >= to)
            return;
        _from = _from == _to ? from : Math.Min(_from, from);
        _to = Math.Max(_to, to);
    }

    private static int BucketOf(double seconds)
    {
        var units = seconds / Smallest;
        if (!(units >= 1))
            return 0;
        var bits = BitConverter.DoubleToInt64Bits(units);
        var bucket = (int)((bits >> 49) - (1023L << 3)) + 1;
        return Math.Min(bucket, Buckets - 1);
    }

    private static double Value(int bucket, double within)
    {
        if (bucket == 0)
            return Smallest * within;
        var octave = (bucket - 1) >> 3;
        var eighth = (bucket - 1) & 7;
        return Smallest * (1L << octave) * (1 + (eighth + within) / 8);
    }
}
