using System.Globalization;
using System.Runtime.InteropServices;

namespace Holdfast.Watch.Recorded;

/// <summary>Counts of one service in one region; both are empty where the file doesn't name them.</summary>
public sealed record RecordedSeries(string Service, string Region)
{
    internal List<(long Ticks, double Count)> Rows { get; } = [];

    public string Name => (Service, Region) switch
    {
        ("", "") => "all", (_, "") => Service, ("", _) => Region, _ => $"{Service} {Region}",
    };
}

/// <summary>A file of counts over time: columns time, count, and maybe service and region.</summary>
/// <remarks>
/// Promise: read row by row; rows of any order, gaps, and several rows a bin (they are added) are right; a fault names
/// its line. Memory: 16 bytes a row, at most <see cref="RowsMax"/> rows of <see cref="SeriesMax"/> series. Bins are
/// what most neighbouring times are apart, unless the caller says; they lie where the earliest time does.
/// </remarks>
public sealed class SeriesFile
{
    public const int RowsMax = 20_000_000;
    public const int SeriesMax = 10_000;
    public const double CountMax = 1e12;
    /// <summary>Bins from a series' first to its last, so that one wrong year isn't filled with zeroes for ever.
    /// </summary>
    public const long BinsMax = 20_000_000;
    private static readonly string[] s_times = ["time", "timestamp", "ts", "date", "datetime"];
    private static readonly string[] s_counts = ["count", "value", "reports", "failures", "events"];

    private SeriesFile(TimeSpan bin, long origin, List<RecordedSeries> series, List<string> ignored, long rows)
    {
        (Bin, Series, Ignored, Rows) = (bin, series, ignored, rows);
        foreach (var one in series)
            Gather(one.Rows, origin, bin.Ticks);
    }

    public static TimeSpan BinMin => TimeSpan.FromSeconds(10);
    public static TimeSpan BinMax => TimeSpan.FromHours(1);

    public TimeSpan Bin { get; }
    public IReadOnlyList<RecordedSeries> Series { get; }
    /// <summary>Columns that were read over.</summary>
    public IReadOnlyList<string> Ignored { get; }
    public long Rows { get; }

    /// <param name="bin">Null to find it.</param>
    /// <returns>Null at a fault.</returns>
    public static SeriesFile? Read(TextReader reader, TimeSpan? bin, out FileFault? fault)
    {
        var scanner = new CsvScanner(reader);
        if (!scanner.TryRead(out fault))
        {
            fault ??= new(0, "is empty");
            return null;
        }
        var ignored = new List<string>();
        var columns = new Columns();
        if ((fault = columns.Read(scanner, ignored)) is not null)
            return null;
        var table = new SeriesTable();
        var rows = 0L;
        while (scanner.TryRead(out fault))
        {
            if (++rows > RowsMax)
                fault = new(scanner.Line, $"is row {rows}; at most {RowsMax} are read");
            else
                fault = columns.TakeRow(scanner, table);
            if (fault is not null)
                return null;
        }
        if (fault is not null)
            return null;
        if (rows == 0)
        {
            fault = new(scanner.Line, "has no row below the header");
            return null;
        }
        foreach (var one in table.All)
            one.Rows.Sort((a, b) => a.Ticks.CompareTo(b.Ticks));
        bin ??= FindBin(table.All, out fault);
        if (fault is null && (bin < BinMin || bin > BinMax))
            fault = new(0, $"has bins of {bin!.Value.TotalSeconds:0.###} s; "
                + "they may be 10 s to 1 h (--bin adds them up)");
        if (fault is not null)
            return null;
        var origin = table.All.Min(s => s.Rows[0].Ticks);
        var last = table.All.Max(s => s.Rows[^1].Ticks);
        if ((last - origin) / bin!.Value.Ticks > BinsMax)
        {
            fault = new(0, $"goes over more than {BinsMax} bins: is a time wrong, or the bin too short?");
            return null;
        }
        return new(bin.Value, origin, table.All, ignored, rows);
    }

    /// <summary>The bins of a series in order; with zeroes for those without a row only where they are asked for.
    /// </summary>
    public IEnumerable<(DateTimeOffset Start, double Count)> Bins(RecordedSeries series, bool areGapsZero)
    {
        ArgumentNullException.ThrowIfNull(series);
        var next = series.Rows[0].Ticks;
        foreach (var (ticks, count) in series.Rows)
        {
            for (; areGapsZero && next < ticks; next += Bin.Ticks)
                yield return (new(next, TimeSpan.Zero), 0);
            yield return (new(ticks, TimeSpan.Zero), count);
            next = ticks + Bin.Ticks;
        }
    }

