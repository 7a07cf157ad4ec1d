using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Holdfast.Traffic.Targets;

/// <summary>Index of a service in <see cref="Topology.Services"/>.</summary>
public readonly record struct ServiceId(int Value);

/// <summary>Index of a site in <see cref="Topology.Sites"/>.</summary>
public readonly record struct SiteId(int Value);

/// <summary>Index of a target in <see cref="Topology.Targets"/>; negative: none.</summary>
public readonly record struct TargetId(int Value)
{
    public static TargetId None => new(-1);
    public bool IsNone => Value < 0;
}

public sealed record ServiceNode(ServiceId Id, string Name, ImmutableArray<SiteId> SitesNearestFirst);

public sealed record SiteNode(
    SiteId Id, string Name, ServiceId Service, string Region, bool IsHome, double? CapacityPerSecond,
    ImmutableArray<TargetId> Targets);

public sealed record TargetNode(TargetId Id, SiteId Site, string Address, int ConcurrencyMax);

/// <summary>Immutable picture of services, sites and targets, indexed by id. Built from validated options.</summary>
/// <remarks>A reload builds a new one; ids are positions in one picture and don't outlive it. Names do.</remarks>
public sealed class Topology
{
    private readonly FrozenDictionary<string, ServiceId> _serviceByName;

    private Topology(ImmutableArray<ServiceNode> services, ImmutableArray<SiteNode> sites,
        ImmutableArray<TargetNode> targets)
    {
        Services = services;
        Sites = sites;
        Targets = targets;
        _serviceByName = services.ToFrozenDictionary(s => s.Name, s => s.Id, StringComparer.OrdinalIgnoreCase);
    }

    public static Topology Empty { get; } = new([], [], []);

    public ImmutableArray<ServiceNode> Services { get; }
    public ImmutableArray<SiteNode> Sites { get; }
    public ImmutableArray<TargetNode> Targets { get; }

    public bool TryFindService(string name, out ServiceId id) => _serviceByName.TryGetValue(name, out id);

    /// <summary>Builds the picture. Options must have passed validation: unknown region names are treated as the
    /// farthest.</summary>
    public static Topology FromOptions(TopologyOptions options)
    {
        var home = options.HomeRegion.Length > 0 ? options.HomeRegion
            : options.Regions.Length > 0 ? options.Regions[0].Name : "";
        var regionOrder = options.Regions.Select(r => r.Name).ToList();
        int Distance(string region)
        {
            if (string.Equals(region, home, StringComparison.OrdinalIgnoreCase))
                return -1;
            var i = regionOrder.FindIndex(r => string.Equals(r, region, StringComparison.OrdinalIgnoreCase));
            return i < 0 ? int.MaxValue : i;
        }

        var serviceNames = new List<string>();
        foreach (var site in options.Sites)
        {
            if (!serviceNames.Contains(site.Service, StringComparer.OrdinalIgnoreCase))
                serviceNames.Add(site.Service);
        }

        var targets = ImmutableArray.CreateBuilder<TargetNode>();
        var sites = ImmutableArray.CreateBuilder<SiteNode>();
        foreach (var site in options.Sites)
        {
            var siteId = new SiteId(sites.Count);
            var ids = ImmutableArray.CreateBuilder<TargetId>();
            foreach (var target in site.Targets)
            {
                var id = new TargetId(targets.Count);
                targets.Add(new TargetNode(id, siteId, target.Address, target.ConcurrencyMax));
                ids.Add(id);
            }
            var service = serviceNames.FindIndex(
                s => string.Equals(s, site.Service, StringComparison.OrdinalIgnoreCase));
            sites.Add(new SiteNode(siteId, site.Name, new ServiceId(service), site.Region, Distance(site.Region) == -1,
                site.CapacityPerSecond, ids.ToImmutable()));
        }

        var services = ImmutableArray.CreateBuilder<ServiceNode>();
        for (var i = 0; i < serviceNames.Count; i++)
        {
            var id = new ServiceId(i);
            services.Add(new ServiceNode(id, serviceNames[i],
                [.. sites.Where(s => s.Service == id).OrderBy(s => Distance(s.Region)).Select(s => s.Id)]));
        }
        return new Topology(services.ToImmutable(), sites.ToImmutable(), targets.ToImmutable());
    }
}
