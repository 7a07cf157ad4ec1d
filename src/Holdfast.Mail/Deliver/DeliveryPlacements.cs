using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>The seam to Traffic: asks where a message may go, reports each step of an attempt, gives the place back.
/// </summary>
/// <remarks>Nothing else in this room places, reports or releases. A destination found by MX is not on the board; its
/// slots are <see cref="MxDestination"/>'s, under the scheduler's lock, which <see cref="Place"/> is called
/// under.</remarks>
internal sealed class DeliveryPlacements(ITrafficBoard board)
{
    private static readonly TimeSpan NoServiceRetry = TimeSpan.FromSeconds(1);

    public Topology Topology => board.Topology;

    public bool IsClosed(ServiceId service) => board.IsClosed(service);

    public bool IsClosed(TargetId target) => board.IsClosed(target, OperationClass.MailDelivery);

    /// <summary>The rule's service in the current topology; null: it delivers by MX, or the service has no site.
    /// </summary>
    public ServiceId? ServiceOf(MailRoute? rule) =>
        rule?.Service is { } name && board.Topology.TryFindService(name, out var id) ? id : null;

    public Placement Place(DeliveryRoute route, in ScheduleEntry entry, bool backlog, TimeSpan now)
    {
        if (route.Mx is { } mx)
        {
            return mx.TryTake(now, out var canary, out var wait)
                ? new Placement(canary ? PlacementKind.Canary : PlacementKind.Send, TargetId.None, new SiteId(-1),
                    false, WaitReason.None, TimeSpan.Zero)
                : Wait(WaitReason.Saturated, wait);
        }
        if (route.Service is not { } service)
            return Wait(WaitReason.NoTarget, NoServiceRetry);
        var avoid = entry.Avoid >= 0 ? new TargetId(entry.Avoid) : TargetId.None;
        return board.Place(new PlacementRequest(service, OperationClass.MailDelivery, entry.Priority, backlog, avoid,
            entry.Prefer >= 0 ? new SiteId(entry.Prefer) : null), now);
    }

    /// <summary>A question was sent.</summary>
    public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now) =>
        board.Expect(placement, phase, allowance, now);

    /// <summary>Something came, whatever it says: it isn't overdue.</summary>
    public void Answered(in Placement placement, AttemptPhase phase, TimeSpan latency, TimeSpan now) =>
        board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, phase, FailureScope.None,
            latency) { Ticket = placement.Ticket }, now);

    /// <summary>Reports one step of an attempt at a service's target. Success before the final dot is no news.
    /// </summary>
    /// <param name="recipient">Whom the step was about; null: nobody in particular.</param>
    public void Report(in Placement placement, SpooledMessage message, string? recipient, in StepResult step,
        TimeSpan now)
    {
        var found = step.Classify();
        if (found.IsSuccess && step.Phase != AttemptPhase.FinalDot)
            return;
        board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, step.Phase, found.Scope,
            step.Latency, found.IsSuccess ? null : DeliverySettlement.Bounded(step.Text),
            recipient is null ? 0 : Hash(recipient),
            step.Phase >= AttemptPhase.Mail ? Hash(message.Envelope.Sender) : 0)
            {
                Ticket = placement.Ticket,
                IsPushBack = step.Reply is { } reply && ReplyClassifier.IsPushBack(reply),
            }, now);
    }

    /// <summary>Gives a service's place back.</summary>
    public void Release(in Placement placement, bool delivered, TimeSpan now) =>
        board.Release(placement, delivered, now);

    private static Placement Wait(WaitReason reason, TimeSpan wait) =>
        new(PlacementKind.Wait, TargetId.None, new SiteId(-1), false, reason, wait);

    /// <summary>FNV-1a; never 0, which means "doesn't apply".</summary>
    private static uint Hash(string text)
    {
        var hash = 2166136261u;
        foreach (var c in text)
            hash = (hash ^ c) * 16777619u;
        return hash == 0 ? 1 : hash;
    }
}
