namespace Holdfast.Traffic.Limits;

/// <summary>What a target's latency is: a peak-sensitive average for choosing, a median for people.</summary>
internal sealed class LatencyEstimate
{
    private const double DecaySeconds = 10;
    private const int BucketsPerOctave = 4;
    private const double Smallest = 50e-6;
    private readonly int[] _histogram = new int[96];
    private int _count;
    private double _peak;
    private double _at;

    /// <summary>Seconds: rises at once, falls over ten seconds.</summary>
    public double Peak => _peak;

    public void Add(double seconds, double now)
    {
        var weight = Math.Clamp((now - _at) / DecaySeconds, 0.02, 1);
        _at = Math.Max(_at, now);
        _peak = seconds > _peak ? seconds : _peak + weight * (seconds - _peak);
        var bucket = seconds <= Smallest ? 0
            : Math.Min(_histogram.Length - 1, (int)(Math.Log2(seconds / Smallest) * BucketsPerOctave) + 1);
        _histogram[bucket]++;
        if (++_count >= 2000)
            Age();
    }

    public TimeSpan Median
    {
        get
        {
            var left = (_count + 1) / 2;
            for (var i = 0; i < _histogram.Length; i++)
            {
                left -= _histogram[i];
                if (left <= 0 && _count > 0)
                    return TimeSpan.FromSeconds(Smallest * Math.Pow(2, (i - 0.5) / BucketsPerOctave));
            }
            return TimeSpan.Zero;
        }
    }

    private void Age()
    {
        _count = 0;
        for (var i = 0; i < _histogram.Length; i++)
            _count += _histogram[i] >>= 1;
    }
}
