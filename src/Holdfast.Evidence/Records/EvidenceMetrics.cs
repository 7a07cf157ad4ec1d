using System.Diagnostics.Metrics;

namespace Holdfast.Evidence.Records;

/// <summary>What the evidence journal tells of itself.</summary>
public sealed class EvidenceMetrics : JournalMetrics, IDisposable
{
    public const string MeterName = "Holdfast.Evidence";
    private readonly Meter _meter;

    public EvidenceMetrics(IMeterFactory factory)
    {
        _meter = factory.Create(MeterName);
        Records = _meter.CreateCounter<long>("holdfast.evidence.records", "{record}", "Records written.");
        Lost = _meter.CreateCounter<long>("holdfast.evidence.dropped", "{record}",
            "Records lost because the journal's queue was full or its disk failed.");
        _meter.CreateObservableGauge("holdfast.evidence.bytes", () => Bytes, "By",
            "Bytes that evidence takes on disk.");
        _meter.CreateObservableGauge("holdfast.evidence.files", () => Files, "{file}", "Evidence files on disk.");
    }

    protected override Counter<long> Records { get; }
    protected override Counter<long> Lost { get; }

    public void Dispose() => _meter.Dispose();
}
