using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>After everything is healed the run comes back to 99 % of the optimum, within the scenario's bound and for
/// good: no collapse outlives its cause.</summary>
/// <remarks>Without an optimum, what arrives is taken for it. Windows of ten seconds or 300 requests, whichever is
/// longer; what is still under way at the end isn't held against the run.</remarks>
internal sealed class ConvergenceChecker : IRunChecker
{
    private const double Share = 0.99;
    private const double RequestsMin = 300;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public string Name => "convergence";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        if (run.Scenario.Holds.ConvergeWithin is not { } within || run.Scenario.HealedAt is not { } healed)
            yield break;
        var took = TimeToConverge(run, optimum);
        if (took is null || took > within)
        {
            yield return new Breach(Name, healed, took is { } late
                ? FormattableString.Invariant(
                    $"99 % of the optimum {late.TotalSeconds:0} s after healing, {within.TotalSeconds:0} s are allowed")
                : "never came back to 99 % of the optimum after healing");
        }
    }

    /// <summary>From healing until every later window is at 99 %; null: never.</summary>
    public static TimeSpan? TimeToConverge(RunRecord run, OptimumResult? optimum)
    {
        if (run.Scenario.HealedAt is not { } healed)
            return null;
        var from = SeriesWindows.Steps(healed, run.Step);
        var served = new double[run.Steps];
        var best = new double[run.Steps];
        foreach (var series in run.Services)
        {
            for (var i = 0; i < run.Steps; i++)
            {
                served[i] += series.Served[i];
                best[i] += series.Requests[i];
            }
        }
        best = optimum?.Goodput ?? best;
        var converged = -1;
        var end = LastStep(run);
        var surplus = 0.0;
        for (var start = end; start >= from;)
        {
            var first = Before(best, start, SeriesWindows.Steps(Window, run.Step), from);
            var wanted = SeriesWindows.Sum(best, first, start);
            var got = SeriesWindows.Sum(served, first, start) + surplus;
            // A window may give the earlier one what it served more than its own: answers come a moment later.
            surplus = Math.Clamp(got - wanted, 0, 0.05 * wanted);
            if (got < Share * wanted - 2)
                break;
            converged = first;
            start = first;
            if (first <= from)
                break;
        }
        return converged < 0 ? null : run.Step * Math.Max(0, converged - from);
    }

    private static int Before(double[] best, int end, int width, int from)
    {
        var first = Math.Max(from, end - width);
        while (first > from && SeriesWindows.Sum(best, first, end) < RequestsMin)
            first--;
        return first;
    }

    /// <summary>Requests of the last moments are still under way.</summary>
    private static int LastStep(RunRecord run)
    {
        var slack = TimeSpan.FromSeconds(Math.Min(10, run.Scenario.Workloads.Max(w => w.Deadline.TotalSeconds)));
        return Math.Max(1, run.Steps - SeriesWindows.Steps(slack, run.Step));
    }
}
