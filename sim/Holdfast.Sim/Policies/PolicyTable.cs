namespace Holdfast.Sim.Policies;

/// <summary>The policies by the names that people type.</summary>
internal static class PolicyTable
{
    public static IReadOnlyList<NamedPolicy> All { get; } =
    [
        new("holdfast", "our engine", (topology, options, edges, random) =>
            new HoldfastPolicy(topology, options.For(edges), random)),
        new("no-manager", "home site only; mail falls back as MX records do",
            (topology, _, _, random) => new NoManagerPolicy(topology, random)),
        new("round-robin", "round robin, nothing else",
            (topology, _, _, random) => new RoundRobinPolicy(topology, random)),
        new("haproxy", "least connections, port checks, as HAProxy's defaults",
            (topology, _, _, random) => new HaproxyPolicy(topology, random)),
        new("nginx", "least connections, passive checks, as nginx' defaults",
            (topology, _, _, random) => new NginxPolicy(topology, random)),
        new("linkerd", "two by peak-EWMA, consecutive failures, as Linkerd's defaults",
            (topology, _, _, random) => new LinkerdPolicy(topology, random)),
        new("envoy", "outlier ejection, priority levels and panic, as Envoy's defaults",
            (topology, _, _, random) => new EnvoyPolicy(topology, random)),
    ];

    public static NamedPolicy? Find(string name) =>
        All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase));
}

/// <param name="About">One line for people.</param>
internal sealed record NamedPolicy(string Name, string About, PolicyFactory Create);
