using System.Collections.Immutable;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Placing: home first, then the nearest that has room.</summary>
internal sealed partial class TrafficEngine
{
    /// <summary>Share of a burst that waiting mail leaves to fresh mail.</summary>
    private const double BurstKeptForFresh = 0.3;
    /// <summary>Below this share of its spill mark in slots a site no longer counts as overfull.</summary>
    private const double SlotsEased = 0.75;

    public Placement Place(in PlacementRequest request, TimeSpan time)
    {
        var placement = Choose(request, time.TotalSeconds);
        if (placement.MaySend && !request.CanWait && request.Attempt == 0 && !request.IsHedge)
            _queues[request.Service.Value].Release();
        return placement;
    }

    private Placement Choose(in PlacementRequest request, double now)
    {
        var order = Topology.Services[request.Service.Value].SitesNearestFirst;
        // 1. Where an attempt ended unknown, the same site first: it may know the message already.
        if (request.Prefer is { } prefer && prefer.Value < _sites.Length && !_sites[prefer.Value].Node.IsRetired
            && TryPlace(_sites[prefer.Value], request, order, now, spilling: false, out var placement, out _))
        {
            return placement;
        }
        // 2. Nearest first, each up to its spill mark; a site that isn't overfull keeps what it can't take yet.
        var wait = double.MaxValue;
        var open = 0;
        var closed = 0;
        var kept = false;
        SiteState? first = null;
        foreach (var id in order)
        {
            var site = _sites[id.Value];
            if (site.IsClosed)
            {
                closed++;
                if (TryCanary(site, request, order, now, out placement))
                    return placement;
                wait = Math.Min(wait, site.Canary.InFlight
                    ? _options.CanaryWaitMin.TotalSeconds : site.Canary.DueAt - now);
                continue;
            }
            if (!HasUsableTarget(site, request.Avoid))
                continue;
            if (TryTargetCanary(site, request, order, now, out placement))
                return placement;
            open++;
            MarkOver(site, now);
            first ??= site;
            // What has left home already is taken by others up to their spill mark only.
            var mayLeave = site != first || MayLeave(site, now);
            if (TryPlace(site, request, order, now, spilling: mayLeave, out placement, out var siteWait))
            {
                first.Asked.Count(now);
                return placement;
            }
            wait = Math.Min(wait, siteWait);
            if (!mayLeave)
            {
                kept = true;
                break;
            }
        }
        // 3. Everything stands at its spill mark: fill up to the limit.
        if (open > 0 && !kept)
        {
            foreach (var id in order)
            {
                var site = _sites[id.Value];
                if (site.IsClosed || !HasUsableTarget(site, request.Avoid))
                    continue;
                if (TryPlace(site, request, order, now, spilling: false, out placement, out var siteWait))
                {
                    first!.Asked.Count(now);
                    return placement;
                }
                wait = Math.Min(wait, siteWait);
            }
        }
        if (open > 0)
            return Waiting(WaitReason.Saturated, wait);
        return closed > 0 && closed == order.Length ? Waiting(WaitReason.AllClosed, wait)
            : closed > 0 ? Waiting(WaitReason.Saturated, wait)
            : Waiting(WaitReason.NoTarget, 1);
    }

    private static Placement Waiting(WaitReason reason, double seconds) => new(PlacementKind.Wait, TargetId.None,
        default, false, reason, TimeSpan.FromSeconds(Math.Clamp(seconds, 0.001, 60)));

    /// <param name="spilling">True: only up to the spill mark, since another site may take it.</param>
    /// <param name="wait">Seconds after which asking again makes sense.</param>
    private bool TryPlace(SiteState site, in PlacementRequest request,
        ImmutableArray<SiteId> order, double now, bool spilling, out Placement placement,
        out double wait)
    {
        placement = default;
        wait = s_askAgain.TotalSeconds;
        if (site.IsClosed)
            return false;
        var allowed = site.Allowed;
        if (spilling && IsOver(site, request.Priority, now))
            return false;
        var burst = Burst(site);
        site.Pace.Refill(allowed, burst, now);
        var keep = request.IsBacklog && burst >= 4 ? burst * BurstKeptForFresh : 0;
        if (site.Pace.Tokens < 1 + keep - 1e-9)
        {
            wait = site.Pace.WaitFor(allowed, keep);
            return false;
        }
        var chosen = TargetChoice.Choose(site, _targets, request.Avoid, _random, now);
        if (chosen < 0)
            return false;
        if (request.IsBacklog && site.Backlog.IsGated)
        {
            wait = site.Backlog.Wait(allowed, site.Fresh.PerSecond(now), _options.PaceBurst.TotalSeconds, now);
            if (wait > 0)
                return false;
        }
        site.Pace.TryTake(keep);
        if (!request.IsBacklog)
            site.Fresh.Count(now);
        if (_targets[chosen].State == VerdictState.Recovering)
            _targets[chosen].Pace.TryTake();
        placement = Take(site, _targets[chosen], PlacementKind.Send, order, now);
        return true;
    }

