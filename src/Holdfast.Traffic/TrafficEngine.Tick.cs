using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>What time does: overdue questions, recoveries, windows of a second.</summary>
/// <remarks>Only sites and targets in use are looked at; their windows are spread over ten ticks by id.</remarks>
internal sealed partial class TrafficEngine
{
    private const int PeersMin = 3;
    private const double FullSeconds = 1;
    private const double NeededSeconds = 1;
    /// <summary>Operations a second that what fails in part always gets, to be seen when it is well.</summary>
    private const double DegradedPaceMin = 0.5;
    /// <summary>A site that had to refuse so lately is asked for more than is seen.</summary>
    private const double RefusedSeconds = 5;

    private readonly struct OverdueSink(TrafficEngine engine, double now) : IOverdueSink
    {
        public double Overdue(int target, OperationClass operation, AttemptPhase phase, double askedAt) =>
            engine.JudgeOverdue(target, operation, phase, askedAt, now);
    }

    /// <summary>Returns the changes since the last tick; a list that the engine no longer touches.</summary>
    public IReadOnlyList<VerdictChange> Tick(TimeSpan time)
    {
        var now = time.TotalSeconds;
        var elapsed = double.IsNaN(_tickAt) ? TickSeconds : Math.Clamp(now - _tickAt, 0.001, 1);
        // 1. Our own pause makes every open question look unanswered: what it would prove counts for nothing.
        var late = !double.IsNaN(_tickAt) && now - _tickAt > TickSeconds + LateTickSeconds;
        _tickAt = now;
        if (late)
            _pausedUntil = now;
        foreach (var key in _stalled)
        {
            if (late)
                key.Test.VoidStalls();
            else
                key.Test.EndTick();
        }
        _stalled.Clear();
        var sink = new OverdueSink(this, now);
        _watch.Tick(now, late, ref sink);
        // 2. Acts that expire.
        if (_acts.Expire(now))
            RefreshActs();
        // 3. Queues, then what each home keeps.
        for (var i = 0; i < _services.Length; i++)
        {
            _services[i].Queue.Tick(elapsed, MayBeGiven(_services[i], Topology.Services[i]));
            PlanShares(_services[i], Topology.Services[i], now);
        }
        // 4. Sites and targets.
        _phase = (_phase + 1) % Phases;
        for (var i = _activeSites.Count - 1; i >= 0; i--)
        {
            var site = _sites[_activeSites[i]];
            TickSite(site, elapsed, now);
            if (now - site.UsedAt > IdleSeconds && IsCalm(site.Keys) && site.InFlight == 0)
            {
                site.IsActive = false;
                _activeSites.RemoveAt(i);
            }
        }
        TickTargets(_activeTargets[_phase], now);
        if (now - _windowAt >= WindowSeconds)
            EndWindow(now);
        if (_changes.Count == 0)
            return [];
        var changes = _changes;
        _changes = [];
        return changes;
    }

    private static bool IsCalm(ReadOnlySpan<HealthKey?> keys)
    {
        foreach (var key in keys)
        {
            if (key is not null && key.State != VerdictState.Healthy)
                return false;
        }
        return true;
    }

    /// <summary>Operations a second that the service's open sites may be given now.</summary>
    private double MayBeGiven(ServiceState service, ServiceNode node)
    {
        var sum = 0.0;
        foreach (var id in node.SitesNearestFirst)
        {
            var site = _sites[id.Value];
            if (site.IsDrained || HealthKey.AreClosed(site.Keys) || (service.IsPinned && !site.IsPinned))
                continue;
            HealthKey? limited = null;
            foreach (var key in site.Keys)
            {
                if (key is { State: VerdictState.Recovering } && (limited is null || key.Ramp.Rate < limited.Ramp.Rate))
                    limited = key;
            }
            sum += Allowed(site, limited, canWait: false);
        }
        return sum;
    }

    private void PlanShares(ServiceState service, ServiceNode node, double now)
    {
        SiteState? home = null;
        foreach (var id in node.SitesNearestFirst)
        {
            var site = _sites[id.Value];
            if (!site.IsDrained && !HealthKey.AreClosed(site.Keys) && (!service.IsPinned || site.IsPinned))
            {
                home = site;
                break;
            }
        }
        if (home is null)
            return;
        Span<double> asked = stackalloc double[Shed.ShedCutOff.Priorities];
        for (var p = 0; p < asked.Length; p++)
            asked[p] = service.Asked[p].PerSecond(now);
        service.Keep.Plan(asked, Allowed(home, null, canWait: false), _options.SpillFrom, _options.SpillFromTop);
    }

