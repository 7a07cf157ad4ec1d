using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Placing: home first, then the nearest that has room.</summary>
/// <remarks>
/// 1. The site that may know the message already. 2. Canaries that are due. 3. Nearest first, each up to its spill
/// mark; a site that isn't overfull keeps what it can't take yet. 4. Everything at its mark: up to the limits.
/// </remarks>
internal sealed partial class TrafficEngine
{
    /// <summary>Share of a burst that waiting mail leaves to fresh mail.</summary>
    private const double BurstKeptForFresh = 0.3;
    /// <summary>Below this share of its spill mark in slots a site no longer counts as overfull.</summary>
    private const double SlotsEased = 0.75;
    /// <summary>A site that refused so lately is full, whatever its rate.</summary>
    private const double RefusedLately = 0.2;
    /// <summary>What has a deadline leaves a full home after this; what waits durably after <c>SpillAfter</c>.
    /// </summary>
    private const double LeaveAfterSeconds = 1;
    /// <summary>Floor of the time after which a question is overdue.</summary>
    private const double OverdueMin = 1;
    /// <summary>What got slower step by step is full, and may take so much longer again.</summary>
    private const double OverduePeaks = 3;
    private const double OverduePeaksMax = 10;
    /// <summary>A drained site is the last resort for so long for what has a deadline, while others take over.
    /// </summary>
    private const double DrainSeconds = 30;
    /// <summary>So many targets of a closed site are looked at for one that is open.</summary>
    private const int CanaryScan = 64;
    /// <summary>Hedges only below this use of the nearest site.</summary>
    private const double HedgeUse = 0.7;

    public Placement Place(in PlacementRequest request, TimeSpan time)
    {
        var now = time.TotalSeconds;
        var service = _services[request.Service.Value];
        ref var budget = ref _budgets[service.Region.Value];
        if (request.IsHedge ? !MayHedge(request, service, now)
            : request.Attempt > 0 && (service.Queue.IsShedding || !(request.WasUnsent || budget.MayRetry(now))))
        {
            return Waiting(WaitReason.RetryBudget, 1);
        }
        var placement = Choose(request, service, now);
        if (!placement.MaySend)
        {
            if (placement.Wait == WaitReason.Saturated)
                service.FullAt = now;
            if (!request.CanWait)
                service.RefusedAt = now;
            return placement;
        }
        if (request.IsHedge)
        {
            budget.TakeHedge();
        }
        else if (request.Attempt > 0)
        {
            if (!request.WasUnsent)
                budget.TakeRetry();
        }
        else
        {
            budget.Request();
            service.Asked[Math.Min((int)request.Priority, Shed.ShedCutOff.Priorities - 1)].Count(now);
            service.AskedInAll.Count(now);
            if (!request.CanWait)
                service.Queue.Release();
        }
        return placement;
    }

    private bool MayHedge(in PlacementRequest request, ServiceState service, double now)
    {
        if (request.Priority != 0 || request.Operation != OperationClass.Read || service.Queue.IsShedding
            || !_budgets[service.Region.Value].MayHedge)
        {
            return false;
        }
        var order = Topology.Services[request.Service.Value].SitesNearestFirst;
        return order.Length > 0
            && _sites[order[0].Value].Placed.PerSecond(now) < HedgeUse * _sites[order[0].Value].Full;
    }