    /// <summary>Rows become bins, in place: to the nearest begin, so that a clock a little off moves nothing.</summary>
    private static void Gather(List<(long Ticks, double Count)> rows, long origin, long bin)
    {
        var kept = 0;
        var all = CollectionsMarshal.AsSpan(rows);
        foreach (var (ticks, count) in all)
        {
            var start = origin + (ticks - origin + bin / 4) / bin * bin;
            if (kept > 0 && all[kept - 1].Ticks == start)
                all[kept - 1].Count += count;
            else
                all[kept++] = (start, count);
        }
        rows.RemoveRange(kept, rows.Count - kept);
    }

    private static TimeSpan? FindBin(List<RecordedSeries> series, out FileFault? fault)
    {
        var seen = new Dictionary<long, long>();
        var differences = 0L;
        foreach (var one in series)
        {
            for (var i = 1; i < one.Rows.Count; i++)
            {
                // To the second: stamps of a running clock are some milliseconds off.
                var seconds = (long)Math.Round((one.Rows[i].Ticks - one.Rows[i - 1].Ticks) / 1e7);
                if (seconds == 0)
                    continue;
                differences++;
                CollectionsMarshal.GetValueRefOrAddDefault(seen, seconds, out _)++;
                if (seen.Count > 100_000)
                    break;
            }
        }
        fault = null;
        if (differences == 0)
        {
            fault = new(0, "has one time only: the bin can't be seen; give --bin");
            return null;
        }
        var (most, times) = seen.OrderByDescending(s => s.Value).ThenBy(s => s.Key).First();
        if (times * 2 < differences && series.Sum(s => s.Rows.Count) > 20)
        {
            fault = new(0, "has no regular bins: give --bin, and rows within one are added");
            return null;
        }
        return TimeSpan.FromSeconds(most);
    }

    private sealed class SeriesTable
    {
        private readonly Dictionary<string, Dictionary<string, RecordedSeries>> _known = new(StringComparer.Ordinal);

        public List<RecordedSeries> All { get; } = [];

        public RecordedSeries? Find(ReadOnlySpan<char> service, ReadOnlySpan<char> region)
        {
            if (!_known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(service, out var regions))
            {
                regions = new(StringComparer.Ordinal);
                _known.Add(service.ToString(), regions);
            }
            if (regions.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(region, out var found))
                return found;
            if (All.Count == SeriesMax)
                return null;
            var added = new RecordedSeries(service.ToString(), region.ToString());
            regions.Add(added.Region, added);
            All.Add(added);
            return added;
        }
    }

    private sealed class Columns
    {
        private int _time = -1;
        private int _count = -1;
        private int _service = -1;
        private int _region = -1;
        private int _columns;

        public FileFault? Read(CsvScanner header, List<string> ignored)
        {
            _columns = header.Count;
            for (var i = 0; i < header.Count; i++)
            {
                var name = header[i].ToString().ToLowerInvariant();
                ref var place = ref _time;
                if (s_counts.Contains(name))
                    place = ref _count;
                else if (name == "service")
                    place = ref _service;
                else if (name == "region")
                    place = ref _region;
                else if (!s_times.Contains(name))
                {
                    ignored.Add(FileFault.Shorten(header[i]));
                    continue;
                }
                if (place >= 0)
                    return new(header.Line, $"has two columns for the same: {FileFault.Shorten(header[place])} and "
                        + FileFault.Shorten(header[i]));
                place = i;
            }
            return _time < 0 ? new(header.Line, "has no column time")
                : _count < 0 ? new(header.Line, "has no column count") : null;
        }

        public FileFault? TakeRow(CsvScanner row, SeriesTable table)
        {
            if (row.Count != _columns)
                return new(row.Line, $"has {row.Count} columns, the header {_columns}");
            if (!RecordedTime.TryParse(row[_time], out var time))
                return new(row.Line, $"{FileFault.Shorten(row[_time])} is no time: ISO 8601 or seconds since 1970");
            if (!double.TryParse(row[_count], NumberStyles.Float, CultureInfo.InvariantCulture, out var count)
                || !(count >= 0 && count <= CountMax))
                return new(row.Line, $"{FileFault.Shorten(row[_count])} is no count: a number of 0 to 1e12");
            var series = table.Find(_service < 0 ? "" : row[_service], _region < 0 ? "" : row[_region]);
            if (series is null)
                return new(row.Line, $"is of one series more than {SeriesMax}");
            series.Rows.Add((time.Ticks, count));
            return null;
        }
    }
}
