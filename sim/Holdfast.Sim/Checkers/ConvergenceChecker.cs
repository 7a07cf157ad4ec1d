using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>After everything is healed the run comes back to 99 % of the optimum, within the scenario's bound and for
/// good: no collapse outlives its cause.</summary>
/// <remarks>A window of ten seconds or 300 requests, whichever is longer, is good when as much is served in it as the
/// optimum serves, or when 99 % of what arrives in it is served in time at last: answers of one window are told in the
/// next. Without an optimum, what arrives is taken for it. What is under way at the end isn't held against the run.
/// </remarks>
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

    /// <summary>From healing until every later window is good; null: never.</summary>
    public static TimeSpan? TimeToConverge(RunRecord run, OptimumResult? optimum)
    {
        if (run.Scenario.HealedAt is not { } healed)
            return null;
        var from = SeriesWindows.Steps(healed, run.Step);
        var arrived = SumOf(run, s => s.Requests);
        var served = SumOf(run, s => s.Served);
        var servedOfArrived = SumOf(run, s => s.ServedOfArrived);
        var best = optimum?.Goodput ?? arrived;
        var width = SeriesWindows.Steps(Window, run.Step);
        var converged = -1;
        for (var end = LastStep(run); end > from; end = converged)
        {
            var first = Before(arrived, end, width, from);
            if (!IsGood(served, best, first, end) && !IsGood(servedOfArrived, arrived, first, end))
                break;
            converged = first;
        }
        return converged < 0 ? null : run.Step * (converged - from);
    }

    private static bool IsGood(double[] got, double[] wanted, int from, int to) =>
        SeriesWindows.Sum(got, from, to) >= Share * SeriesWindows.Sum(wanted, from, to) - 2;

    private static double[] SumOf(RunRecord run, Func<ServiceSeries, int[]> series)
    {
        var sum = new double[run.Steps];
        foreach (var one in run.Services)
        {
            for (var i = 0; i < run.Steps; i++)
                sum[i] += series(one)[i];
        }
        return sum;
    }

    private static int Before(double[] arrived, int end, int width, int from)
    {
        var first = Math.Max(from, end - width);
        while (first > from && SeriesWindows.Sum(arrived, first, end) < RequestsMin)
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