    private void TickSite(SiteState site, double elapsed, double now)
    {
        var placed = site.Placed.PerSecond(now);
        var full = site.SharesSickComponent && !site.Node.IsHome ? Math.Min(1, site.Full) : site.Full;
        var needed = IsNeeded(site, now);
        TickSpill(site, placed, full, needed, elapsed, now);
        if (site.IsFrozen)
            return;
        var mayStep = !site.Canaries.IsInUse(now) || site.Canaries.LastPassed;
        foreach (var key in site.Keys)
        {
            if (key is null)
                continue;
            if (key.Canary.IsLost(_options, now))
                key.Canary.Fail(_options, now, _random);
            var asked = now - site.RefusedAt < RefusedSeconds ? double.MaxValue
                : _services[site.Node.Service.Value].AskedInAll.PerSecond(now);
            switch (key.State)
            {
                case VerdictState.Recovering
                    when key.Ramp.Tick(_options, site.Full, asked, key.Latency.Slowness, mayStep, IsFull(site, now),
                        now):
                    key.Canary.Forget();
                    Judge(site, key, VerdictState.Healthy, "back to full share", now);
                    break;
                case VerdictState.Degraded when key.Degraded.Tick(now):
                    Judge(site, key, VerdictState.Healthy, "works as before", now);
                    break;
                case VerdictState.Suspect when key.Test.IsQuiet:
                    Judge(site, key, VerdictState.Healthy, "failures stopped", now);
                    break;
                case VerdictState.Closed when !key.Canary.InFlight && IsClosed(site.Node.Service):
                    key.Canary.Shorten(_options, now, _random);
                    break;
            }
        }
    }

    /// <summary>Something of the site's service waits or is shed that no other site takes either.</summary>
    private bool IsFull(SiteState site, double now) =>
        now - _services[site.Node.Service.Value].FullAt < FullSeconds;

    /// <summary>Something is refused for want of this site's capacity.</summary>
    private bool IsNeeded(SiteState site, double now) =>
        now - _services[site.Node.Service.Value].RefusedAt < NeededSeconds;

    /// <summary>A tenth of the active targets, each once a second.</summary>
    private void TickTargets(List<int> active, double now)
    {
        for (var i = active.Count - 1; i >= 0; i--)
        {
            var target = _targets[active[i]];
            var site = _sites[target.Site.Value];
            EndWindow(site, target, now);
            if (!target.IsFrozen && !site.IsFrozen)
            {
                foreach (var key in target.Keys)
                {
                    if (key is not null)
                        TickKey(site, target, key, now);
                }
            }
            if (now - target.UsedAt > IdleSeconds && target.Limit.InFlight == 0 && IsCalm(target.Keys))
            {
                target.IsActive = false;
                active[i] = active[^1];
                active.RemoveAt(active.Count - 1);
            }
        }
    }

    private void TickKey(SiteState site, TargetState target, HealthKey key, double now)
    {
        if (key.Canary.IsLost(_options, now))
        {
            key.Canary.Fail(_options, now, _random);
            HastenScan(site, key);
        }
        switch (key.State)
        {
            case VerdictState.Recovering
                when key.Ramp.Tick(_options, TargetCapacity(site), TargetAsked(site, now), key.Latency.Slowness, true,
                    IsFull(site, now), now):
                key.Canary.Forget();
                Judge(site, target, key, VerdictState.Healthy, "back to full share", now);
                break;
            case VerdictState.Degraded when key.Degraded.Tick(now):
                Judge(site, target, key, VerdictState.Healthy, "works as before", now);
                break;
            case VerdictState.Suspect when key.Test.IsQuiet:
                Judge(site, target, key, VerdictState.Healthy, "failures stopped", now);
                break;
        }
        SetPace(site, key, now);
        key.Test.Tune(PeerMedian(site, key, now), Topology.Targets.Length, now);
        Price(site, key, now);
    }

    /// <summary>What a target may take while it comes back or fails in part: a part of its even share.</summary>
    private static void SetPace(SiteState site, HealthKey key, double now)
    {
        if (key.State == VerdictState.Recovering)
            key.PaceRate = key.Ramp.Rate;
        else if (key.State == VerdictState.Degraded)
            key.PaceRate = Math.Max(DegradedPaceMin, key.Degraded.Weight * TargetAsked(site, now));
    }

    private static double TargetAsked(SiteState site, double now) =>
        site.Placed.PerSecond(now) / Math.Max(1, site.Node.Targets.Length);

    private void EndWindow(SiteState site, TargetState target, double now)
    {
        var slowness = 0.0;
        var usual = 0.0;
        var noise = 0.0;
        var windows = 0;
        foreach (var key in target.Keys)
        {
            if (key is null)
                continue;
            var mayLearn = target.Limit.PeakUse < 0.5 && key.State == VerdictState.Healthy
                && !key.Test.IsAlarm && key.Test.SlowScore <= 3 && !site.Capacity.IsOverloaded(now, 10);
            var ended = key.Latency.EndWindow(mayLearn);
            // Until it has a baseline of its own, its site's is the best guess.
            var learnt = key.Latency.IsKnown ? key : site.Keys[(int)key.Operation];
            if (learnt is not { Latency.IsKnown: true })
                continue;
            usual = Math.Max(usual, learnt.Latency.P50);
            if (!ended)
                continue;
            slowness += learnt == key ? key.Latency.Steady : key.Latency.SlownessAgainst(learnt.Latency);
            noise = Math.Max(noise, key.Latency.Noise * learnt.Latency.Spread);
            windows++;
        }
        target.Limit.EndWindow(windows > 0 ? slowness / windows : 0, usual, site.Hold.Usual, noise);
        DivideLimit(site, target);
    }

