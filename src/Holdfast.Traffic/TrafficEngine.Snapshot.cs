using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>The picture for people.</summary>
internal sealed partial class TrafficEngine
{
    public TrafficSnapshot Snapshot(TimeSpan time)
    {
        var now = time.TotalSeconds;
        var placed = new double[Topology.Services.Length];
        foreach (var site in _sites)
            placed[site.Node.Service.Value] += site.PlacedMeter.PerSecond(now);
        var sites = new List<SiteSnapshot>();
        foreach (var site in _sites)
        {
            if (!site.Node.IsRetired)
                sites.Add(Snapshot(site, placed[site.Node.Service.Value], now));
        }
        return new TrafficSnapshot(sites)
        {
            Services = [.. Topology.Services.Where(s => s.SitesNearestFirst.Length > 0).Select(s => new ServiceSnapshot(
                s.Name, _services[s.Id.Value].Queue.Queued, _services[s.Id.Value].Queue.Share, IsClosed(s.Id)))],
            Acts = _acts.Snapshot(now),
        };
    }

    /// <summary>Verdicts, limits and what is refused without the rest of the picture, for who looks at ten thousand
    /// targets each second.</summary>
    public VerdictState VerdictOf(SiteId site) => Worst(_sites[site.Value].Keys)?.State ?? VerdictState.Healthy;

    public VerdictState VerdictOf(TargetId target) => Worst(_targets[target.Value].Keys)?.State ?? VerdictState.Healthy;

    public double CapacityOf(SiteId site) => _sites[site.Value].Capacity.PerSecond;

    public double ShedShareOf(ServiceId service) => _services[service.Value].Queue.Share;

    private SiteSnapshot Snapshot(SiteState site, double all, double now)
    {
        var targets = new List<TargetSnapshot>();
        var limit = 0;
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (!target.IsDrained && !HealthKey.AreClosed(target.Keys))
                limit += target.Limit.Value;
            targets.Add(Snapshot(site, target, now));
        }
        var worst = Worst(site.Keys);
        var carried = site.PlacedMeter.PerSecond(now);
        var allowed = worst is { State: VerdictState.Closed } || site.IsDrained ? 0
            : Allowed(site, worst, canWait: true);
        return new SiteSnapshot(Topology.Services[site.Node.Service.Value].Name, site.Node.Name, site.Node.Region,
            site.Node.IsHome, VerdictOf(worst, site.Since), site.Capacity.PerSecond, site.Delivered.PerSecond(now),
            site.Failed.PerSecond(now), all > 0 ? carried / all : 0, targets)
        {
            Weight = site.IsDrained ? 0 : site.ActWeight * site.Canaries.Weight * (worst?.Weight ?? 1),
            InFlight = site.InFlight,
            Limit = limit,
            ProvenPerSecond = site.Capacity.Proven,
            HeadroomPerSecond = Math.Max(0, allowed - carried),
            Operations = Snapshot(site.Keys, now),
            FailingDependencies = site.SharesSickComponent ? SickComponentsOf(site) : [],
        };
    }

    private string[] SickComponentsOf(SiteState site) => [.. site.Node.DependsOn
        .Where(c => _sites.Count(s => s.Node.DependsOn.Contains(c) && IsFailing(s)) >= 2)
        .Select(c => Topology.Components[c])];

    private static List<OperationSnapshot> Snapshot(ReadOnlySpan<HealthKey?> keys, double now)
    {
        var operations = new List<OperationSnapshot>();
        foreach (var k in keys)
        {
            if (k is null)
                continue;
            operations.Add(new OperationSnapshot(k.Operation, k.Test.PerSecond(now),
                1 - k.Test.FailureShare(now, 0, 1e-9), TimeSpan.FromSeconds(k.Latency.Usual),
                TimeSpan.FromSeconds(k.Latency.WindowP95), k.Evidence) { Verdict = k.State });
        }
        return operations;
    }

    /// <summary>The key whose verdict stands for all: closed only when all are, else the gravest.</summary>
    private static HealthKey? Worst(ReadOnlySpan<HealthKey?> keys)
    {
        HealthKey? worst = null;
        foreach (var key in keys)
        {
            if (key is not null && (worst is null || Gravity(key.State) > Gravity(worst.State)))
                worst = key;
        }
        return worst;
    }

    private static int Gravity(VerdictState state) => state switch
    {
        VerdictState.Closed => 4,
        VerdictState.Degraded => 3,
        VerdictState.Recovering => 2,
        VerdictState.Suspect => 1,
        _ => 0,
    };

    private static Verdict VerdictOf(HealthKey? key, double since) => key is null
        ? new Verdict(VerdictState.Healthy, TimeSpan.FromSeconds(since), "")
        : new Verdict(key.State, TimeSpan.FromSeconds(key.Since), key.Evidence);

    private static TargetSnapshot Snapshot(SiteState site, TargetState target, double now)
    {
        var own = Worst(target.Keys);
        var sites = Worst(site.Keys);
        var closed = sites is { IsClosed: true } ? sites : own is { IsClosed: true } ? own : null;
        var next = closed is null ? (TimeSpan?)null : closed.Canary.InFlight ? TimeSpan.Zero
            : TimeSpan.FromSeconds(Math.Max(0, closed.Canary.DueAt - now));
        return new TargetSnapshot(target.Node.Address, VerdictOf(own, 0), target.Limit.InFlight, target.Limit.Value,
            target.Delivered.PerSecond(now), TimeSpan.FromSeconds(own?.Latency.Usual ?? 0), next);
    }
}
