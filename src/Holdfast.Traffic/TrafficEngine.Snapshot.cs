using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

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
            if (site.Node.IsRetired)
                continue;
            var all = placed[site.Node.Service.Value];
            var targets = new List<TargetSnapshot>();
            foreach (var id in site.Node.Targets)
                targets.Add(Snapshot(site, _targets[id.Value], now));
            sites.Add(new SiteSnapshot(Topology.Services[site.Node.Service.Value].Name, site.Node.Name,
                site.Node.Region, site.Node.IsHome,
                new Verdict(site.State, TimeSpan.FromSeconds(site.Since), site.Evidence),
                site.Capacity.PerSecond, site.Delivered.PerSecond(now), site.Failed.PerSecond(now),
                all > 0 ? site.PlacedMeter.PerSecond(now) / all : 0, targets));
        }
        return new TrafficSnapshot(sites)
        {
            Services = [.. Topology.Services.Where(s => s.SitesNearestFirst.Length > 0).Select(s => new ServiceSnapshot(
                s.Name, _queues[s.Id.Value].Queued, _queues[s.Id.Value].Share, IsClosed(s.Id)))],
        };
    }

    private static TargetSnapshot Snapshot(SiteState site, TargetState target, double now)
    {
        var isClosed = site.IsClosed || target.State == VerdictState.Closed;
        var canary = site.IsClosed ? site.Canary : target.Canary;
        var next = !isClosed ? (TimeSpan?)null
            : canary.InFlight ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Max(0, canary.DueAt - now));
        return new TargetSnapshot(target.Node.Address,
            new Verdict(target.State, TimeSpan.FromSeconds(target.Since), target.Evidence), target.Limit.InFlight,
            target.Limit.Value, target.Delivered.PerSecond(now), target.Latency.Median, next);
    }
}
