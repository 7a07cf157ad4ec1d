namespace Holdfast.Traffic.Limits;

/// <summary>What a site may be given a second: as declared, or as proven by traffic.</summary>
/// <remarks>
/// Guards against filling a site to a capacity that is written down and no longer there, and against shifting onto a
/// site more than it ever carried.
/// Formula: declared and not contradicted: the declaration. Else what it was given well, growing by max(2 %, 5/s) a
/// second while nine tenths are used, nothing is pushed back and latency is flat; a home site that was never pushed
/// back grows by <c>CapacityGrowth</c> instead. Where several gateways send, each takes its part of the start and of
/// the step away from home, since none knows what the others explore; what they found they share (see the engine's
/// gateways). Overload halves what lies beyond the goodput of that second. Proven is the best second-goodput of the
/// last 24 h. A declaration that was contradicted is explored towards again.
/// Defaults: 24 h and the exploring step from the design; the start is <c>CapacityInitial</c>.
/// Known to do badly: capacity that falls without push-back or latency (only the limits see that).
/// </remarks>
internal sealed class SiteCapacity
{
    /// <summary>How long after an overload an undeclared capacity counts as known rather than still growing.</summary>
    private const double KnownSeconds = 60;
    private const double Used = 0.8;
    private const double OverloadShare = 0.02;
    private const double ExploreMin = 5;
    private const int Hours = 24;
    private const double SecondsAnHour = 3600;
    private readonly bool _isHome;
    private readonly double[] _best = new double[Hours];
    private TrafficOptions _options;
    private double? _declared;
    private double _allowed;
    private double _overloadedAt = double.NegativeInfinity;
    private double _at;
    private int _hour;
    private int _pushBacks;
    private int _done;
    private int _doneBefore;
    private bool _everOverloaded;

    /// <param name="isHome">What comes here is not shifted: no other gateway need be thought of.</param>
    public SiteCapacity(double? declared, bool isHome, TrafficOptions options)
    {
        _options = options;
        _declared = declared;
        _isHome = isHome;
        _allowed = declared ?? Initial;
    }

    private double Initial => _options.CapacityInitial / (_isHome ? 1 : _options.Gateways);

    public double PerSecond => _allowed;

    /// <summary>Best goodput in 24 h, or what was declared and never contradicted.</summary>
    public double Proven
    {
        get
        {
            var best = _declared is { } declared && _allowed >= declared ? declared : 0;
            foreach (var hour in _best)
                best = Math.Max(best, hour);
            return best;
        }
    }

    public double? Declared
    {
        get => _declared;
        set
        {
            if (value == _declared)
                return;
            _declared = value;
            _allowed = value ?? Math.Max(Proven, Initial);
        }
    }

    /// <summary>In the last window more than a few were pushed back, be it by load or because the site fails.</summary>
    public bool WasPushedBack { get; private set; }

    /// <summary>What was done well a second, the better of the last two windows.</summary>
    public double GoodPerSecond { get; private set; }

    /// <summary>A home of which nothing is known but that it takes what it gets: what can't wait isn't held to <see
    /// cref="PerSecond"/>.</summary>
    public bool IsOpen => _isHome && _declared is null && !_everOverloaded;

    public void Apply(TrafficOptions options) => _options = options;

    /// <summary>False while an undeclared capacity still grows: its limit is ours, not the site's, and no reason to
    /// leave home.</summary>
    public bool IsKnown(double now) => _declared is not null || IsOverloaded(now, KnownSeconds);

    public bool IsOverloaded(double now, double seconds) => now - _overloadedAt < seconds;

    /// <summary>The site closed: what this second pushed back was the failure that closed it, not load, and teaches
    /// nothing of its capacity.</summary>
    public void Close() => _done = _doneBefore = _pushBacks = 0;

    /// <summary>The site has shown less than was hoped for.</summary>
    public bool IsContradicted => _everOverloaded && (_declared is not { } declared || _allowed < declared);

    /// <summary>Where several gateways share the site: its part of what they found together.</summary>
    public void Approach(double perSecond) => _allowed = Math.Min(perSecond, _declared ?? double.MaxValue);

    public void PushBack() => _pushBacks++;

    public void Done() => _done++;

    /// <summary>Once a second.</summary>
    /// <param name="isFlat">No target's latency has risen and nothing is under suspicion.</param>
    /// <param name="isNeeded">Something that can't wait is refused meanwhile.</param>
    public void EndWindow(double placedPerSecond, bool isFlat, bool isNeeded, double now)
    {
        var elapsed = Math.Clamp(now - _at, 0, 2);
        _at = now;
        var hour = (int)(now / SecondsAnHour % Hours);
        if (hour != _hour)
        {
            _hour = hour;
            _best[hour] = 0;
        }
        // Two seconds, so that one second's burst proves nothing.
        var goodput = elapsed > 0 ? (_done + _doneBefore) / 2.0 / Math.Max(elapsed, 0.5) : 0;
        WasPushedBack = _pushBacks > 0 && _pushBacks >= OverloadShare * (_done + _pushBacks);
        GoodPerSecond = Math.Max(_done, _doneBefore) / Math.Max(elapsed, 0.5);
        if (_pushBacks == 0 && isFlat)
        {
            _best[hour] = Math.Max(_best[hour], goodput);
            if (IsOpen)
                _allowed = Math.Max(_allowed, goodput);
        }
        // Where most is pushed back it isn't load that is wrong, and the verdicts see to that.
        if (WasPushedBack && _pushBacks <= _done)
            Overload(goodput, now);
        else if (placedPerSecond >= Used * _allowed && isFlat)
            Grow(isNeeded, elapsed);
        _doneBefore = _done;
        _done = _pushBacks = 0;
    }

    private void Overload(double goodput, double now)
    {
        _overloadedAt = now;
        _everOverloaded = true;
        var floor = Math.Max(goodput, Math.Min(_declared ?? double.MaxValue, Initial) / 10);
        if (_allowed > floor)
            _allowed = floor + (_allowed - floor) / 2;
    }

    private void Grow(bool isNeeded, double elapsed)
    {
        if (_declared is { } declared && _allowed >= declared)
            return;
        var least = _isHome ? ExploreMin : ExploreMin / _options.Gateways;
        var step = _everOverloaded || _declared is not null || !_isHome ? Math.Max(0.02 * _allowed, least)
            : (isNeeded ? Math.Max(1, _options.CapacityGrowth) : _options.CapacityGrowth) * _allowed;
        _allowed = Math.Min(_declared ?? 1_000_000, _allowed + step * elapsed);
    }
}
