using System.Diagnostics.Metrics;
using Holdfast.Mail.Queue;
using Holdfast.Operator;

namespace Holdfast.Telemetry;

/// <summary>Readiness, backlog and free space, as <c>holdfast status</c> shows them. Asked for when scraped.</summary>
internal sealed class ProcessMetrics
{
    public ProcessMetrics(IMeterFactory meters, Readiness readiness, IMailQueue queue)
    {
        MailStatus? Status() => readiness.Phase is ProcessPhase.Ready or ProcessPhase.Draining ? queue.Status() : null;

        var meter = meters.Create("Holdfast.Process");
        meter.CreateObservableGauge("holdfast.process.ready",
            () => readiness.NotReady is null && Status() is { NotReady: null } ? 1 : 0, "{state}",
            "1 when mail is taken, 0 while starting, draining or when the spool failed");
        meter.CreateObservableGauge("holdfast.queue.waiting", () => Of(Status()?.Waiting), "{message}",
            "Messages that wait");
        meter.CreateObservableGauge("holdfast.queue.waiting_content", () => Of(Status()?.WaitingBytes), "By",
            "Bytes of the messages that wait");
        meter.CreateObservableGauge("holdfast.queue.held", () => Of(Status()?.Held), "{message}", "Messages held");
        meter.CreateObservableGauge("holdfast.queue.oldest_age",
            () => Status() is { } status
                ? [new(status.OldestAge?.TotalSeconds ?? 0)] : Array.Empty<Measurement<double>>(),
            "s", "Age of the oldest message that waits; 0 when none does");
        meter.CreateObservableGauge("holdfast.disk.free", () => Of(Status()?.FreeDiskBytes), "By",
            "Free space where the data is");
    }

    /// <summary>No point at all while nothing is known: a zero would be a lie.</summary>
    private static Measurement<long>[] Of(long? value) => value is { } known ? [new(known)] : [];
}
