using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Holdfast.Traffic.Targets;

/// <summary>Index of a service in <see cref="Topology.Services"/>.</summary>
public readonly record struct ServiceId(int Value);

/// <summary>Index of a region in <see cref="Topology.Regions"/>.</summary>
public readonly record struct RegionId(int Value);

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

/// <param name="IsHome">True when it is in the region that is its service's home.</param>
/// <param name="Targets">Targets in use.</param>
public sealed record SiteNode(
    SiteId Id, string Name, ServiceId Service, string Region, bool IsHome, double? CapacityPerSecond,
    ImmutableArray<TargetId> Targets)
{
    public RegionId RegionId { get; init; }

    /// <summary>Indexes into <see cref="Topology.Components"/>.</summary>
    public ImmutableArray<int> DependsOn { get; init; } = [];

    /// <summary>True when the configuration no longer names it; its id still means it.</summary>
    public bool IsRetired { get; init; }
}

public sealed record TargetNode(TargetId Id, SiteId Site, string Address, int ConcurrencyMax)
{
    /// <summary>True when the configuration no longer names it: what is under way may be released, nothing is placed.
    /// </summary>
    public bool IsRetired { get; init; }
}

/// <summary>Immutable picture of services, regions, sites, targets and the components that sites need, indexed by id.
/// Built from validated options.</summary>
/// <remarks>A reload builds a new one from the one before: what keeps its name (a target: its site and address) keeps
/// its id, what is gone is retired and keeps its place, what is new comes at the end.</remarks>
public sealed class Topology
{
    private readonly FrozenDictionary<string, ServiceId> _serviceByName;

    private readonly TopologyOptions _options;

    internal Topology(TopologyOptions options, ImmutableArray<ServiceNode> services, ImmutableArray<SiteNode> sites,
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

    /// <summary>Names of regions, in the order in which they were first heard of.</summary>
    public ImmutableArray<string> Regions { get; internal init; } = [];

    /// <summary>Names of what sites depend on.</summary>
    public ImmutableArray<string> Components { get; internal init; } = [];

    public bool TryFindService(string name, out ServiceId id) => _serviceByName.TryGetValue(name, out id);

    /// <summary>Builds the first picture.</summary>
    public static Topology FromOptions(TopologyOptions options) => FromOptions(options, Empty);

    /// <summary>Builds the picture that follows <paramref name="previous"/>. Options must have passed validation:
    /// unknown region names are treated as the farthest.</summary>
    public static Topology FromOptions(TopologyOptions options, Topology previous) =>
        new TopologyBuilder(options, previous).Build();

    /// <summary>This picture with ids that go on from those of <paramref name="previous"/>; itself when they do
    /// already.</summary>
    public Topology After(Topology previous) => Follows(previous) ? this : FromOptions(_options, previous);

    private bool Follows(Topology previous)
    {
        if (Services.Length < previous.Services.Length || Sites.Length < previous.Sites.Length
            || Targets.Length < previous.Targets.Length || !Begins(Regions, previous.Regions)
            || !Begins(Components, previous.Components))
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

    private static bool Begins(ImmutableArray<string> names, ImmutableArray<string> with)
    {
        if (names.Length < with.Length)
            return false;
        for (var i = 0; i < with.Length; i++)
        {
            if (!Same(names[i], with[i]))
                return false;
        }
        return true;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
