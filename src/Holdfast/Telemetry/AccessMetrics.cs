using System.Diagnostics.Metrics;
using Holdfast.Evidence.Records;

namespace Holdfast.Telemetry;

/// <summary>What the records of web requests tell of themselves. Meter <c>Holdfast.Web</c>.</summary>
internal sealed class AccessMetrics : JournalMetrics
{
    public AccessMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Web");
        Records = meter.CreateCounter<long>("holdfast.web.records", "{record}", "Records of requests written.");
        Lost = meter.CreateCounter<long>("holdfast.web.records.dropped", "{record}",
            "Records of requests lost because their queue was full or the disk failed.");
        meter.CreateObservableGauge("holdfast.web.records.bytes", () => Bytes, "By",
            "Bytes that records of requests take on disk.");
        meter.CreateObservableGauge("holdfast.web.records.files", () => Files, "{file}",
            "Files with records of requests on disk.");
    }

    protected override Counter<long> Records { get; }
    protected override Counter<long> Lost { get; }
}
