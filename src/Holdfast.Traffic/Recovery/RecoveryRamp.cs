namespace Holdfast.Traffic.Recovery;

/// <summary>How much a site or target gets while it comes back.</summary>
/// <remarks>From a hundredth of its capacity by half as much again each step that saw success and no failure. A failure
/// halves it and rests; another one in that rest, or one at the lowest rate, closes again.</remarks>
internal sealed class RecoveryRamp
{
    private const double SlowPerSecond = 10;
    private const int SlowSuccesses = 5;
    private double _rate;
    private double _floor;
    private double _stepAt;
    private double _holdUntil;
    private int _successesInStep;
    private int _successesInRow;

    /// <summary>Operations a second.</summary>
    public double Rate => _rate;

    public void Begin(TrafficOptions options, double capacity, double now)
    {
        _floor = Math.Min(capacity, Math.Max(1, options.RampShare * capacity));
        _rate = _floor;
        _stepAt = now + options.RampStep.TotalSeconds;
        _holdUntil = now;
        _successesInStep = 0;
        _successesInRow = 0;
    }

    public void Succeed()
    {
        _successesInStep++;
        _successesInRow++;
    }

    /// <summary>Returns true when the site must close again.</summary>
    public bool Fail(TrafficOptions options, double now)
    {
        var closes = now < _holdUntil || _rate <= _floor;
        _successesInRow = 0;
        _successesInStep = 0;
        _rate = Math.Max(_floor, _rate / 2);
        _holdUntil = now + options.RampHold.TotalSeconds;
        _stepAt = _holdUntil;
        return closes;
    }

    /// <summary>Returns true when the full capacity is reached.</summary>
    public bool Tick(TrafficOptions options, double capacity, double now)
    {
        // Slow sites prove themselves by a row, since a rate says little there.
        if (capacity < SlowPerSecond && _successesInRow >= SlowSuccesses)
            return true;
        if (now < _stepAt)
            return false;
        _stepAt = now + options.RampStep.TotalSeconds;
        if (_successesInStep == 0)
            return false;
        _successesInStep = 0;
        _rate *= options.RampFactor;
        return _rate >= capacity;
    }
}
