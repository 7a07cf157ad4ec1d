using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Queue;

/// <summary>What the queue's desk asks of delivery: where messages stand in the schedule, and acts on them.</summary>
internal interface IWaitingMail
{
    ScheduleCounts Counts { get; }
    int Connections { get; }
    /// <summary>Where a message stands: one entry a route. Empty: not in the schedule.</summary>
    IReadOnlyList<EntryView> Find(SpoolHandle handle);
    /// <summary>Age × destination over everything that waits.</summary>
    IReadOnlyList<ShapeRow> Shape(IReadOnlyList<int> ageBoundsMinutes);
    string Why(in EntryView view);
    ValueTask<DeliveryActOutcome> ActAsync(DeliveryAct act, SpoolHandle handle, string? reason, string actor);
}

/// <summary>The delivery that runs.</summary>
internal sealed class WaitingMail(DeliveryFlow flow) : IWaitingMail
{
    public ScheduleCounts Counts => flow.Counts;
    public int Connections => flow.Connections;
    public IReadOnlyList<EntryView> Find(SpoolHandle handle) => flow.Desk.Find(handle);
    public IReadOnlyList<ShapeRow> Shape(IReadOnlyList<int> ageBoundsMinutes) => flow.Desk.Shape(ageBoundsMinutes);
    public string Why(in EntryView view) => flow.Desk.Why(view);
    public ValueTask<DeliveryActOutcome> ActAsync(DeliveryAct act, SpoolHandle handle, string? reason,
        string actor) => flow.Desk.ActAsync(act, handle, reason, actor);
}
