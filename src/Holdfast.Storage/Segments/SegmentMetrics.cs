using System.Diagnostics.Metrics;
using Holdfast.Storage.Disk;

namespace Holdfast.Storage.Segments;

/// <summary>What the segment log measures.</summary>
public sealed class SegmentMetrics
{
    public const string MeterName = "Holdfast.Storage";

    // 50 µs is a disk with a write cache, 1 s is one in trouble.
    private static readonly double[] _syncSeconds =
        [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
    private static readonly int[] _batchRecords = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    private readonly Counter<long> _appends;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _damage;
    private readonly Histogram<int> _batch;
    private readonly Histogram<double> _sync;

    public SegmentMetrics(IMeterFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        var meter = factory.Create(MeterName);
        _appends = meter.CreateCounter<long>("holdfast.segments.appends", "{record}", "Records appended.");
        _bytes = meter.CreateCounter<long>("holdfast.segments.written", "By", "Bytes written, overhead included.");
        _failures = meter.CreateCounter<long>("holdfast.segments.failures", "{failure}",
            "Writes, syncs and segment creations that failed.");
        _damage = meter.CreateCounter<long>("holdfast.segments.damage", "By", "Bytes found bad when opening.");
        _batch = meter.CreateHistogram("holdfast.segments.batch", "{record}", "Records in one write.", null,
            new InstrumentAdvice<int> { HistogramBucketBoundaries = _batchRecords });
        _sync = meter.CreateHistogram("holdfast.segments.sync", "s", "Time of one fdatasync.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = _syncSeconds });
    }

    internal void Written(int records, long bytes)
    {
        _appends.Add(records);
        _bytes.Add(bytes);
        _batch.Record(records);
    }

    internal void Synced(TimeSpan took) => _sync.Record(took.TotalSeconds);

    internal void Failed(DiskException error) => _failures.Add(1,
        new KeyValuePair<string, object?>("error.type", error.Error.ToString()),
        new KeyValuePair<string, object?>("operation", error.Operation));

    internal void Damaged(in DamageReport report) => _damage.Add(report.Length,
        new KeyValuePair<string, object?>("reason", report.Reason.ToString()));
}