    private void EndWindow(double now)
    {
        var seconds = Math.Min(2, now - _windowAt);
        _windowAt = now;
        MarkSickComponents();
        DivideSites(now);
        foreach (var index in _activeSites)
        {
            var site = _sites[index];
            var isFlat = true;
            var uncontended = site.Slots == 0 || site.InFlight < site.Slots / 2;
            foreach (var key in site.Keys)
            {
                if (key is null)
                    continue;
                SortPeers(site, key.Operation, now);
                var mayLearn = uncontended && key.State == VerdictState.Healthy && !key.Test.IsAlarm
                    && key.Test.SlowScore <= 3;
                key.Latency.EndWindow(mayLearn);
                isFlat &= key.Latency.Slowness <= 1.5 && key.Test.SlowScore <= 3;
                key.Test.Tune(double.NaN, Topology.Sites.Length, now);
            }
            site.Hold.EndWindow(uncontended && isFlat);
            CountSlots(site);
            site.Capacity.EndWindow(site.Placed.PerSecond(now), isFlat, IsNeeded(site, now), now);
            if (site.Capacity.IsOverloaded(now, 0.5) || site.Capacity.WasPushedBack || !isFlat)
                site.Spill.Overload(site.Capacity.GoodPerSecond, now);
            if (!HealthKey.AreClosed(site.Keys))
                site.Backlog.EndWindow(_options, seconds);
        }
    }

    private void CountSlots(SiteState site)
    {
        var slots = 0;
        var isKnown = false;
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (target.IsDrained || HealthKey.AreClosed(target.Keys))
                continue;
            slots += target.Limit.Known;
            isKnown |= target.Limit.IsKnown;
        }
        site.Slots = slots;
        site.SlotsPerSecond = isKnown && site.Hold.Usual > 0 ? Math.Max(1, slots / site.Hold.Usual)
            : double.PositiveInfinity;
    }

    /// <summary>Sorts the failure shares of a site's targets, from which each takes the median of the others.</summary>
    private void SortPeers(SiteState site, OperationClass operation, double now)
    {
        var targets = site.Node.Targets;
        site.PeerCounts[(int)operation] = 0;
        if (targets.Length <= PeersMin)
            return;
        var shares = site.PeerShares[(int)operation];
        if (shares is null || shares.Length < targets.Length)
            site.PeerShares[(int)operation] = shares = new double[targets.Length];
        var count = 0;
        foreach (var id in targets)
        {
            var target = _targets[id.Value];
            if (target.IsActive && target.Keys[(int)operation] is { IsClosed: false } key
                && key.Test.Outcomes(now) >= 5)
            {
                shares[count++] = key.Test.FailureShare(now, 0, 0);
            }
        }
        Array.Sort(shares, 0, count);
        site.PeerCounts[(int)operation] = count;
    }

    /// <summary>Median of the others; NaN when there are fewer than three.</summary>
    private static double PeerMedian(SiteState site, HealthKey key, double now)
    {
        var count = site.PeerCounts[(int)key.Operation];
        if (count < PeersMin || site.PeerShares[(int)key.Operation] is not { } shares)
            return double.NaN;
        if (key.Test.Outcomes(now) < 5)
            return count >= PeersMin ? shares[count / 2] : double.NaN;
        // It is one of them: without itself the middle lies one to the other side.
        var own = key.Test.FailureShare(now, 0, 0);
        if (count - 1 < PeersMin)
            return double.NaN;
        var middle = (count - 1) / 2;
        return own <= shares[middle] ? shares[middle + 1 < count ? middle + 1 : middle] : shares[middle];
    }

    private static bool IsFailing(SiteState site)
    {
        foreach (var key in site.Keys)
        {
            if (key is { State: VerdictState.Closed or VerdictState.Degraded })
                return true;
        }
        return false;
    }

    /// <summary>A component is sick while two or more sites that need it fail.</summary>
    private void MarkSickComponents()
    {
        if (Topology.Components.Length == 0)
            return;
        Span<int> sick = Topology.Components.Length <= 256 ? stackalloc int[Topology.Components.Length]
            : new int[Topology.Components.Length];
        foreach (var index in _activeSites)
        {
            if (!IsFailing(_sites[index]))
                continue;
            foreach (var component in _sites[index].Node.DependsOn)
                sick[component]++;
        }
        foreach (var index in _activeSites)
        {
            var shares = false;
            foreach (var component in _sites[index].Node.DependsOn)
                shares |= sick[component] >= 2;
            _sites[index].SharesSickComponent = shares;
        }
    }
}
