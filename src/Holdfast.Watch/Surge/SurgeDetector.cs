namespace Holdfast.Watch.Surge;

/// <summary>Finds when the counts of one series leave their mean: reports of one service in one region, failures.
/// </summary>
/// <remarks>
/// Guards against hearing of an outage late, and against crying wolf over noise, daily and weekly swings and growth.
/// Formulas: the mean is <see cref="SeasonalMean"/>'s, α and the inflation are <see cref="Dispersion"/>'s. Each bin
/// adds the log likelihood ratio of a negative binomial of mean <see cref="SurgeOptions.Ratio"/> × μ against one of μ,
/// over the inflation, to evidence that never falls below nothing (Page's CUSUM with a negative binomial, Höhle and
/// Paul 2008, "Count data regression charts for the monitoring of surveillance time series"). Enough evidence is an
/// alarm. Where less than one is expected a bin, three bins' deviance residual is one too. Until days of its kind were
/// seen, μ counts up to twice. What is learnt is winsorised at 3 standard deviations, and nothing is learnt in an
/// alarm. An alarm ends by the same test turned round; one longer than <see cref="SurgeOptions.AlarmMax"/> is the new
/// normal. One bin shorter than 15 minutes gives at most 0.6 of an alarm; each alarm that was over within six bins
/// lets the next need as much evidence more (half-life a week, up to 6 times): a series of spikes is known as one, and
/// a long outage costs nothing. Measured thresholds and delays: docs/reference/replay.md.
/// Known to do badly: a slow rise, over days, is learnt and not found; a multiple below half the ratio neither; a
/// single high bin in a series with single high bins. O(1) a bin; state of about 6 KiB a series. Not for use by two
/// threads.
/// </remarks>
public sealed class SurgeDetector
{
    private const double WinsorDeviations = 3;
    private const int ResidualBins = 3;
    private const int SpikeBins = 6;
    private const double SpikeFactorMax = 6;
    private const double LoneBinShare = 0.6;
    private static readonly TimeSpan s_loneBin = TimeSpan.FromMinutes(15);
    private const int GapBinsMax = 12;
    private static readonly TimeSpan s_thresholdBin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromHours(1);
    private const int WarmUpBinsMin = 8;
    private readonly TimeSpan _bin;
    private readonly SurgeOptions _options;
    private readonly SeasonalMean _mean;
    private readonly Dispersion _dispersion;
    private readonly EvidenceTest _up;
    private readonly EvidenceTest _down;
    private readonly double _alarmNatsBase;
    private readonly double _spikeDecay;
    private double _spikes;
    private readonly Queue<(double Count, double Mean)> _recent = new();
    private readonly List<(DateTime Time, double Count)> _first = [];
    private readonly int _warmUpBins;
    private bool _isWarm;
    private DateTime? _last;
    private OpenAlarm? _open;

