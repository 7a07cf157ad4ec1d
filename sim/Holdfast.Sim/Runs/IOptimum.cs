namespace Holdfast.Sim.Runs;

/// <summary>The planner that knows the future; bound by hosts that carry one.</summary>
internal interface IOptimum
{
    OptimumResult Solve(TrueWorld world);
}

/// <param name="Goodput">Served in time, a value a step, in the step of the service.</param>
/// <param name="ByService">The same by service.</param>
/// <param name="Total">Sum of <paramref name="Goodput"/>.</param>
/// <param name="DrainedAt">When the backlog of the start could be gone; null: there was none, or never.</param>
/// <param name="Note">What the programme leaves out, for the report.</param>
internal sealed record OptimumResult(
    double[] Goodput, double[][] ByService, double Total, TimeSpan? DrainedAt, string Note);
