namespace Holdfast.Sim.Policies;

/// <summary>The policies by the names that people type.</summary>
internal static class PolicyTable
{
    public static IReadOnlyList<NamedPolicy> All { get; } =
    [
        new("holdfast", "our engine", (topology, options, _, random) => new HoldfastPolicy(topology, options, random)),
        new("round-robin", "round robin, nothing else", (topology, _, _, _) => new RoundRobinPolicy(topology)),
    ];

    public static NamedPolicy? Find(string name) =>
        All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase));
}

/// <param name="About">One line for people.</param>
internal sealed record NamedPolicy(string Name, string About, PolicyFactory Create);
