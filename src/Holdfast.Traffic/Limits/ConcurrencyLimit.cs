namespace Holdfast.Traffic.Limits;

/// <summary>How many transactions a target may hold at once.</summary>
/// <remarks>
/// Guards against queues that grow inside a target until everything it answers is too late, and against limiters that
/// probe by pinning concurrency to next to nothing (Envoy's) or whose baseline climbs with the load.
/// Formula, each second with ten answers or more: beyond tolerance, R/B > 1.13 + noise, from what is used at most,
/// L ← max(L · clamp((1 − s) + s · 1.13 · B/R, 0.5, 1), 1.2 × what is done a second × H), s = 0.2, beyond 1.18 + noise
/// 1; B and R the baseline's and the window's latency (the site's until the target has one; over so many windows as
/// make thirty answers), noise 0.6 standard errors of R/B by how widely usual answers scatter, what is done its best
/// of late (it fades by a fifth a second), H how long one holds its slot when nothing holds it up. In between it
/// stands. While latency is flat, R/B < 1.05 + noise, and three quarters are used it grows by a twentieth, half as much
/// more each second, up to √L (CUBIC's caution near the last fall). Within 2 and the configured maximum. Until it
/// has once had to fall it doubles each second in which three quarters are used. It never
/// grows past 2.4 × what is done a second × how long one holds its slot: what stands beyond that is a queue or
/// a burst, and a limit that followed it would let the next pause of ours flood the target. × 0.9 once a window
/// when the target pushed back or left questions unanswered. Full while more in flight brought less
/// done (covariance of windows): × 0.95.
/// Defaults: 0.2 and √L from Netflix's Gradient2; 1.2 as BBR's gain on the bandwidth-delay product; 0.9 from AIMD; the
/// guard from Uber's Cinnamon. Its tolerance of 1.5 kept a standing queue as long as the servers are wide.
/// Known to do badly: latency that varies with the size of the message more than with load.
/// </remarks>
internal struct ConcurrencyLimit
{
    public const int Floor = 2;
    private const double Smoothing = 0.2;
    private const double Tolerance = 1.13;
    private const double FarBeyond = 1.18;
    private const double Flat = 1.05;
    private const double NoiseShare = 0.6;
    private const double BusyShare = 1.2;
    private const double AheadOfDone = 2.4;
    /// <summary>Part of the usual latency that is no queue for sure, where the hold time was learnt short.</summary>
    private const double UsualSure = 0.6;
    private const double BestMemory = 0.8;
    private const double GrowthFirst = 0.05;
    private const double GrowthFactor = 1.5;
    private const double GrowthMin = 0.25;
    private const int KnownWindows = 60;
    private const double GrowthUse = 0.75;
    private const double GuardWeight = 0.1;
    private const int GuardWindowsMin = 20;
    private double _limit;
    private int _inFlight;
    private int _max;
    private int _peakInFlight;
    private int _completed;
    private bool _pushedBack;
    private bool _isShort;
    private int _windowsKnown;
    private int _flat;
    private double _doneBest;
    private int _windows;
    private double _meanInFlight;
    private double _meanDone;
    private double _varianceInFlight;
    private double _varianceDone;
    private double _covariance;

    public ConcurrencyLimit(int initial, int max)
    {
        _max = max;
        _limit = Math.Min(initial, max);
    }

    public readonly int Value => (int)_limit;
    public readonly int InFlight => _inFlight;

    /// <summary>What the target itself has shown to be its limit: the configured one until it pushes back.</summary>
    public readonly int Known => _windowsKnown > 0 ? Value : _max;
    public readonly bool IsKnown => _windowsKnown > 0;

    public readonly double Exact => _limit;

    /// <summary>A limit that the target has shown, and that was used in the last window.</summary>
    public readonly bool IsShort => _isShort && _windowsKnown > 0;

    public readonly bool HasSlot => InFlight < Value;
    public readonly double Use => InFlight / _limit;
    public readonly double PeakUse => _peakInFlight / _limit;

    public void Take()
    {
        _inFlight++;
        _peakInFlight = Math.Max(_peakInFlight, InFlight);
    }

