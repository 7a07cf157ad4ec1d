namespace Holdfast.Traffic.Limits;

/// <summary>What a site may be given a second: as declared, or as proven by traffic.</summary>
internal sealed class SiteCapacity
{
    /// <summary>How long after a push-back an undeclared capacity counts as known rather than still growing.</summary>
    private const double KnownSeconds = 60;
    private const double Used = 0.8;
    private TrafficOptions _options;
    private double? _declared;
    private double _proven;
    private double _pushedBackAt = double.NegativeInfinity;
    private double _grownAt;
    private bool _pushBack;
    private bool _everPushedBack;

    public SiteCapacity(double? declared, TrafficOptions options)
    {
        _options = options;
        _declared = declared;
        _proven = options.CapacityInitial;
    }

    public double PerSecond => _declared ?? _proven;
    public double? Declared { get => _declared; set => _declared = value; }

    public void Apply(TrafficOptions options) => _options = options;

    /// <summary>False while an undeclared capacity still grows: its limit is ours, not the site's, and no reason to
    /// leave home.</summary>
    public bool IsKnown(double now) => _declared is not null || now - _pushedBackAt < KnownSeconds;

    public void PushBack(double now)
    {
        _pushBack = true;
        _pushedBackAt = now;
    }

    /// <summary>Once a second.</summary>
    public void EndWindow(double placedPerSecond, double now)
    {
        var elapsed = Math.Clamp(now - _grownAt, 0, 2);
        _grownAt = now;
        if (_declared is not null)
            return;
        if (_pushBack)
        {
            _proven = Math.Max(_options.CapacityInitial / 10, _proven / 2);
            _everPushedBack = true;
        }
        else if (placedPerSecond >= Used * _proven)
        {
            var step = _everPushedBack ? Math.Max(0.02 * _proven, 5) : _options.CapacityGrowth * _proven;
            _proven = Math.Min(1_000_000, _proven + step * elapsed);
        }
        _pushBack = false;
    }
}
