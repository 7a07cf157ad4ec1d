using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Checkers;

/// <summary>Who has the same priority and the same home has the same chance, whichever edge the request came
/// to.</summary>
/// <remarks>Judged by the share served in time; edges that a fault treats differently (their own partition or pause)
/// aren't compared, nor those with fewer than 200 requests of the class.</remarks>
internal sealed class FairnessChecker : IRunChecker
{
    private const int RequestsMin = 200;
    private const double Margin = 0.05;
    /// <summary>Two of the widest coin's (a half) that a class of the least size may stray by chance.</summary>
    private const double Deviations = 2 * 0.5;

    public string Name => "fairness";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var services = run.Scenario.Services.Length;
        var edges = run.Scenario.Edges;
        if (run.EdgeRequests.Length == 0 || run.Scenario.Faults.Any(TreatsEdgesDifferently))
            yield break;
        for (var service = 0; service < services; service++)
        {
            for (var priority = 0; priority < RunRecord.Priorities; priority++)
            {
                foreach (var home in edges.Select(e => e.Home).Distinct(StringComparer.OrdinalIgnoreCase))
                {
                    var shares = Enumerable.Range(0, edges.Length)
                        .Where(e => string.Equals(edges[e].Home, home, StringComparison.OrdinalIgnoreCase))
                        .Select(e => (e * services + service) * RunRecord.Priorities + priority)
                        .Where(i => run.EdgeRequests[i] >= RequestsMin)
                        .Select(i => (double)run.EdgeServed[i] / run.EdgeRequests[i]).ToList();
                    var noise = Deviations / Math.Sqrt(RequestsMin);
                    if (shares.Count > 1 && shares.Max() - shares.Min() > Margin + noise)
                    {
                        var name = run.Scenario.Services[service].Name;
                        yield return new Breach(Name, run.Step * run.Steps, FormattableString.Invariant(
                            $"{name}, priority {priority}: edges serve from {shares.Min():P0} to {shares.Max():P0}"));
                    }
                }
            }
        }
    }

    private static bool TreatsEdgesDifferently(FaultSpec fault) =>
        fault.Kind is FaultKind.Partition or FaultKind.Loss or FaultKind.Pause or FaultKind.ClockStep;
}
