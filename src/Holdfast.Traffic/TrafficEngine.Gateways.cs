using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Health;

namespace Holdfast.Traffic;

/// <summary>Several gateways before the same sites: what each tells, and what it makes of what it hears.</summary>
/// <remarks>
/// 1. Capacity: of what is declared a gateway takes what those leave that have enough, divided among those that are
/// short of it by what is asked of them. Of what a site has shown to take instead, as with limits. Unheard, where it is
/// told of others (<c>Gateways</c>), it begins away from home with an even part and explores.
/// 2. Limits: those whose limit binds at a target move, half of the way a second, to equal parts by what is asked of
/// them; their sum stays. Each limit by itself only keeps its share: growth and fall are in proportion.
/// 3. Verdicts: a site that others reach is not cut off for bad luck, but degraded: closed only if so many failures in
/// a row would have a chance of 1 in 10 000 at the others' share of failures. Canaries that pass elsewhere pass.
/// 4. What others hold open all the time comes back at half its share: it is warm, and only we had left.
/// Nothing here needs an answer: unheard for three seconds, a gateway does as if it were alone.
/// </remarks>
internal sealed partial class TrafficEngine
{
    private const double ShareGain = 0.5;
    private const double ShortSeconds = 1.5;
    private const double DemandGain = 0.1;
    private const double OthersOutcomesMin = 5;
    private const double OthersFailuresMax = 0.8;
    private const double LogBadLuck = -9.21;
    /// <summary>Three canaries of the usual five seconds.</summary>
    private const double CanarySeconds = 15;
    /// <summary>In which what the others place is known.</summary>
    private const double HeardSeconds = 2.5;
    private readonly OtherGateways _others = new();
    private long _reportNumber;

    /// <summary>What the others are to be told now.</summary>
    public GatewayReport Tell(int gateway, TimeSpan time)
    {
        var now = time.TotalSeconds;
        var sites = new List<SiteReport>(_activeSites.Count);
        var targets = new List<TargetReport>();
        foreach (var index in _activeSites)
            sites.Add(Tell(_sites[index], now));
        foreach (var phase in _activeTargets)
        {
            foreach (var index in phase)
            {
                if (_targets[index].Limit is { IsShort: true } limit)
                    targets.Add(new TargetReport(_targets[index].Id, limit.Exact));
            }
        }
        return new GatewayReport(gateway, ++_reportNumber, [.. _services.Select(s => s.Demand)], sites, targets);
    }

    private static SiteReport Tell(SiteState site, double now)
    {
        double outcomes = 0, failures = 0;
        foreach (var key in site.Keys)
        {
            if (key is { State: not (VerdictState.Closed or VerdictState.Recovering) })
                AddTo(key.Test, now, ref outcomes, ref failures);
        }
        return new SiteReport(site.Node.Id, site.Placed.PerSecond(now), IsShort(site, now),
            IsHeld(site, now) ? site.Capacity.PerSecond : 0, outcomes, failures,
            site.Canaries.PassedAgo(now));
    }

    public void Hear(GatewayReport report, TimeSpan now) => _others.Hear(report, now.TotalSeconds);

    /// <summary>What it has taken before it pushed back is what holds us back now.</summary>
    private static bool IsHeld(SiteState site, double now) => site.Capacity.IsContradicted && IsShort(site, now);

    private static bool IsShort(SiteState site, double now) => now - site.RefusedAt < ShortSeconds;

    /// <summary>Once a second: this gateway's part of each declared capacity.</summary>
    private void DivideSites(double now)
    {
        foreach (var service in _services)
            service.Demand += DemandGain * (service.Queue.OfferedPerSecond - service.Demand);
        var were = _others.AreHeard;
        _others.Sum(Topology, now);
        if (!were && _options.Gateways <= 1)
            return;
        foreach (var site in _sites)
        {
            if (_others.AreHeard)
                DivideCapacity(site, now);
            site.Part = site.Capacity.Declared is not { } declared ? double.PositiveInfinity
                : _others.AreHeard ? Part(site, declared) : PartUnheard(site, declared, now);
        }
    }

    private double Part(SiteState site, double declared)
    {
        ref readonly var others = ref _others[site.Node.Id];
        var own = DemandOf(site);
        return Math.Max(1, Math.Max(0, declared - others.PlacedPerSecond) * own / (own + others.DemandOfShort));
    }

