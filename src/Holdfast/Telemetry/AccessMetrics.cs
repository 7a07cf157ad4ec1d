using System.Diagnostics.Metrics;
using Holdfast.Evidence.Records;

namespace Holdfast.Telemetry;

/// <summary>What the records of web requests tell of themselves. Meter <c>Holdfast.Web</c>.</summary>
internal sealed class AccessMetrics : IJournalMetrics
{
    private readonly Counter<long> _records;
    private readonly Counter<long> _dropped;
    private long _bytes;
    private int _files;

    public AccessMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Web");
        _records = meter.CreateCounter<long>("holdfast.web.records", "{record}", "Records of requests written.");
        _dropped = meter.CreateCounter<long>("holdfast.web.records.dropped", "{record}",
            "Records of requests lost because their queue was full or the disk failed.");
        meter.CreateObservableGauge("holdfast.web.records.bytes", () => Volatile.Read(ref _bytes), "By",
            "Bytes that records of requests take on disk.");
        meter.CreateObservableGauge("holdfast.web.records.files", () => Volatile.Read(ref _files), "{file}",
            "Files with records of requests on disk.");
    }

    public void Written(int records) => _records.Add(records);

    public void Dropped(long records, string why) =>
        _dropped.Add(records, new KeyValuePair<string, object?>("error.type", why));

    public void Kept(long bytes, int files)
    {
        Volatile.Write(ref _bytes, bytes);
        Volatile.Write(ref _files, files);
    }
}
