namespace Holdfast.Traffic.Recovery;

/// <summary>How much a site or target gets while it comes back.</summary>
/// <remarks>
/// Guards against the herd that kills what has just come back, and against a ramp that ends because time passed.
/// Formula: from max(1 %, 1/s) of its capacity, 5 % where no other site is open; the first step after 10 s and 50
/// successes (half of what may be sent, if that is less), then half as much again each <c>RampStep</c> that saw
/// success, while the window's p95 ≤ 1.25 × baseline (up to twice it stands still, beyond it counts as failure). While
/// something is refused that has nowhere else to go, each step takes a fifth of <c>RampStep</c>, the first one too, and
/// doubles. Failures that ordinary luck doesn't explain halve it and rest for <c>RampHold</c>; again in that rest, or
/// at the lowest rate, closes. Where less than 10/s is asked for, five successes in a row are the return.
/// Defaults: 1 % to 100 % in about a minute, in a hurry in seven seconds, from 5 % in five, as TCP's slow start
/// (Envoy's has no such test; Google's restart of 2025-06-12 had no ramp at all and took hours).
/// Known to do badly: caches that need longer than a step to warm hold it back; that is intended.
/// </remarks>
internal sealed class RecoveryRamp
{
    private const double SlowPerSecond = 10;
    private const double SlowSeconds = 5;
    private const int SlowSuccesses = 5;
    private const double FirstStepSeconds = 10;
    private const double Hurry = 5;
    private const double HurryFactor = 2;
    private const int FirstStepSuccesses = 50;
    private const double FlatLatency = 1.25;
    private const double BadLatency = 2;
    private const int FewOutcomes = 5;
    private const double FailuresMax = 0.05;
    private double _floor;
    private double _stepFrom;
    private double _holdUntil;
    private int _successesInStep;
    private int _failuresInStep;
    private int _successesInRow;
    private bool _isFirst;
    private double _slowAt;

    /// <summary>Operations a second.</summary>
    public double Rate { get; private set; }

    /// <param name="share">Share of the capacity to begin with.</param>
    /// <param name="least">Share that failures bring it down to.</param>
    public void Begin(double share, double least, double capacity, double now)
    {
        _floor = Math.Min(capacity, Math.Max(1, least * capacity));
        Rate = Math.Max(_floor, Math.Min(capacity, share * capacity));
        _stepFrom = now;
        _slowAt = now + SlowSeconds;
        _holdUntil = now;
        _isFirst = true;
        _successesInStep = _failuresInStep = 0;
        _successesInRow = 0;
    }

    public void Succeed()
    {
        _successesInStep++;
        _successesInRow++;
    }

    /// <summary>Returns true when it must close again.</summary>
    public bool Fail(TrafficOptions options, double now)
    {
        _failuresInStep++;
        _successesInRow = 0;
        var outcomes = _successesInStep + _failuresInStep;
        var isLuck = outcomes >= FewOutcomes
            && (_failuresInStep < 2 || _failuresInStep <= 1 + FailuresMax * outcomes);
        return !isLuck && FallBack(options, now);
    }

    /// <summary>Returns true when the full capacity is reached.</summary>
    /// <param name="asked">What is asked of the site a second.</param>
    /// <param name="slowness">The window's p95 against the baseline's; 0: not known.</param>
    /// <param name="mayStep">False while canaries in use have not passed.</param>
    /// <param name="isNeeded">Something is refused meanwhile that has nowhere else to go.</param>
    public bool Tick(TrafficOptions options, double capacity, double asked, double slowness, bool mayStep,
        bool isNeeded, double now)
    {
        if (!mayStep)
            return false;
        // Slow sites prove themselves by a row, since a rate says little there.
        var isSlow = Math.Min(capacity, asked) < SlowPerSecond;
        if (isSlow && now >= _slowAt && _successesInRow >= SlowSuccesses && slowness <= BadLatency)
        {
            Rate = capacity;
            return true;
        }
        var hurry = isNeeded && now >= _holdUntil ? Hurry : 1;
        var length = _isFirst && hurry <= 1 ? FirstStepSeconds : options.RampStep.TotalSeconds / hurry;
        if (now < Math.Max(_stepFrom + length, _holdUntil))
            return false;
        _stepFrom = now;
        var needed = _isFirst ? Math.Clamp(Rate * length / 2, SlowSuccesses, FirstStepSuccesses) : 1;
        if (_successesInStep < needed || slowness > FlatLatency)
        {
            if (slowness > BadLatency)
                FallBack(options, now);
            return false;
        }
        _isFirst = false;
        _successesInStep = _failuresInStep = 0;
        Rate *= hurry > 1 ? Math.Max(HurryFactor, options.RampFactor) : options.RampFactor;
        return Rate >= capacity;
    }

    private bool FallBack(TrafficOptions options, double now)
    {
        var closes = now < _holdUntil || Rate <= _floor;
        _successesInStep = _failuresInStep = 0;
        Rate = Math.Max(_floor, Rate / 2);
        _holdUntil = now + options.RampHold.TotalSeconds;
        _stepFrom = now;
        return closes;
    }
}
