namespace Holdfast.Traffic.Recovery;

/// <summary>When a closed site or target is tried with one message, and that there is one at a time.</summary>
internal sealed class CanarySchedule
{
    private const double Jitter = 0.2;
    private double _wait;
    private double _startedAt;

    /// <summary>Seconds of engine time.</summary>
    public double DueAt { get; private set; }
    public bool InFlight { get; private set; }

    /// <summary>After a closure. A closure that follows a failed recovery keeps the longer wait.</summary>
    public void Begin(TrafficOptions options, double now, Random random)
    {
        InFlight = false;
        var first = options.CanaryWaitMin.TotalSeconds;
        _wait = _wait <= 0 ? first : Math.Min(options.CanaryWaitMax.TotalSeconds, _wait * 2);
        Schedule(now, random);
    }

    /// <summary>Full recovery: the next closure starts with the shortest wait.</summary>
    public void Forget() => _wait = 0;

    public bool IsDue(double now) => !InFlight && now >= DueAt;

    public void Start(double now)
    {
        InFlight = true;
        _startedAt = now;
    }

    /// <summary>Whether something that began at this time can have been the canary in flight.</summary>
    public bool Covers(double startedAt) => InFlight && startedAt >= _startedAt - 1e-6;

    public bool IsLost(TrafficOptions options, double now) =>
        InFlight && now - _startedAt > options.CanaryLostAfter.TotalSeconds;

    public void Fail(TrafficOptions options, double now, Random random)
    {
        InFlight = false;
        _wait = Math.Min(options.CanaryWaitMax.TotalSeconds, _wait * 2);
        Schedule(now, random);
    }

    /// <summary>The canary ended without telling anything of the site (its own recipient was at fault).</summary>
    public void EndUndecided(double now, Random random)
    {
        InFlight = false;
        Schedule(now, random);
    }

    public void Succeed() => InFlight = false;

    /// <summary>A delivery placed before the closure came through: no reason to wait longer.</summary>
    public void Hasten(double now)
    {
        if (!InFlight)
            DueAt = Math.Min(DueAt, now);
    }

    private void Schedule(double now, Random random) =>
        DueAt = now + _wait * (1 - Jitter + 2 * Jitter * random.NextDouble());
}
