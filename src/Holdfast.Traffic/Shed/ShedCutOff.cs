using System.Runtime.CompilerServices;

namespace Holdfast.Traffic.Shed;

/// <summary>Chooses which requests of a service are refused while more comes than its sites take.</summary>
/// <remarks>
/// Guards against a queue in which everything is served too late (DAGOR, Breakwater: goodput falls to nothing).
/// Formula, each 100 ms: what is admitted a second follows what the sites take. While work stands, which is what stood
/// there throughout the last second (as in CoDel: a burst that is served within it is no reason to refuse anybody) and
/// more than 250 ms of it: A ← A + 0.3 (R (1 − d) − A), R what is released a second, d what works the surplus off in
/// six seconds, at most 0.3. While none stands: at once back to 0.95 of the knee, the R at which work last stood,
/// scaled by what sites may be given since; from there it grows by 4 % a second, half as much more each second (as
/// CUBIC probes beyond its last loss). A share φ = 1 − A / offered is refused: clients that come again raise what is
/// offered, not what is admitted. The cut-off is the φ-quantile, from the least important up, of the last thousand
/// requests' levels.
/// A level is priority × 128 + cohort, so whole cohorts of users are refused and a user is served or not for an hour,
/// instead of everybody a little.
/// Defaults: 6 priorities × 128 cohorts from Uber's Cinnamon; the rest from simulator seeds. Whoever queues takes the
/// newest of a priority first while anything is refused (Facebook's adaptive LIFO).
/// Known to do badly: fewer than about ten requests a second, where the queue's bound does the work.
/// </remarks>
internal sealed class ShedCutOff
{
    public const int Priorities = 6;
    public const int Cohorts = 128;
    private const int Levels = Priorities * Cohorts;
    private const double Recent = 1000;
    private const double QueueSeconds = 0.25;
    private const double QueueMin = 4;
    private const double Smoothing = 0.1;
    private const double Gain = 0.3;
    private const double DrainSeconds = 6;
    private const double DrainShareMax = 0.3;
    private const double NearKnee = 0.95;
    private const double GrowthNear = 0.04;
    private const double GrowthFar = 0.3;
    private const double GrowthSeconds = 2;
    private const double GapRate = 2;
    private const double KneeGrowthMax = 100;
    private const double GrowthMin = 0.01;
    private const double ShareMin = 0.001;
    private const double ShareMax = 0.99;
    private const int StandingTicks = 10;
    private readonly int[] _queuedBefore = new int[StandingTicks];
    private int _tick;
    private readonly double[] _levels = new double[Levels];
    private double _levelsSum;
    private double _weight = 1;
    private double _admitPerSecond;
    private double _releasedPerSecond;
    private double _offeredPerSecond;
    private double _knee;
    private double _kneeCapacity;
    private double _calmSeconds;
    private int _offered;
    private int _released;
    private int _cutOff = Levels;

    /// <summary>Admitted and neither placed nor withdrawn.</summary>
    public int Queued { get; private set; }

    /// <summary>Share of requests that is refused now.</summary>
    public double Share { get; private set; }

    public double OfferedPerSecond => _offeredPerSecond;

    public bool IsShedding => Share > 0;

    /// <summary>The least important level that is still admitted, as priority; 6 when everything is.</summary>
    public int CutOffPriority => _cutOff / Cohorts;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Admit(byte priority, uint cohort)
    {
        var level = Math.Min(priority, (byte)(Priorities - 1)) * Cohorts + (int)(cohort % Cohorts);
        Remember(level);
        _offered++;
        if (level >= _cutOff)
            return false;
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
    /// <param name="capacity">Operations a second that open sites may be given now.</param>
    public void Tick(double seconds, double capacity)
    {
        _offeredPerSecond += Smoothing * (_offered / seconds - _offeredPerSecond);
        _releasedPerSecond += Smoothing * (_released / seconds - _releasedPerSecond);
        _offered = _released = 0;
        var released = _releasedPerSecond;
        var surplus = Standing() - Math.Max(QueueMin, released * QueueSeconds);
        if (surplus > 0)
        {
            var drain = Math.Min(DrainShareMax, surplus / Math.Max(1, released * DrainSeconds));
            var target = released * (1 - drain);
            _admitPerSecond = IsShedding ? _admitPerSecond + Gain * (target - _admitPerSecond)
                : Math.Min(_offeredPerSecond, target);
            _knee = released;
            _kneeCapacity = capacity;
            _calmSeconds = 0;
        }
        else if (IsShedding)
        {
            _calmSeconds += seconds;
            // What sites may be given by now, if they come back or were opened meanwhile.
            var knee = _knee * Math.Clamp(capacity / Math.Max(_kneeCapacity, 1e-3), 1, KneeGrowthMax);
            var gap = NearKnee * knee - _admitPerSecond;
            var growth = Math.Min(GrowthFar, GrowthNear * (1 + _calmSeconds / GrowthSeconds)) * _admitPerSecond;
            _admitPerSecond += seconds * (Math.Max(gap * GapRate, growth) + GrowthMin * _offeredPerSecond);
        }
        else
        {
            return;
        }
        Share = _offeredPerSecond <= 0 ? 0 : Math.Clamp(1 - _admitPerSecond / _offeredPerSecond, 0, ShareMax);
        if (Share < ShareMin)
            Share = 0;
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
