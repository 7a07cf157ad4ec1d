using System.Diagnostics.Metrics;

namespace Holdfast.Mail.Queue;

/// <summary>What operators do with waiting mail.</summary>
internal sealed class QueueMetrics
{
    private readonly Counter<long> _acts;

    public QueueMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Mail");
        _acts = meter.CreateCounter<long>("holdfast.queue.acts", "{message}", "Messages changed by operators' acts");
    }

    public void Acted(QueueActKind act, long messages) =>
        _acts.Add(messages, new KeyValuePair<string, object?>("holdfast.act", act.ToString().ToLowerInvariant()));
}
