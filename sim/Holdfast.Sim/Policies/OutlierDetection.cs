namespace Holdfast.Sim.Policies;

/// <summary>Envoy's outlier detection for the hosts of one cluster, with its defaults; see <see cref="EnvoyPolicy"/>.
/// </summary>
internal sealed class OutlierDetection(ServicePool pool, int targets)
{
    private const int ConsecutiveMax = 5;
    private const double EjectedShareMax = 0.1;
    private const int HostsMin = 5;
    private const int VolumeMin = 100;
    private const double Deviations = 1.9;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BaseTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(300);
    private readonly Host[] _hosts = new Host[targets];
    private int _ejected;
    private TimeSpan _sweepAt = Interval;

    private struct Host
    {
        public bool IsEjected;
        public TimeSpan Since;
        /// <summary>Multiplier of the ejection time; falls by one in each sweep that finds the host in.</summary>
        public int Times;
        public int FailuresInRow;
        public int Requests;
        public int Successes;
    }

    public bool IsEjected(int target) => _hosts[target].IsEjected;

    public void Report(int target, bool failed, TimeSpan now)
    {
        ref var host = ref _hosts[target];
        host.Requests++;
        if (!failed)
        {
            host.Successes++;
            host.FailuresInRow = 0;
            return;
        }
        if (++host.FailuresInRow < ConsecutiveMax)
            return;
        host.FailuresInRow = 0;
        Eject(target, now);
    }

    public void Tick(TimeSpan now)
    {
        while (now >= _sweepAt)
        {
            Sweep(now);
            _sweepAt += Interval;
        }
    }

    private void Sweep(TimeSpan now)
    {
        foreach (var target in pool.All)
        {
            ref var host = ref _hosts[target];
            if (!host.IsEjected)
            {
                host.Times = Math.Max(0, host.Times - 1);
                continue;
            }
            var time = BaseTime * Math.Max(1, host.Times);
            if (now - host.Since < (time < MaxTime ? time : MaxTime))
                continue;
            host.IsEjected = false;
            host.FailuresInRow = 0;
            _ejected--;
        }
        EjectBySuccessRate(now);
        foreach (var target in pool.All)
            _hosts[target].Requests = _hosts[target].Successes = 0;
    }

    private void EjectBySuccessRate(TimeSpan now)
    {
        var rates = new List<double>(pool.All.Length);
        foreach (var target in pool.All)
        {
            if (IsJudged(target))
                rates.Add(Rate(target));
        }
        if (rates.Count < HostsMin)
            return;
        var mean = rates.Average();
        var variance = rates.Sum(r => (r - mean) * (r - mean)) / rates.Count;
        var threshold = mean - Deviations * Math.Sqrt(variance);
        foreach (var target in pool.All)
        {
            if (IsJudged(target) && Rate(target) < threshold)
                Eject(target, now);
        }
    }

    private bool IsJudged(int target) => !_hosts[target].IsEjected && _hosts[target].Requests >= VolumeMin;

    private double Rate(int target) => (double)_hosts[target].Successes / _hosts[target].Requests;

    private void Eject(int target, TimeSpan now)
    {
        ref var host = ref _hosts[target];
        if (host.IsEjected || (_ejected > 0 && _ejected >= EjectedShareMax * pool.All.Length))
            return;
        host.IsEjected = true;
        host.Since = now;
        host.Times++;
        _ejected++;
    }
}
