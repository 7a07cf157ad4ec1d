using System.Collections.Immutable;

namespace Holdfast.Sim.Runs;

/// <summary>What an all-knowing planner would be told: arrivals, and what each site can truly do, a step
/// each.</summary>
/// <remarks>Independent of every policy: the same for all runs of a scenario and seed. Crashes that a policy caused by
/// overloading a site are not in it.</remarks>
internal sealed class TrueWorld
{
    public required TimeSpan Step { get; init; }
    public required int Steps { get; init; }
    public required ImmutableArray<WorldSite> Sites { get; init; }
    public required ImmutableArray<WorldComponent> Components { get; init; }
    public required ImmutableArray<WorldDemand> Demands { get; init; }
}

/// <param name="Service">Index of the service.</param>
/// <param name="Capacity">Operations a second of the workloads' mix, a value a step: workers at work / mean service
/// time; errors and losses are in <see cref="SuccessShare"/>, components apart.</param>
/// <param name="Reachable">Share of the edges' arrivals that can reach it (partitions), a value a step.</param>
/// <param name="DependsOn">Indexes of components.</param>
internal sealed record WorldSite(
    string Name, int Service, string Region, double[] Capacity, double[] Reachable, ImmutableArray<int> DependsOn)
{
    /// <summary>Seconds that a request takes there and back when nothing waits.</summary>
    public required double BaseLatency { get; init; }
    /// <summary>Share of requests that succeed when they are served, a value a step and operation class; null:
    /// 1.</summary>
    public double[]?[] SuccessShare { get; init; } = new double[]?[8];
}

/// <param name="Capacity">Calls a second, a value a step.</param>
internal sealed record WorldComponent(string Name, double[] Capacity);

/// <summary>One workload's arrivals of one priority.</summary>
/// <param name="Arrivals">Logical requests that arrive, a value a step.</param>
/// <param name="Backlog">Waiting at the start.</param>
/// <param name="DeadlineSeconds">From arrival to the answer.</param>
/// <param name="CanWait">True for mail: it may be served after its deadline, late.</param>
internal sealed record WorldDemand(
    string Workload, int Service, int Operation, int Priority, double[] Arrivals, double Backlog,
    double DeadlineSeconds, bool CanWait);
