namespace Holdfast.Traffic.Spill;

/// <summary>How much traffic from elsewhere a site may be given a second: it grows step by step.</summary>
/// <remarks>
/// Guards against the shift that kills the survivor (22 January 2026; every failover by health check alone).
/// Formula: while what it may be given is used, from 10 % of the site's capacity on, its even part at most where
/// several gateways send, it grows by 5 % a second, at least 5/s, divided among the gateways that are known to do so,
/// up to the capacity, twice as fast while something is refused that can't wait; it stands for three seconds after any
/// sign of overload, and falls by a fifth at each.
/// What is no longer used fades by 2 % of the capacity a second: it was carried lately, so it may come back at once.
/// Defaults: 5 % a second from the design (moving a whole site's load at U takes 16 s).
/// Known to do badly: the first seconds of a whole region's loss wait or shed, by intent.
/// </remarks>
internal struct SpillPace
{
    private const double Step = 0.05;
    private const double StepMin = 5;
    private const double Hurry = 2;
    private const double Fade = 0.02;
    private const double Used = 0.9;
    private const double HalfUsed = 0.5;
    private const double StandSeconds = 3;
    private double _standsUntil;
    private bool _wanted;

    public double PerSecond { get; private set; }

    /// <summary>More was wanted than it may be given.</summary>
    public void Want() => _wanted = true;

    public void Overload(double now)
    {
        if (now < _standsUntil)
            return;
        _standsUntil = now + StandSeconds;
        PerSecond *= 0.8;
    }

    /// <summary>Each control tick.</summary>
    /// <param name="isNeeded">Something is refused meanwhile that can't wait.</param>
    /// <param name="first">What a gateway may begin with: its even part of the site.</param>
    /// <param name="takers">How many gateways take such steps at once.</param>
    public void Tick(double placedPerSecond, double capacity, bool isNeeded, double seconds, double now,
        double first, int takers)
    {
        var step = Math.Max(Step * capacity, StepMin);
        if ((_wanted || placedPerSecond >= Used * PerSecond) && now >= _standsUntil)
            PerSecond += (isNeeded ? Hurry : 1) * step * seconds / takers;
        else if (placedPerSecond < HalfUsed * PerSecond)
            PerSecond -= Fade * capacity * seconds;
        PerSecond = Math.Clamp(PerSecond, Math.Min(Math.Min(2 * step, first), capacity), capacity);
        _wanted = false;
    }
}
