namespace Holdfast.Traffic.Health;

/// <summary>Counts of latencies in buckets an eighth of an octave wide, from 50 µs to about 50 minutes.</summary>
/// <remarks>The bucket comes from the number's own bits: no logarithm, same bits on every platform.</remarks>
internal sealed class LatencyHistogram
{
    private const double Smallest = 50e-6;
    private const int Buckets = 26 * 8 + 1;
    private readonly float[] _counts = new float[Buckets];

    public double Count { get; private set; }

    public void Add(double seconds)
    {
        _counts[BucketOf(seconds)]++;
        Count++;
    }

    /// <summary>Adds another's counts, scaled.</summary>
    public void Add(LatencyHistogram other, double scale)
    {
        for (var i = 0; i < Buckets; i++)
            _counts[i] += (float)(other._counts[i] * scale);
        Count += other.Count * scale;
    }

    public void Scale(double factor)
    {
        for (var i = 0; i < Buckets; i++)
            _counts[i] *= (float)factor;
        Count *= factor;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
    }

    /// <summary>Seconds; 0 when nothing was counted.</summary>
    public double Quantile(double share)
    {
        if (Count <= 0)
            return 0;
        var left = share * Count;
        var last = 0;
        for (var i = 0; i < Buckets; i++)
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
