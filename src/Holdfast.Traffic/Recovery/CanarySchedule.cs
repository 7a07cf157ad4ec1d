namespace Holdfast.Traffic.Recovery;

/// <summary>When a closed site or target is tried with one message, and that there is one at a time.</summary>
/// <remarks>Guards against retries a message at what is closed, and against a flapping site that is believed each time.
/// Formula: 1, 2, 4, 8, 15 s between canaries, jittered by a fifth; each recovery that failed, from the second on,
/// doubles the first wait from 15 s up to <c>RecoveryWaitMax</c>. Where no other site is open, <c>CanaryWaitMin</c>
/// each time: everything waits for that one answer. A probe that fails meanwhile puts off the request that would be the
/// canary, by <c>CanaryWaitMax</c> in all; a probe that passes may be the canary from <see cref="FreeAt"/> on.
/// Defaults: 1 s from Linkerd's breaker. Known to do badly: a site back at once after a long closure waits up to 15 s
/// while another is open.
/// </remarks>
internal sealed class CanarySchedule
{
    private const double Jitter = 0.2;
    /// <summary>So often, and with something to spare, what is closed is probed.</summary>
    private const double ProbeEvery = 1;
    private const double ProbeWaitMax = 5;
    private double _wait;
    private int _failedRecoveries;
    private double _startedAt;

    /// <summary>Seconds of engine time.</summary>
    public double DueAt { get; private set; }
    /// <summary>When it would be due if no probe failed meanwhile.</summary>
    public double FreeAt { get; private set; }
    public bool InFlight { get; private set; }

    /// <summary>After a closure. A closure that follows a failed recovery keeps the longer wait.</summary>
    public void Begin(TrafficOptions options, double now, Random random)
    {
        InFlight = false;
        var first = options.CanaryWaitMin.TotalSeconds;
        _failedRecoveries = _wait <= 0 ? 0 : Math.Min(_failedRecoveries + 1, 16);
        _wait = _wait <= 0 ? first : Math.Min(options.CanaryWaitMax.TotalSeconds, _wait * 2);
        Schedule(now, random);
        if (_failedRecoveries >= 2)
        {
            var longer = options.CanaryWaitMax.TotalSeconds * (1 << (_failedRecoveries - 2));
            SetDue(now + Math.Min(options.RecoveryWaitMax.TotalSeconds, longer)
                * (1 - Jitter + 2 * Jitter * random.NextDouble()));
        }
    }

    /// <summary>Nothing else is open: a short wait from now, if it would be longer.</summary>
    public void Shorten(TrafficOptions options, double now, Random random)
    {
        var wait = options.CanaryWaitMin.TotalSeconds;
        if (!InFlight && DueAt > now + (1 + Jitter) * wait)
            SetDue(now + wait * (1 - Jitter + 2 * Jitter * random.NextDouble()));
    }

    /// <summary>Full recovery: the next closure starts with the shortest wait.</summary>
    public void Forget()
    {
        _wait = 0;
        _failedRecoveries = 0;
    }

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
            SetDue(Math.Min(DueAt, now));
    }

    /// <summary>A probe failed after <paramref name="took"/> seconds: until the next one a request would fail too.
    /// </summary>
    public void Hold(TrafficOptions options, double now, double took)
    {
        if (!InFlight)
        {
            DueAt = Math.Max(DueAt,
                Math.Min(FreeAt + options.CanaryWaitMax.TotalSeconds, now + Math.Min(ProbeWaitMax, took) + ProbeEvery));
        }
    }

    /// <summary>Whether a passing probe may stand for the canary: it is due, or the request that is it hangs.</summary>
    public bool MayBeProbe(double now) => InFlight ? now - _startedAt > ProbeEvery : now >= FreeAt;

    private void Schedule(double now, Random random) =>
        SetDue(now + _wait * (1 - Jitter + 2 * Jitter * random.NextDouble()));

    private void SetDue(double at) => DueAt = FreeAt = at;
}
