using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>Never more is shifted to a site than it has proven, and what exploring adds.</summary>
/// <remarks>
/// Reckoned here anew and not asked of the engine: proven is what the operator declared (else
/// <c>CapacityInitial</c>), or 1.1 × the best goodput of ten seconds so far; beyond it at most max(2 %, 5/s) more each
/// second. Judged for sites away from every edge's home, over three seconds, with three deviations of a Poisson count:
/// at a home site what arrives is not shifted.
/// </remarks>
internal sealed class ShiftChecker : IRunChecker
{
    private const double GoodputFactor = 1.1;
    private const double ExploreShare = 0.02;
    private const double ExplorePerSecond = 5;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ProofWindow = TimeSpan.FromSeconds(10);

    public string Name => "shift";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        for (var site = 0; site < run.Sites.Length; site++)
        {
            var spec = run.Scenario.Sites[site];
            if (run.Scenario.Edges.Any(e => e.Home == spec.Region) || IsOnlySite(run, site))
                continue;
            foreach (var breach in Check(run, site, spec.DeclaredCapacity ?? run.Scenario.Traffic.CapacityInitial))
                yield return breach;
        }
    }

    private IEnumerable<Breach> Check(RunRecord run, int site, double first)
    {
        var series = run.Sites[site];
        var step = run.Step.TotalSeconds;
        var width = SeriesWindows.Steps(Window, run.Step);
        var proofWidth = SeriesWindows.Steps(ProofWindow, run.Step);
        var seconds = width * step;
        var explored = first;
        for (var end = 1; end <= run.Steps; end++)
        {
            var from = end - width;
            var placed = SeriesWindows.Sum(series.Placed, from, end);
            var most = explored * seconds;
            if (placed > most + 3 * Math.Sqrt(most) + 1)
            {
                var name = run.Scenario.Sites[site].Name;
                yield return new Breach(Name, run.Step * end, FormattableString.Invariant(
                    $"{name} was given {placed / seconds:0.#}/s and had proven {explored:0.#}/s"));
                yield break;
            }
            var goodput = SeriesWindows.Sum(series.Succeeded, end - proofWidth, end) / (proofWidth * step);
            // Exploring goes on while what is proven is used.
            if (placed >= 0.8 * most)
                explored += Math.Max(ExploreShare * explored, ExplorePerSecond) * step;
            explored = Math.Max(explored, GoodputFactor * goodput);
        }
    }

    private static bool IsOnlySite(RunRecord run, int site) =>
        run.Scenario.Sites.Count(s => s.Service == run.Scenario.Sites[site].Service) == 1;
}
