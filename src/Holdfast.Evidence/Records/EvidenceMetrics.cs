using System.Diagnostics.Metrics;

namespace Holdfast.Evidence.Records;

/// <summary>What the evidence journal tells of itself.</summary>
public sealed class EvidenceMetrics : IJournalMetrics, IDisposable
{
    public const string MeterName = "Holdfast.Evidence";
    private readonly Meter _meter;
    private readonly Counter<long> _records;
    private readonly Counter<long> _dropped;
    private long _bytes;
    private long _files;

    public EvidenceMetrics(IMeterFactory factory)
    {
        _meter = factory.Create(MeterName);
        _records = _meter.CreateCounter<long>("holdfast.evidence.records", "{record}", "Records written.");
        _dropped = _meter.CreateCounter<long>("holdfast.evidence.dropped", "{record}",
            "Records lost because the journal's queue was full or its disk failed.");
        _meter.CreateObservableGauge("holdfast.evidence.bytes", () => Volatile.Read(ref _bytes), "By",
            "Bytes that evidence takes on disk.");
        _meter.CreateObservableGauge("holdfast.evidence.files", () => Volatile.Read(ref _files), "{file}",
            "Evidence files on disk.");
    }

    public void Written(int records) => _records.Add(records);

    public void Dropped(long records, string why) =>
        _dropped.Add(records, new KeyValuePair<string, object?>("error.type", why));

    public void Kept(long bytes, int files)
    {
        Volatile.Write(ref _bytes, bytes);
        Volatile.Write(ref _files, files);
    }

    public void Dispose() => _meter.Dispose();
}
