using System.Collections.Immutable;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Provider;

/// <summary>What the servers of one site or one component have in common.</summary>
internal sealed class ServerPool
{
    public required ServerSpec Spec { get; init; }
    public required string Name { get; init; }
    /// <summary>Index of its first server among all.</summary>
    public required int First { get; init; }
    /// <summary>Index of the site; −1: a component.</summary>
    public required int Site { get; init; }
    /// <summary>Index of the component; −1: a site.</summary>
    public required int Component { get; init; }
    /// <summary>Speaks SMTP: it notices at the greeting that its client has left.</summary>
    public required bool IsMail { get; init; }
    /// <summary>It greets only when a worker is free.</summary>
    public bool GreetsWhenFree { get; init; }
    public required RandomStream Random { get; init; }
    public required double[] OperationFactors { get; init; }
    public required ImmutableArray<int> DependsOn { get; init; }
    /// <summary>Components that it has lost, by position in <see cref="DependsOn"/>: faults that hold it so.</summary>
    public int[] Lost { get; init; } = new int[8];
    public int Count => Spec.Count;
    /// <summary>e^(−σ²/2): makes the mean of the lognormal 1.</summary>
    public double MeanFactor { get; init; } = 1;
    public double MeanTicks { get; init; }
    public long DoneInStep;
}
