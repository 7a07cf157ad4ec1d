using System.Collections.Immutable;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Sessions: a request whose user is known to a target goes there, as long as any other request could.
/// </summary>
/// <remarks>A session is a wish, no right: it yields to whatever closes, drains, weighs, limits or fills its target or
/// its site, and then goes where any request would. It is no hindrance to what comes back either: a canary that is due
/// nearer by goes first. The home's sessions are placed as all its requests, and only take their own target.</remarks>
internal sealed partial class TrafficEngine
{
    /// <summary>A session away from home: its site first, up to the spill mark, as that site would be filled
    /// anyway.</summary>
    private bool TryAway(in PlacementRequest request, ServiceState service, ImmutableArray<SiteId> order, double now,
        out Placement placement)
    {
        placement = default;
        if (request.Bound is not { } bound || (uint)bound.Value >= (uint)_targets.Length || order.Length == 0)
            return false;
        var site = _sites[_targets[bound.Value].Site.Value];
        if (site.Node.Id == order[0] || site.Node.Service != request.Service || site.Node.IsRetired
            || !IsInUse(site, service, request.CanWait, now) || !HoldsSession(site, bound, request, now))
        {
            return false;
        }
        foreach (var id in order)
        {
            if (id == site.Node.Id)
                break;
            var nearer = _sites[id.Value];
            if (!IsInUse(nearer, service, request.CanWait, now))
                continue;
            var nearerKey = KeyOf(nearer, request.Operation, now);
            if (nearerKey.IsClosed ? TryCanary(nearer, nearerKey, request, order, now, out placement)
                : nearerKey.ClosedTargets > 0 && nearerKey.TargetCanaryAt <= now
                    && TryTargetCanary(nearer, nearerKey, request, order, now, out placement))
            {
                return true;
            }
        }
        var key = KeyOf(site, request.Operation, now);
        return !key.IsClosed && !SendsAway(site, key)
            && TryPlace(site, key, request, order, now, spilling: true, out placement, out _);
    }

    /// <summary>Whether the target is this site's and takes the request like any of its others.</summary>
    private bool HoldsSession(SiteState site, TargetId bound, in PlacementRequest request, double now)
    {
        if ((uint)bound.Value >= (uint)_targets.Length || bound == request.Avoid
            || _targets[bound.Value] is not
            { IsRetired: false, IsDrained: false, ActWeight: >= 1, Limit.HasSlot: true } target
            || target.Site != site.Node.Id)
        {
            return false;
        }
        return _targetKeys[(int)request.Operation & (OperationsMax - 1)][bound.Value] is not { } key
            || (!key.IsClosed && !key.IsLimited && key.PenaltyUntil <= now);
    }
}