    /// <summary>Others are there and aren't heard: at home as if alone; away its even part, or what it carries, and
    /// what exploring adds while that is used.</summary>
    private double PartUnheard(SiteState site, double declared, double now)
    {
        if (site.Node.IsHome || _options.Gateways <= 1)
            return double.PositiveInfinity;
        var placed = site.Placed.PerSecond(now);
        var part = Math.Max(declared / _options.Gateways, Math.Min(site.Part, 1.1 * placed));
        if (placed < 0.8 * part || site.Capacity.IsOverloaded(now, 3))
            return part;
        return Math.Min(declared, part + Math.Max(0.02 * declared, 5) / _options.Gateways);
    }

    /// <summary>What a site has shown to take, of each gateway by itself: towards equal parts.</summary>
    private void DivideCapacity(SiteState site, double now)
    {
        ref readonly var others = ref _others[site.Node.Id];
        if (others.DemandOfHeld <= 0 || !IsHeld(site, now))
            return;
        var own = DemandOf(site);
        var held = site.Capacity.PerSecond;
        var fair = (held + others.Capacity) * own / (own + others.DemandOfHeld);
        site.Capacity.Approach(held + ShareGain * (fair - held));
    }

    /// <remarks>Who isn't heard can't be waited for: up to its even part the steps are whole.</remarks>
    private void TickSpill(SiteState site, double placed, double full, bool isNeeded, double elapsed, double now)
    {
        var isHeard = _others.AreHeard && site.Node.Id.Value < _others.Sites;
        var first = site.Full / (isHeard ? 1 + _others.Count : _options.Gateways);
        if (site.Node.IsHome || !IsLastResort(site))
            site.LastResortSince = double.NaN;
        else if (double.IsNaN(site.LastResortSince))
            site.LastResortSince = now;
        site.Spill.Tick(placed, full, isNeeded, elapsed, now, first,
            isHeard ? 1 + _others[site.Node.Id].Short : 1, Known(site, full, first, isHeard, now));
    }

    /// <summary>What is known to fit on a site to which everything goes now; 0: a nearer one is open.</summary>
    /// <remarks>Others may lose the same home in the same second: until they have told what they place, and for good
    /// where nothing is declared that could be divided, at most its even part.</remarks>
    private double Known(SiteState site, double full, double first, bool isHeard, double now)
    {
        if (double.IsNaN(site.LastResortSince))
            return 0;
        var known = Math.Min(full, site.Capacity.Proven);
        var isDivided = site.Capacity.Declared is not null
            && (!isHeard || _others.Count == 0 || now - site.LastResortSince >= HeardSeconds);
        return isDivided ? known : Math.Min(known, first);
    }

    /// <summary>Every nearer site of the service is closed for something that it was asked for, or out of use.
    /// </summary>
    private bool IsLastResort(SiteState site)
    {
        // While it is read in, its service may not be there yet.
        if (site.Node.Service.Value >= _services.Length)
            return false;
        var service = _services[site.Node.Service.Value];
        foreach (var id in Topology.Services[site.Node.Service.Value].SitesNearestFirst)
        {
            if (id == site.Node.Id)
                return true;
            var nearer = _sites[id.Value];
            if (!nearer.IsDrained && nearer.ActWeight > 0 && (!service.IsPinned || nearer.IsPinned)
                && !HealthKey.IsAnyClosed(nearer.Keys))
            {
                return false;
            }
        }
        return false;
    }

    /// <summary>After a target's window: towards equal limits.</summary>
    private void DivideLimit(SiteState site, TargetState target)
    {
        if (!_others.AreHeard || !target.Limit.IsShort || target.Id.Value >= _others.Targets)
            return;
        ref readonly var others = ref _others[target.Id];
        if (others.Demand <= 0)
            return;
        var own = DemandOf(site);
        var fair = (target.Limit.Exact + others.Limit) * own / (own + others.Demand);
        target.Limit.Approach(target.Limit.Exact + ShareGain * (fair - target.Limit.Exact));
    }

    private double DemandOf(SiteState site) =>
        _services[site.Node.Service.Value].Demand is > 0 and var demand ? demand : 1;

    /// <summary>Whether the others reach a site for which we would close it.</summary>
    private bool IsRefuted(SiteState site, HealthKey key)
    {
        if (!IsServedElsewhere(site))
            return false;
        ref readonly var others = ref _others[site.Node.Id];
        return key.Test.FailuresInRow * Math.Log((others.Failures + 1) / (others.Outcomes + 2)) > LogBadLuck;
    }

    private bool IsServedElsewhere(SiteState site) => _others.AreHeard && site.Node.Id.Value < _others.Sites
        && _others[site.Node.Id] is { Outcomes: >= OthersOutcomesMin } others
        && others.Failures <= OthersFailuresMax * others.Outcomes;

    private bool PassesElsewhere(SiteState site) => _others.AreHeard && site.Node.Id.Value < _others.Sites
        && _others[site.Node.Id].CanaryPassedAgo < CanarySeconds;
}