    private Placement Choose(in PlacementRequest request, ServiceState service, double now)
    {
        var order = Topology.Services[request.Service.Value].SitesNearestFirst;
        // 1. Where an attempt ended unknown, the same site first: it may know the message already.
        if (request.Prefer is { } prefer && prefer.Value >= 0 && prefer.Value < _sites.Length
            && _sites[prefer.Value] is { Node.IsRetired: false, IsDrained: false } preferred
            && TryPlace(preferred, KeyOf(preferred, request.Operation, now), request, order, now, false,
                out var placement, out _))
        {
            return placement;
        }
        if (request.StaysAway && TryAway(request, service, order, now, out placement))
            return placement;
        var wait = double.MaxValue;
        int open = 0, closed = 0, drained = 0;
        var kept = false;
        SiteState? first = null;
        foreach (var id in order)
        {
            var site = _sites[id.Value];
            if (!IsInUse(site, service, request.CanWait, now))
            {
                drained++;
                continue;
            }
            var key = KeyOf(site, request.Operation, now);
            // 2. Canaries.
            if (key.IsClosed)
            {
                closed++;
                if (TryCanary(site, key, request, order, now, out placement))
                    return placement;
                wait = Math.Min(wait, key.Canary.InFlight
                    ? _options.CanaryWaitMin.TotalSeconds : key.Canary.DueAt - now);
                continue;
            }
            if (!HasUsableTarget(site, key, request.Avoid))
                continue;
            if (key.ClosedTargets > 0 && key.TargetCanaryAt <= now
                && TryTargetCanary(site, key, request, order, now, out placement))
            {
                return placement;
            }
            open++;
            // 3. Nearest first, each up to its spill mark.
            var mayLeave = true;
            var leaves = false;
            if (first is null)
            {
                first = site;
                MarkOver(site, request.CanWait, now);
                mayLeave = MayLeave(site, key, request.CanWait, now);
                leaves = mayLeave && key.State != VerdictState.Recovering && IsOverSince(site)
                    && !service.Keep.Keeps(Math.Min((int)request.Priority, Shed.ShedCutOff.Priorities - 1));
            }
            if (leaves || SendsAway(site, key))
                continue;
            if (TryPlace(site, key, request, order, now, spilling: mayLeave, out placement, out var siteWait))
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
        // 4. Everything stands at its spill mark: fill up to the limit.
        if (open > 0 && !kept && TryFill(request, service, order, now, ref wait, out placement))
        {
            first!.Asked.Count(now);
            return placement;
        }
        if (open > 0)
            return Waiting(WaitReason.Saturated, wait);
        if (drained > 0 && drained + closed == order.Length && drained > closed)
            return Waiting(WaitReason.Drained, 1);
        // The tick may bring the only canary forward: nobody should sleep through that.
        return closed > 0 && closed + drained == order.Length
            ? Waiting(WaitReason.AllClosed, Math.Min(wait, _options.CanaryWaitMin.TotalSeconds))
            : closed > 0 ? Waiting(WaitReason.Saturated, wait)
            : Waiting(WaitReason.NoTarget, 1);
    }

    private bool TryFill(in PlacementRequest request, ServiceState service, ImmutableArray<SiteId> order, double now,
        ref double wait, out Placement placement)
    {
        foreach (var id in order)
        {
            var site = _sites[id.Value];
            if (!IsInUse(site, service, request.CanWait, now))
                continue;
            var key = KeyOf(site, request.Operation, now);
            if (key.IsClosed || !HasUsableTarget(site, key, request.Avoid))
                continue;
            if (TryPlace(site, key, request, order, now, spilling: false, out placement, out var siteWait))
                return true;
            wait = Math.Min(wait, siteWait);
        }
        placement = default;
        return false;
    }

    private static Placement Waiting(WaitReason reason, double seconds) => new(PlacementKind.Wait, TargetId.None,
        default, false, reason, TimeSpan.FromSeconds(Math.Clamp(seconds, 0.001, 60)));

    /// <remarks>What can wait goes to a drained site no more: the operator may be about to switch it off.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsInUse(SiteState site, ServiceState service, bool canWait, double now) =>
        (!site.IsDrained || (!canWait && now - site.DrainedSince < DrainSeconds)) && site.ActWeight > 0
        && (!service.IsPinned || site.IsPinned);

    /// <summary>Whether a site that is drained, degraded or late in canaries passes this one on, if others take it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SendsAway(SiteState site, HealthKey key)
    {
        if (site.IsDrained)
            return true;
        var weight = key.Weight * site.Canaries.Weight * site.ActWeight;
        if (weight >= 1)
            return false;
        site.WeightDealt += weight;
        if (site.WeightDealt < 1)
            return true;
        site.WeightDealt -= 1;
        return false;
    }

    /// <summary>Operations a second that a site may be given now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Allowed(SiteState site, HealthKey? key, bool canWait)
    {
        var allowed = site.FullFor(canWait) * site.ActWeight;
        if (key is { State: VerdictState.Recovering })
            allowed = Math.Min(allowed, key.Ramp.Rate);
        return site.Node.IsHome ? allowed : Math.Min(allowed, site.Spill.PerSecond);
    }

    /// <param name="spilling">True: only up to the spill mark, since another site may take it.</param>
    /// <param name="wait">Seconds after which asking again makes sense.</param>
    private bool TryPlace(SiteState site, HealthKey key, in PlacementRequest request, ImmutableArray<SiteId> order,
        double now, bool spilling, out Placement placement, out double wait)
    {
        placement = default;
        wait = s_askAgain.TotalSeconds;
        if (key.IsClosed || (spilling && IsOver(site, key, request, now)))
            return false;
        var allowed = Allowed(site, key, request.CanWait);
        var burst = Burst(allowed);
        site.Pace.Refill(allowed, burst, now);
        var keep = request.IsBacklog && burst >= 4 ? burst * BurstKeptForFresh : 0;
        if (site.Pace.Tokens < 1 + keep - 1e-9)
        {
            site.Spill.Want();
            site.Backlog.Want();
            site.RefusedAt = now;
            wait = site.Pace.WaitFor(allowed, keep);
            return false;
        }
        var chosen = request.Bound is { } bound && HoldsSession(site, bound, request, now)
            ? bound.Value : TargetChoice.Choose(site, _targets,
                _targetKeys[(int)request.Operation & (OperationsMax - 1)], request.Avoid, _random, now);
        if (chosen < 0)
        {
            site.RefusedAt = now;
            return false;
        }
        if (request.IsBacklog)
        {
            wait = site.Backlog.Wait(allowed, site.Fresh.PerSecond(now), now);
            if (wait > 0)
                return false;
        }
        site.Pace.TryTake(keep);
        if (!request.IsBacklog)
        {
            site.Fresh.Count(now);
            site.Backlog.Fresh(allowed, now);
        }
        if (_targets[chosen].Keys[(int)request.Operation] is { IsLimited: true } limited)
            limited.Pace.TryTake();
        placement = Take(site, _targets[chosen], PlacementKind.Send, request.Operation, order, now);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Placement Take(SiteState site, TargetState target, PlacementKind kind, OperationClass operation,
        ImmutableArray<SiteId> order, double now)
    {
        target.Limit.Take();
        Activate(target, now);
        site.InFlight++;
        site.UsedAt = now;
        Activate(site);
        site.Placed.Count(now);
        site.PlacedMeter.Count(now);
        var ticket = _watch.Take(target.Id, operation, ++target.Placed, now);
        if (operation != OperationClass.MailDelivery && ticket >= 0)
        {
            var key = KeyOf(target, operation, now);
            _watch.Expect(ticket, AttemptPhase.Answer, Math.Max(Usual(target, key), OverdueMin), now);
        }
        var spilled = order.Length > 0 && order[0] != site.Node.Id && !site.Node.IsHome;
        return new Placement(kind, target.Id, site.Node.Id, spilled, WaitReason.None, TimeSpan.Zero)
        {
            Ticket = ticket,
        };
    }

    /// <summary>A closed site is tried with one message at a time, its targets in turn, open ones first.</summary>
    private bool TryCanary(SiteState site, HealthKey key, in PlacementRequest request, ImmutableArray<SiteId> order,
        double now, out Placement placement)
    {
        placement = default;
        if (site.IsFrozen || site.IsDrained || !key.Canary.IsDue(now)
            || (key.NeedsCanaryPass && site.Canaries.IsInUse(now)))
        {
            return false;
        }
        var targets = site.Node.Targets;
        TargetState? chosen = null;
        for (var i = 0; i < targets.Length && i < CanaryScan; i++)
        {
            var target = _targets[targets[(site.Cursor + 1 + i) % targets.Length].Value];
            if (target.Id == request.Avoid || target.IsDrained)
                continue;
            if (chosen is null || (IsShut(chosen, request.Operation) && !IsShut(target, request.Operation)))
                chosen = target;
        }
        if (chosen is null)
            return false;
        site.Cursor = (site.Cursor + 1) % targets.Length;
        key.Canary.Start(now);
        placement = Take(site, chosen, PlacementKind.Canary, request.Operation, order, now);
        return true;
    }

    private static bool IsShut(TargetState target, OperationClass operation) =>
        target.Keys[(int)operation] is { IsClosed: true };

    private bool TryTargetCanary(SiteState site, HealthKey siteKey, in PlacementRequest request,
        ImmutableArray<SiteId> order, double now, out Placement placement)
    {
        placement = default;
        var next = double.PositiveInfinity;
        if (site.IsFrozen)
            return false;
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (target.Keys[(int)request.Operation] is not { IsClosed: true } key || target.IsFrozen)
                continue;
            if (id != request.Avoid && !target.IsDrained && key.Canary.IsDue(now) && !placement.MaySend)
            {
                key.Canary.Start(now);
                placement = Take(site, target, PlacementKind.Canary, request.Operation, order, now);
                continue;
            }
            if (!key.Canary.InFlight)
                next = Math.Min(next, key.Canary.DueAt);
        }
        siteKey.TargetCanaryAt = next;
        return placement.MaySend;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool HasUsableTarget(SiteState site, HealthKey key, TargetId avoid)
    {
        var usable = site.Node.Targets.Length - key.ClosedTargets;
        if (!avoid.IsNone && avoid.Value < _targets.Length && _targets[avoid.Value].Site == site.Node.Id
            && !IsShut(_targets[avoid.Value], key.Operation) && !_targets[avoid.Value].IsRetired)
        {
            usable--;
        }
        return usable > 0;
    }

    /// <summary>Above the spill mark in rate or in slots.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOver(SiteState site, HealthKey key, in PlacementRequest request, double now)
    {
        var mark = request.Priority == 0 ? _options.SpillFromTop : _options.SpillFrom;
        var full = site.FullFor(request.CanWait) * site.ActWeight;
        if (key.State == VerdictState.Recovering)
            full = Math.Min(full, key.Ramp.Rate);
        return site.Placed.PerSecond(now) >= mark * full || site.InFlight >= mark * site.Slots;
    }

    /// <summary>Keeps account of how long more has been asked of a site than its spill mark.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MarkOver(SiteState site, bool canWait, double now)
    {
        var slots = _options.SpillFrom * site.Slots;
        if (site.Asked.PerSecond(now) < _options.SpillFrom * Allowed(site, null, canWait)
            && site.InFlight < SlotsEased * slots && now - site.RefusedAt > RefusedLately)
        {
            site.OverSince = double.NaN;
        }
        else if (double.IsNaN(site.OverSince))
        {
            site.OverSince = now;
        }
    }

    private static bool IsOverSince(SiteState site) => !double.IsNaN(site.OverSince);

    /// <summary>Whether what doesn't fit may go elsewhere: at once from a site that isn't itself or isn't home, after a
    /// while from a healthy home, never while the limit is only our own caution and there is time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayLeave(SiteState site, HealthKey key, bool canWait, double now)
    {
        if (!site.Node.IsHome || key.IsLimited || site.IsDrained || site.ActWeight < 1 || site.Canaries.Weight < 1)
            return true;
        if (!canWait)
            return now - site.OverSince >= LeaveAfterSeconds;
        return (site.Capacity.IsKnown(now) || !double.IsPositiveInfinity(site.SlotsPerSecond))
            && now - site.OverSince >= _options.SpillAfter.TotalSeconds;
    }
}
