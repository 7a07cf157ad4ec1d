using System.Collections.Immutable;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>The targets of one service as a proxy's configuration lists them.</summary>
internal sealed class ServicePool
{
    public ServicePool(Topology topology, ServiceNode service)
    {
        Levels = [.. service.SitesNearestFirst
            .Select(s => topology.Sites[s.Value].Targets.Select(t => t.Value).ToImmutableArray())];
        All = [.. Levels.SelectMany(l => l)];
        Home = Levels.IsEmpty ? [] : Levels[0];
        Others = [.. Levels.Skip(1).SelectMany(l => l)];
    }

    /// <summary>Targets by site, the home site first, then by distance.</summary>
    public ImmutableArray<ImmutableArray<int>> Levels { get; }
    public ImmutableArray<int> All { get; }
    /// <summary>Targets of the nearest site: a proxy's servers in use.</summary>
    public ImmutableArray<int> Home { get; }
    /// <summary>The other sites' targets: a proxy's <c>backup</c> servers.</summary>
    public ImmutableArray<int> Others { get; }
}
