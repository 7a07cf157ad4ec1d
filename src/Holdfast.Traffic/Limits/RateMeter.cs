using System.Runtime.CompilerServices;

namespace Holdfast.Traffic.Limits;

/// <summary>Events a second over the last ten seconds, in ten one-second bins.</summary>
internal struct RateMeter
{
    private const int Bins = 10;
    private BinCounts _bins;
    private long _second;
    /// <summary>And one; 0: nothing was counted yet.</summary>
    private long _firstSecond;
    private int _sum;

    [InlineArray(Bins)]
    private struct BinCounts
    {
        private int _first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Count(double now)
    {
        if ((long)now > _second)
            Advance(now);
        if (_firstSecond == 0)
            _firstSecond = _second + 1;
        _bins[(int)(_second % Bins)]++;
        _sum++;
    }

    /// <summary>Events a second; while younger than ten seconds, over the time since the first event.</summary>
    public double PerSecond(double now)
    {
        Advance(now);
        if (_sum == 0)
            return 0;
        var seconds = Math.Clamp(now - (_firstSecond - 1), 1, Bins);
        return _sum / seconds;
    }

    private void Advance(double now)
    {
        var second = Math.Max((long)now, _second);
        if (second - _second >= Bins)
        {
            _bins = default;
            _sum = 0;
            if (second - _second >= 6 * Bins)
                _firstSecond = 0;
            _second = second;
            return;
        }
        while (_second < second)
        {
            _second++;
            ref var bin = ref _bins[(int)(_second % Bins)];
            _sum -= bin;
            bin = 0;
        }
    }
}

/// <summary>A rate smoothed over about a second, cheap enough for every operation.</summary>
/// <remarks>The decay is linear in the gap, not exponential: same bits on every platform.</remarks>
internal struct SmoothRate
{
    private double _rate;
    private double _at;

    public void Count(double now)
    {
        Decay(now);
        _rate += 1;
    }

    public double PerSecond(double now)
    {
        Decay(now);
        return _rate;
    }

    private void Decay(double now)
    {
        if (now <= _at)
            return;
        _rate *= Math.Max(0, 1 - (now - _at));
        _at = now;
    }
}