    private Placement Take(SiteState site, TargetState target, PlacementKind kind,
        ImmutableArray<SiteId> order, double now)
    {
        target.Limit.Take();
        site.InFlight++;
        site.Placed.Count(now);
        site.PlacedMeter.Count(now);
        var spilled = order.Length > 0 && order[0] != site.Node.Id && !site.Node.IsHome;
        return new Placement(kind, target.Node.Id, site.Node.Id, spilled, WaitReason.None, TimeSpan.Zero);
    }

    /// <summary>A closed site is tried with one message at a time, its targets in turn, open ones first.</summary>
    private bool TryCanary(SiteState site, in PlacementRequest request,
        ImmutableArray<SiteId> order, double now, out Placement placement)
    {
        placement = default;
        if (!site.Canary.IsDue(now))
            return false;
        var targets = site.Node.Targets;
        TargetState? chosen = null;
        for (var i = 0; i < targets.Length; i++)
        {
            var target = _targets[targets[(site.Cursor + 1 + i) % targets.Length].Value];
            if (target.Node.Id == request.Avoid)
                continue;
            if (chosen is null || (!chosen.IsOpen && target.IsOpen))
                chosen = target;
        }
        if (chosen is null)
            return false;
        site.Cursor = (site.Cursor + 1) % targets.Length;
        site.Canary.Start(now);
        placement = Take(site, chosen, PlacementKind.Canary, order, now);
        return true;
    }

    private bool TryTargetCanary(SiteState site, in PlacementRequest request,
        ImmutableArray<SiteId> order, double now, out Placement placement)
    {
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (target.State != VerdictState.Closed || id == request.Avoid || !target.Canary.IsDue(now))
                continue;
            target.Canary.Start(now);
            placement = Take(site, target, PlacementKind.Canary, order, now);
            return true;
        }
        placement = default;
        return false;
    }

    private bool HasUsableTarget(SiteState site, TargetId avoid)
    {
        foreach (var id in site.Node.Targets)
        {
            if (id != avoid && _targets[id.Value].IsOpen)
                return true;
        }
        return false;
    }

    /// <summary>Above the spill mark in rate or in slots.</summary>
    private bool IsOver(SiteState site, byte priority, double now)
    {
        var mark = priority == 0 ? _options.SpillFromTop : _options.SpillFrom;
        return site.Placed.PerSecond(now) >= mark * site.Allowed || site.InFlight >= mark * Slots(site);
    }

    private int Slots(SiteState site)
    {
        var slots = 0;
        foreach (var id in site.Node.Targets)
        {
            if (_targets[id.Value].IsOpen)
                slots += _targets[id.Value].Limit.Known;
        }
        return slots;
    }

    /// <summary>Keeps account of how long more has been asked of a site than its spill mark.</summary>
    private void MarkOver(SiteState site, double now)
    {
        var slots = _options.SpillFrom * Slots(site);
        if (site.Asked.PerSecond(now) < _options.SpillFrom * site.Allowed && site.InFlight < SlotsEased * slots)
            site.OverSince = double.NaN;
        else if (double.IsNaN(site.OverSince))
            site.OverSince = now;
    }

    /// <summary>Whether what doesn't fit may go elsewhere: at once from a site that isn't itself, after a while from a
    /// healthy one, never while the limit is only our own caution.</summary>
    private bool MayLeave(SiteState site, double now)
    {
        if (site.State == VerdictState.Recovering)
            return true;
        return site.Capacity.IsKnown(now) && now - site.OverSince >= _options.SpillAfter.TotalSeconds;
    }
}
