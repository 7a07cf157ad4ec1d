using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>Every request has exactly one end, and what the series count is what the totals count.</summary>
internal sealed class ConservationChecker : IRunChecker
{
    public string Name => "conservation";
    public bool IsForEveryPolicy => true;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var totals = run.Totals;
        var end = run.Step * run.Steps;
        if (totals.Unaccounted != 0)
            {
            yield return new Breach(Name, end,
                $"{totals.Unaccounted} of {totals.Requests} requests have no end, or two");
        }
        (string Name, long Total, long Sum)[] compared =
        [
            ("requests", totals.Requests, Sum(run, s => s.Requests) + Backlog(run)),
            ("offered", totals.Offered, Sum(run, s => s.Offered)),
            ("served", totals.Served, Sum(run, s => s.Served)),
            ("late", totals.Late, Sum(run, s => s.Late)),
            ("lost", totals.Lost, Sum(run, s => s.Lost)),
        ];
        foreach (var (name, total, sum) in compared)
        {
            if (total != sum)
                yield return new Breach(Name, end, $"{name}: {total} in all, {sum} by step");
        }
        var placed = run.Sites.Sum(s => s.Placed.Sum(p => (long)p));
        if (placed != totals.Attempts + totals.Canaries && placed != totals.Attempts)
        {
            yield return new Breach(Name, end,
                $"attempts: {totals.Attempts} (and {totals.Canaries} canaries) in all, {placed} by site and step");
        }
    }

    /// <summary>What waited at the start arrived in no step.</summary>
    public static long Backlog(RunRecord run) => run.Scenario.Workloads.Sum(w => (long)w.Backlog);

    private static long Sum(RunRecord run, Func<ServiceSeries, int[]> series) =>
        run.Services.Sum(s => series(s).Sum(v => (long)v));
}
