namespace Holdfast.Traffic.Spill;

/// <summary>How much traffic from elsewhere a site may be given a second: it grows step by step.</summary>
/// <remarks>
/// Guards against the shift that kills the survivor (22 January 2026; every failover by health check alone).
/// Formula: while what it may be given is used, from 10 % of the site's capacity on, its even part at most where
/// several gateways send, it grows by 5 % a second, at least 5/s, divided among the gateways that are known to do so,
/// up to the capacity, twice as fast while something is refused that can't wait; it stands for three seconds after any
/// sign of overload, and falls by a fifth at each.
/// What is no longer used fades by 2 % of the capacity a second: it was carried lately, so it may come back at once.
/// While no nearer site is open it is at once 80 % of what is known to fit (declared or proven, not what exploring
/// hopes for): where the choice is to use the reserve or to refuse, there is nothing to be careful for. A sign of
/// overload suspends that for 30 s, and what was not reached by steps falls to what was done well: the survivor said
/// what it takes, and steps go on from there.
/// Defaults: 5 % a second from the design (moving a whole site's load at U takes 16 s).
/// Known to do badly: the first seconds of a whole region's loss wait or shed where nothing is declared or proven, by
/// intent.
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
    private const double KnownShare = 0.8;
    private const double DoubtSeconds = 30;
    private double _standsUntil;
    private double _doubtedUntil;
    private bool _wanted;
    private bool _hasLeapt;

    public double PerSecond { get; private set; }

    /// <summary>More was wanted than it may be given.</summary>
    public void Want() => _wanted = true;

    /// <param name="goodPerSecond">What the site did well meanwhile.</param>
    public void Overload(double goodPerSecond, double now)
    {
        _doubtedUntil = now + DoubtSeconds;
        if (now < _standsUntil)
            return;
        _standsUntil = now + StandSeconds;
        PerSecond = _hasLeapt ? Math.Min(PerSecond, goodPerSecond) : 0.8 * PerSecond;
        _hasLeapt = false;
    }

    /// <summary>Each control tick.</summary>
    /// <param name="isNeeded">Something is refused meanwhile that can't wait.</param>
    /// <param name="first">What a gateway may begin with: its even part of the site.</param>
    /// <param name="takers">How many gateways take such steps at once.</param>
    /// <param name="known">What is known to fit while no nearer site is open; 0: one is.</param>
    public void Tick(double placedPerSecond, double capacity, bool isNeeded, double seconds, double now,
        double first, int takers, double known)
    {
        var step = Math.Max(Step * capacity, StepMin);
        if ((_wanted || placedPerSecond >= Used * PerSecond) && now >= _standsUntil)
            PerSecond += (isNeeded ? Hurry : 1) * step * seconds / takers;
        else if (placedPerSecond < HalfUsed * PerSecond)
            PerSecond -= Fade * capacity * seconds;
        var least = Math.Min(Math.Min(2 * step, first), capacity);
        var leap = Math.Min(KnownShare * known, capacity);
        if (now >= _doubtedUntil && leap > Math.Max(least, PerSecond))
        {
            least = leap;
            _hasLeapt = true;
        }
        PerSecond = Math.Clamp(PerSecond, least, capacity);
        _wanted = false;
    }
}