    /// <summary>False when there was nothing to give back: a caller released twice.</summary>
    public bool TryGiveBack()
    {
        if (InFlight == 0)
            return false;
        _inFlight--;
        return true;
    }

    public void PushBack() => _pushedBack = true;

    public void Complete() => _completed++;

    /// <summary>Where several gateways share the target: its part of what they hold together.</summary>
    public void Approach(double limit) => _limit = Math.Clamp(limit, Math.Min(Floor, _max), _max);

    public void SetMax(int max)
    {
        _max = max;
        _limit = Math.Min(_limit, max);
    }

    /// <summary>Ends a window of a second.</summary>
    /// <param name="slowness">R / B; 0: not known.</param>
    /// <param name="usual">The baseline's latency in seconds; 0: not known.</param>
    /// <param name="hold">How long one holds its slot when nothing holds it up, in seconds; 0: not known.</param>
    /// <param name="noise">Standard error of <paramref name="slowness"/> by chance.</param>
    public void EndWindow(double slowness, double usual, double hold, double noise = 0)
    {
        noise *= NoiseShare;
        _doneBest = Math.Max(_completed, _doneBest * BestMemory);
        // The median of the baseline and the mean hold: whichever was learnt in a lull is too low.
        var longer = Math.Max(hold, usual);
        var busy = BusyShare * _doneBest * longer;
        if (_windowsKnown > 0)
            _windowsKnown--;
        // Of what could be taken: whole slots.
        var use = _peakInFlight / (double)Value;
        _isShort = use >= GrowthUse;
        var harms = LearnCovariance() && use >= 0.9;
        if (_pushedBack)
        {
            Fall(Math.Min(_limit * 0.9, Math.Max(busy, _limit * Math.Clamp(Tolerance / slowness, 0.5, 0.9))));
        }
        else if (_completed > 0 && slowness > Tolerance + noise)
        {
            // A limit that isn't reached limits nothing: first down to what is used.
            _limit = Math.Clamp(_peakInFlight, Math.Min(Floor, _max), _limit);
            var gradient = Math.Max(0.5, Tolerance / slowness);
            var smoothing = slowness > FarBeyond + noise ? 1 : Smoothing;
            // What it does a second times what an answer takes when nothing holds it up: below that it would idle.
            Fall(Math.Max((1 - smoothing + smoothing * gradient) * _limit, Math.Min(_limit, busy)));
        }
        else if (harms)
        {
            Fall(_limit * 0.95);
        }
        else if (_completed > 0 && use >= GrowthUse
            && (hold <= 0 || _limit < AheadOfDone * _completed * Math.Max(hold, UsualSure * usual)))
        {
            _limit = Math.Min(_max, _limit + (_windowsKnown == 0 ? Math.Max(1, _limit)
                : slowness < Flat + noise ? Growth() : 0));
        }
        _pushedBack = false;
        _completed = 0;
        _peakInFlight = InFlight;
    }

    private double Growth() => Math.Min(Math.Sqrt(_limit),
        Math.Max(GrowthMin, _limit * GrowthFirst * Math.Pow(GrowthFactor, _flat++)));

    private void Fall(double to)
    {
        if (to < _limit)
        {
            _windowsKnown = KnownWindows;
            _flat = 0;
        }
        _limit = Math.Clamp(to, Math.Min(Floor, _max), _max);
    }

    private bool LearnCovariance()
    {
        var x = _peakInFlight - _meanInFlight;
        var y = _completed - _meanDone;
        _meanInFlight += GuardWeight * x;
        _meanDone += GuardWeight * y;
        _varianceInFlight += GuardWeight * (x * x - _varianceInFlight);
        _varianceDone += GuardWeight * (y * y - _varianceDone);
        _covariance += GuardWeight * (x * y - _covariance);
        _windows = Math.Min(_windows + 1, GuardWindowsMin);
        // Half and half is what chance does to a steady target; only a clear relation counts.
        return _windows >= GuardWindowsMin && _varianceInFlight > 1 && _covariance < 0
            && _covariance * _covariance > 0.25 * _varianceInFlight * _varianceDone;
    }
}
