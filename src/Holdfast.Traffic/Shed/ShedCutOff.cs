namespace Holdfast.Traffic.Shed;

/// <summary>Chooses which requests of a service are refused while more comes than its sites take.</summary>
/// <remarks>
/// Guards against a queue in which everything is served too late (DAGOR, Breakwater: goodput falls to nothing).
/// Formula, each 100 ms: e = (arrivals + max(0, Q − Q*) − released) / max(released, 1); a PI controller moves the share
/// φ to refuse. Q is what stood there throughout the last second, as in CoDel: a burst that is served within that
/// second is no reason to refuse anybody. φ falls by 5 points and a sixth of
/// what is admitted a second when nothing stands. The cut-off is the φ-quantile, from the least important up, of the
/// last thousand requests' levels.
/// A level is priority × 128 + cohort, so whole cohorts of users are refused and a user is served or not for an hour,
/// instead of everybody a little.
/// Defaults: 6 priorities × 128 cohorts and Kp 0.1, Ki 0.3/s from Uber's Cinnamon; Q* is 50 ms of work.
/// Known to do badly: fewer than about ten requests a second, where the queue's bound does the work.
/// </remarks>
internal sealed class ShedCutOff
{
    public const int Priorities = 6;
    public const int Cohorts = 128;
    private const int Levels = Priorities * Cohorts;
    private const double Recent = 1000;
    private const double Proportional = 0.1;
    private const double IntegralPerSecond = 0.3;
    private const double QueueSeconds = 0.05;
    private const double QueueMin = 4;
    private const double ErrorMax = 2;
    private const double Smoothing = 0.1;
    private const double GiveBack = 0.05;
    private const double GiveBackShare = 0.15;
    private const double KeptShare = 0.7;
    private const int StandingTicks = 10;
    private readonly int[] _queuedBefore = new int[StandingTicks];
    private int _tick;
    private readonly double[] _levels = new double[Levels];
    private double _levelsSum;
    private double _weight = 1;
    private double _integral;
    private double _releasedPerTick;
    private double _offeredPerTick;
    private int _offered;
    private int _arrivals;
    private int _released;
    private int _cutOff = Levels;

    /// <summary>Admitted and neither placed nor withdrawn.</summary>
    public int Queued { get; private set; }

    /// <summary>Share of requests that is refused now.</summary>
    public double Share { get; private set; }

    public bool IsShedding => Share > 0;

    /// <summary>The least important level that is still admitted, as priority; 6 when everything is.</summary>
    public int CutOffPriority => _cutOff / Cohorts;

    public bool Admit(byte priority, uint cohort)
    {
        var level = Math.Min(priority, (byte)(Priorities - 1)) * Cohorts + (int)(cohort % Cohorts);
        Remember(level);
        _offered++;
        if (level >= _cutOff)
            return false;
        _arrivals++;
        Queued++;
        return true;
    }

    public void Withdraw() => Queued = Math.Max(0, Queued - 1);

    public void Release()
    {
        _released++;
        Queued = Math.Max(0, Queued - 1);
    }

    /// <summary>Once a tick.</summary>
    public void Tick(double seconds)
    {
        _offeredPerTick += Smoothing * (_offered - _offeredPerTick);
        _releasedPerTick += Smoothing * (_released - _releasedPerTick);
        var released = Math.Max(_released, _releasedPerTick);
        var allowed = Math.Max(QueueMin, released / Math.Max(seconds, 0.01) * QueueSeconds);
        var surplus = Math.Max(0, Standing() - allowed);
        if (surplus > 0)
        {
            var error = Math.Clamp((_arrivals + surplus - released) / Math.Max(released, 1), 0, ErrorMax);
            _integral += IntegralPerSecond * error * seconds;
            Share = _integral + Proportional * error;
        }
        else if (Share > 0)
        {
            // Nothing waits: a sixth more of what is admitted a second, and a little where that is nothing.
            _integral -= seconds * (GiveBack + GiveBackShare * (1 - _integral));
            Share = _integral;
        }
        // Never much less than what is taken off the queue anyhow.
        var most = _offeredPerTick > 0 ? 1 - KeptShare * Math.Min(1, _releasedPerTick / _offeredPerTick) : 1;
        _integral = Math.Clamp(_integral, 0, most);
        Share = Math.Clamp(Share, 0, Math.Min(0.99, most));
        if (Share < 0.001)
            Share = 0;
        _arrivals = _released = _offered = 0;
        _cutOff = Share > 0 ? Quantile(Share) : Levels;
    }

    private int Standing()
    {
        _queuedBefore[_tick] = Queued;
        _tick = (_tick + 1) % StandingTicks;
        var least = int.MaxValue;
        foreach (var queued in _queuedBefore)
            least = Math.Min(least, queued);
        return least;
    }

    /// <summary>Older requests fade by the weight of newer ones growing: no pass over the levels per request.</summary>
    private void Remember(int level)
    {
        _weight *= 1 + 1 / Recent;
        _levels[level] += _weight;
        _levelsSum += _weight;
        if (_weight < 1e12)
            return;
        for (var i = 0; i < Levels; i++)
            _levels[i] /= _weight;
        _levelsSum /= _weight;
        _weight = 1;
    }

    private int Quantile(double share)
    {
        var left = share * _levelsSum;
        for (var level = Levels - 1; level > 0; level--)
        {
            left -= _levels[level];
            // Half a cohort's share: refusing or sparing it are equally wrong.
            if (left < -_levels[level] / 2)
                return level + 1;
        }
        return 1;
    }
}
