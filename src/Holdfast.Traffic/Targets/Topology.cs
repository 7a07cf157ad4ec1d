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

/// <param name="SitesNearestFirst">Sites in use; none when the service was taken out of the configuration.</param>
public sealed record ServiceNode(ServiceId Id, string Name, ImmutableArray<SiteId> SitesNearestFirst);

/// <param name="Targets">Targets in use.</param>
public sealed record SiteNode(
    SiteId Id, string Name, ServiceId Service, string Region, bool IsHome, double? CapacityPerSecond,
    ImmutableArray<TargetId> Targets)
{
    /// <summary>True when the configuration no longer names it; its id still means it.</summary>
    public bool IsRetired { get; init; }
}

public sealed record TargetNode(TargetId Id, SiteId Site, string Address, int ConcurrencyMax)
{
    /// <summary>True when the configuration no longer names it: what is under way may be released, nothing is placed.
    /// </summary>
    public bool IsRetired { get; init; }
}

/// <summary>Immutable picture of services, sites and targets, indexed by id. Built from validated options.</summary>
/// <remarks>A reload builds a new one from the one before: what keeps its name (a target: its site and address) keeps
/// its id, what is gone is retired and keeps its place, what is new comes at the end.</remarks>
public sealed class Topology
{
    private readonly FrozenDictionary<string, ServiceId> _serviceByName;

    private readonly TopologyOptions _options;

    private Topology(TopologyOptions options, ImmutableArray<ServiceNode> services, ImmutableArray<SiteNode> sites,
        ImmutableArray<TargetNode> targets)
    {
        _options = options;
        Services = services;
        Sites = sites;
        Targets = targets;
        _serviceByName = services.ToFrozenDictionary(s => s.Name, s => s.Id, StringComparer.OrdinalIgnoreCase);
    }

    public static Topology Empty { get; } = new(new TopologyOptions(), [], [], []);

    public ImmutableArray<ServiceNode> Services { get; }
    public ImmutableArray<SiteNode> Sites { get; }
    public ImmutableArray<TargetNode> Targets { get; }

    public bool TryFindService(string name, out ServiceId id) => _serviceByName.TryGetValue(name, out id);

    /// <summary>Builds the first picture.</summary>
    public static Topology FromOptions(TopologyOptions options) => FromOptions(options, Empty);

    /// <summary>Builds the picture that follows <paramref name="previous"/>. Options must have passed validation:
    /// unknown region names are treated as the farthest.</summary>
    public static Topology FromOptions(TopologyOptions options, Topology previous)
    {
        var regions = new RegionOrder(options);
        var services = previous.Services.Select(s => s.Name).ToList();
        var sites = previous.Sites.Select(s => s with { IsRetired = true, Targets = [] }).ToList();
        var targets = previous.Targets.Select(t => t with { IsRetired = true }).ToList();
        foreach (var site in options.Sites)
        {
            var service = FindOrAdd(services, site.Service);
            var siteId = sites.FindIndex(s => Same(s.Name, site.Name));
            if (siteId < 0)
            {
                siteId = sites.Count;
                sites.Add(new SiteNode(new SiteId(siteId), site.Name, new ServiceId(service), site.Region, false, null,
                    []));
            }
            var ids = ImmutableArray.CreateBuilder<TargetId>();
            foreach (var target in site.Targets)
            {
                var id = targets.FindIndex(t => t.Site.Value == siteId && Same(t.Address, target.Address));
                if (id < 0)
                {
                    id = targets.Count;
                    targets.Add(new TargetNode(new TargetId(id), new SiteId(siteId), target.Address, 1));
                }
                targets[id] = targets[id] with { ConcurrencyMax = target.ConcurrencyMax, IsRetired = false };
                ids.Add(new TargetId(id));
            }
            sites[siteId] = new SiteNode(new SiteId(siteId), site.Name, new ServiceId(service), site.Region,
                regions.Distance(site.Region) == RegionOrder.Home, site.CapacityPerSecond, ids.ToImmutable());
        }
        return new Topology(options,
            [.. services.Select((name, i) => new ServiceNode(new ServiceId(i), name,
                [.. options.Sites.Where(s => Same(s.Service, name)).OrderBy(s => regions.Distance(s.Region))
                    .Select(s => new SiteId(sites.FindIndex(n => Same(n.Name, s.Name))))]))],
            [.. sites], [.. targets]);
    }

    /// <summary>This picture with ids that go on from those of <paramref name="previous"/>; itself when they do
    /// already.</summary>
    public Topology After(Topology previous) => Follows(previous) ? this : FromOptions(_options, previous);

    private bool Follows(Topology previous)
    {
        if (Services.Length < previous.Services.Length || Sites.Length < previous.Sites.Length
            || Targets.Length < previous.Targets.Length)
        {
            return false;
        }
        for (var i = 0; i < previous.Services.Length; i++)
        {
            if (!Same(Services[i].Name, previous.Services[i].Name))
                return false;
        }
        for (var i = 0; i < previous.Sites.Length; i++)
        {
            if (!Same(Sites[i].Name, previous.Sites[i].Name))
                return false;
        }
        for (var i = 0; i < previous.Targets.Length; i++)
        {
            if (Targets[i].Site != previous.Targets[i].Site || !Same(Targets[i].Address, previous.Targets[i].Address))
                return false;
        }
        return true;
    }

    private static int FindOrAdd(List<string> names, string name)
    {
        var i = names.FindIndex(n => Same(n, name));
        if (i >= 0)
            return i;
        names.Add(name);
        return names.Count - 1;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}

/// <summary>How far a region is from home, in steps of the configured order.</summary>
internal sealed class RegionOrder
{
    public const int Home = -1;
    private readonly string _home;
    private readonly List<string> _order;

    public RegionOrder(TopologyOptions options)
    {
        _home = options.HomeRegion.Length > 0 ? options.HomeRegion
            : options.Regions.Length > 0 ? options.Regions[0].Name : "";
        _order = [.. options.Regions.Select(r => r.Name)];
    }

    public int Distance(string region)
    {
        if (string.Equals(region, _home, StringComparison.OrdinalIgnoreCase))
            return Home;
        var i = _order.FindIndex(r => string.Equals(r, region, StringComparison.OrdinalIgnoreCase));
        return i < 0 ? int.MaxValue : i;
    }
}
