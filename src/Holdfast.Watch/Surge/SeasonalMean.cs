namespace Holdfast.Watch.Surge;

/// <summary>What is expected in a bin: a slow level times a profile of the week.</summary>
/// <remarks>
/// Guards against taking the morning, a Monday or growth for an outage, and against learning from an outage.
/// Formula: μ = level × profile(hour of week). The level is Σ counts / Σ profile, both forgetting by
/// <see cref="SurgeOptions.LevelHalfLife"/> (in the first day by a third of the age). The profile's 168 cells are
/// counts over a mean that forgets by a week; a cell is shrunk to its hour on weekdays or weekends, that to its hour
/// of any day, and that to 1, each by half a pseudo-visit and 4 pseudo-counts a visit; between the middles of hours it
/// is interpolated. On the first day there is no profile; at its end the level becomes that day's mean.
/// Known to do badly: hours are UTC, so a change to summer time shifts the profile for weeks; holidays are no part of
/// it; peaks within an hour aren't seen; a weekend that isn't Saturday and Sunday takes some weeks longer.
/// </remarks>
internal sealed class SeasonalMean(TimeSpan bin, SurgeOptions options)
{
    private const int HoursADay = 24;
    private const int HoursAWeek = 168;
    private const double VisitsPrior = 0.5;
    private const double CountsPrior = 4;
    /// <summary>How much more may come on a day whose like was never seen, as a share of the mean.</summary>
    private const double NoveltyOnFirst = 1;
    /// <summary>After the first weekend the level is a weekend's.</summary>
    private const double NoveltyInFirstWeek = 0.5;
    private readonly Cell[] _cells = new Cell[HoursAWeek];
    private readonly double _binHours = bin.TotalHours;
    private readonly double _visitDecay = Math.Pow(0.5, 7 / options.ProfileHalfLife.TotalDays);
    private readonly double _slowDecay = Math.Pow(0.5, bin.TotalDays / 7);
    private double _levelSum;
    private double _levelWeight;
    private double _slowSum;
    private double _slowWeight;
    private double _hoursSeen;
    private long _hour = long.MinValue;
    private double _before = 1;
    private double _here = 1;
    private double _after = 1;
    private double _factor = 1;
    private bool _hasProfile;

    /// <summary>Expected count of the bin that <see cref="MoveTo"/> was given.</summary>
    public double Mean => Math.Max(Level * _factor, 1e-9);

    /// <summary>Factor by which the mean may be wrong because no day like this was seen: 2 falling to 1.</summary>
    public double Novelty { get; private set; } = 1 + NoveltyOnFirst;

    /// <summary>Half a count more than was seen, so that silence is never proof of an impossible count.</summary>
    private double Level => (_levelSum + 0.5) / Math.Max(_levelWeight, 1e-9);

    /// <summary>Takes the mean of the warm-up for the level.</summary>
    public void Begin(double mean, int bins)
    {
        _levelSum = mean * bins;
        _levelWeight = bins;
    }

    public void MoveTo(DateTime start)
    {
        var middle = start.Ticks + bin.Ticks / 2;
        var hour = middle / TimeSpan.TicksPerHour;
        if (hour != _hour)
        {
            _hour = hour;
            ref var cell = ref _cells[HourOfWeek(hour)];
            if (cell.LastHour != hour)
            {
                cell = new Cell(cell.Count * _visitDecay, cell.Exposure * _visitDecay, cell.Visits * _visitDecay, hour);
            }
            (_before, _here, _after) = (Profile(hour - 1), Profile(hour), Profile(hour + 1));
            Novelty = 1 + Math.Max(NoveltyOnFirst * Math.Pow(0.25, Alike(hour).Visits),
                NoveltyInFirstWeek * Math.Pow(0.25, cell.Visits));
        }
        var place = (middle % TimeSpan.TicksPerHour) / (double)TimeSpan.TicksPerHour - 0.5;
        _factor = !_hasProfile ? 1
            : Math.Max(0.01, place < 0 ? _here + (_before - _here) * -place : _here + (_after - _here) * place);
    }

    /// <summary>Learns the count of the bin that <see cref="MoveTo"/> was given, already winsorised.</summary>
    public void Learn(double count)
    {
        _hoursSeen += _binHours;
        var halfLife = Math.Min(options.LevelHalfLife.TotalHours, _hasProfile ? double.MaxValue
            : Math.Max(1, _hoursSeen / 3));
        var decay = Math.Pow(0.5, _binHours / halfLife);
        _levelSum = _levelSum * decay + count;
        _levelWeight = _levelWeight * decay + _factor;
        _slowSum = _slowSum * _slowDecay + count;
        _slowWeight = _slowWeight * _slowDecay + 1;
        // In the first day the mean isn't known yet: exposure is in bins, and is scaled when the day ends.
        ref var cell = ref _cells[HourOfWeek(_hour)];
        cell.Count += count;
        cell.Exposure += _hasProfile ? SlowMean : 1;
        cell.Visits += _binHours;
        if (!_hasProfile && _hoursSeen >= HoursADay)
            EndFirstDay();
    }

    /// <summary>Takes a level that lasted for the new one.</summary>
    public void Scale(double factor)
    {
        _levelSum *= factor;
        _slowSum *= factor;
    }

    private double SlowMean => (_slowSum + 0.5) / Math.Max(1, _slowWeight);

    private void EndFirstDay()
    {
        _hasProfile = true;
        for (var i = 0; i < _cells.Length; i++)
            _cells[i].Exposure *= SlowMean;
        _levelWeight = HoursADay / _binHours;
        _levelSum = SlowMean * _levelWeight;
        _hour = long.MinValue;
    }

    private double Profile(long hour)
    {
        if (!_hasProfile)
            return 1;
        var at = HourOfWeek(hour);
        var day = default(Cell);
        for (var i = at % HoursADay; i < HoursAWeek; i += HoursADay)
            day = day.And(_cells[i]);
        return _cells[at].ShrunkTo(Alike(hour).ShrunkTo(day.ShrunkTo(1)));
    }

    /// <summary>The same hour of all weekdays, or of both days of the weekend.</summary>
    private Cell Alike(long hour)
    {
        var at = HourOfWeek(hour);
        var isWeekend = at / HoursADay >= 5;
        var sum = default(Cell);
        for (var day = isWeekend ? 5 : 0; day < (isWeekend ? 7 : 5); day++)
            sum = sum.And(_cells[day * HoursADay + at % HoursADay]);
        return sum;
    }

    /// <summary>0 is Monday, 00:00 UTC; so was 1 January of the year 1.</summary>
    private static int HourOfWeek(long hour) => (int)(hour % HoursAWeek);

    private record struct Cell(double Count, double Exposure, double Visits, long LastHour)
    {
        public readonly Cell And(Cell other) =>
            new(Count + other.Count, Exposure + other.Exposure, Visits + other.Visits, 0);

        public readonly double ShrunkTo(double parent)
        {
            if (Exposure <= 0 || Visits <= 0)
                return parent;
            var weight = Visits * Exposure / (Exposure + CountsPrior * Visits);
            return (weight * Count / Exposure + VisitsPrior * parent) / (weight + VisitsPrior);
        }
    }
}
