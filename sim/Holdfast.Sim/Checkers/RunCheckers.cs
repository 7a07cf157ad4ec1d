using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>All invariants.</summary>
internal static class RunCheckers
{
    public static IReadOnlyList<IRunChecker> All { get; } =
    [
        new ConservationChecker(), new AttemptsChecker(), new ShiftChecker(), new HealthyTargetsChecker(),
        new PriorityChecker(), new ConvergenceChecker(), new FairnessChecker(), new HoldsChecker(),
    ];

    /// <summary>At most ten breaches a checker: the first ones tell.</summary>
    public static IReadOnlyList<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var isOurs = string.Equals(run.Policy, "holdfast", StringComparison.Ordinal);
        var breaches = new List<Breach>();
        foreach (var checker in All)
        {
            if (isOurs || checker.IsForEveryPolicy)
                breaches.AddRange(checker.Check(run, optimum).Take(10));
        }
        return breaches;
    }
}