    public SurgeDetector(TimeSpan bin, SurgeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bin, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bin, TimeSpan.FromHours(1));
        _bin = bin;
        _options = options;
        _mean = new SeasonalMean(bin, options);
        _dispersion = new Dispersion(bin);
        _up = new EvidenceTest(options.Ratio);
        _down = new EvidenceTest(1 / options.Ratio);
        _spikeDecay = Math.Pow(0.5, bin.TotalDays / 7);
        _alarmNatsBase = options.AlarmNats + Math.Max(0, Math.Log(s_thresholdBin / bin));
        _warmUpBins = (int)Math.Max(WarmUpBinsMin, Math.Ceiling(s_warmUp / bin));
    }

    /// <summary>Alarms that ended, in the order they ended; the caller takes them out.</summary>
    public Queue<SurgeAlarm> Ended { get; } = new();

    /// <summary>The alarm that is on, as it stands now.</summary>
    public SurgeAlarm? Open => _open is { IsWatched: true } open ? open.Tell(null, SurgeEnd.Open) : null;

    /// <summary>Judges the next bin. Bins come in order; one that is left out is unknown, not zero.</summary>
    public SurgeScore Observe(DateTimeOffset binStart, double count)
    {
        var time = binStart.UtcDateTime;
        if (_last is { } last)
        {
            if (time <= last)
                throw new ArgumentException("bins must come in order", nameof(binStart));
            if (time - last > GapBinsMax * _bin)
                BreakOff(last + _bin, time);
        }
        _last = time;
        _mean.MoveTo(time);
        return _isWarm ? Judge(time, count) : WarmUp(time, count);
    }

    /// <summary>What raises an alarm now: more where alarms were over at once.</summary>
    private double AlarmNats => _alarmNatsBase * Math.Min(SpikeFactorMax, 1 + _options.SpikeGrowth * _spikes);

    private SurgeScore WarmUp(DateTime time, double count)
    {
        _first.Add((time, count));
        if (_first.Count == _warmUpBins)
        {
            // One outage at the very start must not be the level: what is far above the median counts as less.
            var sorted = _first.Select(f => f.Count).Order().ToList();
            var high = 3 * sorted[sorted.Count / 2] + 3;
            var mean = sorted.Average(c => Math.Min(c, high));
            _mean.Begin(mean, _first.Count);
            foreach (var (at, seen) in _first)
            {
                _mean.MoveTo(at);
                _mean.Learn(Math.Min(seen, high));
                _dispersion.Learn(seen, Math.Max(mean, 1e-9), 0.25);
            }
            _first.Clear();
            _isWarm = true;
        }
        return new(At(time), count, double.NaN, 0, 0, SurgeState.Learning);
    }

    private SurgeScore Judge(DateTime time, double count)
    {
        _spikes *= _spikeDecay;
        var mean = _mean.Mean;
        var novelty = _mean.Novelty;
        var alpha = _dispersion.Alpha(mean);
        var inflation = _dispersion.Inflation;
        // One bin shorter than a quarter of an hour is no outage, however high.
        var most = _bin < s_loneBin ? LoneBinShare * AlarmNats : double.MaxValue;
        var up = _up.Add(time, count, mean, mean * novelty, alpha, inflation, most);
        var down = _down.Add(time, count, mean, mean / novelty, alpha, inflation, most);
        var residual = Residual(count, mean * novelty, alpha);
        if (_open is { } open)
            Continue(open, time, count, mean, open.IsUp ? up : down);
        else if (!TryRaise(time, residual))
            Learn(count, mean, novelty, alpha);
        _up.Bound(2 * AlarmNats);
        _down.Bound(2 * AlarmNats);
        return Score(time, count, mean, residual);
    }

    private SurgeScore Score(DateTime time, double count, double mean, double residual)
    {
        var nats = _options.Direction switch
        {
            SurgeDirection.Up => _up.Nats,
            SurgeDirection.Down => _down.Nats,
            _ => Math.Max(_up.Nats, _down.Nats),
        };
        var score = nats / AlarmNats;
        if (_options.Direction != SurgeDirection.Down)
            score = Math.Max(score, residual / _options.ResidualAlarm);
        var state = _open is { IsWatched: true } ? SurgeState.Alarm
            : nats >= _options.WarnNats ? SurgeState.Warning : SurgeState.Normal;
        return new(At(time), count, mean, nats, score, state);
    }

    /// <summary>Of the last three bins together; 0 where more than one is expected a bin.</summary>
    private double Residual(double count, double mean, double alpha)
    {
        _recent.Enqueue((count, mean));
        if (_recent.Count > ResidualBins)
            _recent.Dequeue();
        var expected = _recent.Sum(r => r.Mean);
        var observed = _recent.Sum(r => r.Count);
        return mean >= 1 || observed < _options.CountMin ? 0
            : Math.Max(0, NegativeBinomial.Residual(observed, expected, alpha));
    }

    private bool TryRaise(DateTime time, double residual)
    {
        if (residual >= _options.ResidualAlarm || (_up.Nats >= AlarmNats && _up.Observed >= _options.CountMin))
            Raise(_up, time);
        else if (_down.Nats >= AlarmNats)
            Raise(_down, time);
        return _open is not null;
    }

    private void Raise(EvidenceTest test, DateTime time)
    {
        var isWatched = _options.Direction == SurgeDirection.Both
            || test.IsUp == (_options.Direction == SurgeDirection.Up);
        // By the residual alone the test may have begun with this bin; the counts then are this bin's.
        _open = new OpenAlarm(test.Nats > 0 ? test.Start : time, time + _bin, test.IsUp, isWatched)
        {
            Observed = test.Observed, Expected = test.Expected, Nats = test.Nats,
        };
        _dispersion.BreakBlock();
    }

    private void Continue(OpenAlarm open, DateTime time, double count, double mean, double nats)
    {
        open.Add(time, count, mean, -nats, open.IsUp ? _up.Nats : _down.Nats);
        if (open.BackNats >= _options.ClearNats)
        {
            if (open.BackSince - open.Start <= SpikeBins * _bin)
                _spikes++;
            Close(open.Tell(open.BackSince, SurgeEnd.Cleared), open.IsWatched);
            return;
        }
        if (time - open.Raised < _options.AlarmMax)
            return;
        _mean.Scale(Math.Clamp(open.Observed / Math.Max(open.Expected, 1e-9), 1e-3, 1e6));
        Close(open.Tell(time + _bin, SurgeEnd.NewNormal), open.IsWatched);
    }

    private void Close(SurgeAlarm ended, bool isWatched)
    {
        if (isWatched)
            Ended.Enqueue(ended);
        _open = null;
        _up.Clear();
        _down.Clear();
        _recent.Clear();
    }

    private void Learn(double count, double mean, double novelty, double alpha)
    {
        var room = novelty * WinsorDeviations * NegativeBinomial.Deviation(mean, alpha);
        _mean.Learn(Math.Clamp(count, Math.Max(0, mean - room), Math.Max(1, mean + room)));
        _dispersion.Learn(count, mean, novelty > 1.5 ? 0.25 : 1);
    }

    /// <summary>After a long gap earlier evidence says nothing of now.</summary>
    private void BreakOff(DateTime stopped, DateTime next)
    {
        _up.Clear();
        _down.Clear();
        _recent.Clear();
        _dispersion.BreakBlock();
        if (_open is { } open && next - stopped > s_warmUp)
            Close(open.Tell(stopped, SurgeEnd.DataStopped), open.IsWatched);
    }

    private static DateTimeOffset At(DateTime time) => new(time, TimeSpan.Zero);

    private sealed class OpenAlarm(DateTime start, DateTime raised, bool isUp, bool isWatched)
    {
        private double _backObserved;
        private double _backExpected;

        public bool IsUp => isUp;
        public bool IsWatched => isWatched;
        public DateTime Start => start;
        public DateTime Raised => raised;
        public double Observed { get; set; }
        public double Expected { get; set; }
        public double Nats { get; set; }
        public double BackNats { get; private set; }
        public DateTime BackSince { get; private set; }

        public void Add(DateTime time, double count, double mean, double backNats, double nats)
        {
            Observed += count;
            Expected += mean;
            Nats = Math.Max(Nats, nats);
            if (BackNats <= 0)
            {
                BackSince = time;
                _backObserved = 0;
                _backExpected = 0;
            }
            BackNats = Math.Max(0, BackNats + backNats);
            _backObserved += count;
            _backExpected += mean;
        }

        public SurgeAlarm Tell(DateTime? end, SurgeEnd by)
        {
            var (observed, expected) = by == SurgeEnd.Cleared
                ? (Observed - _backObserved, Expected - _backExpected) : (Observed, Expected);
            return new(At(start), At(raised), end is { } at ? At(at) : null, isUp, observed, expected, Nats, by);
        }
    }
}
