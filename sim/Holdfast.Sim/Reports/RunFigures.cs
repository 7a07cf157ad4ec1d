using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Reports;

/// <summary>The figures by which runs are compared.</summary>
internal sealed record RunFigures
{
    public required string Policy { get; init; }
    /// <summary>Share of all requests that were served in time.</summary>
    public required double ServedShare { get; init; }
    /// <summary>The same for the most important priority that there is.</summary>
    public required double ServedTopShare { get; init; }
    /// <summary>Share served in time of what arrived in the last tenth of the run, answers under way counted.</summary>
    public required double ServedAtEndShare { get; init; }
    public required double WorstMinuteShare { get; init; }
    /// <summary>Attempts at sites a request.</summary>
    public required double AttemptsPerRequest { get; init; }
    /// <summary>Median and worst of the steps' 99th percentiles, seconds; NaN: nothing was served.</summary>
    public required double LatencyP99Median { get; init; }
    /// <summary>Highest use (placed / true capacity over ten seconds) of a site without a fault of its own.</summary>
    public required double PeakUse { get; init; }
    public required int HealthyClosed { get; init; }
    public required int Crashes { get; init; }
    /// <summary>1 − served / optimum; null: no optimum.</summary>
    public required double? Regret { get; init; }
    /// <summary>From healing until everything later is served as it arrives (99 % of it, over ten seconds); null:
    /// never,
    /// or nothing heals.</summary>
    public required TimeSpan? ConvergedAfter { get; init; }

    public static RunFigures Of(RunRecord run, OptimumResult? optimum)
    {
        var totals = run.Totals;
        var served = SumBySteps(run, s => s.Served);
        var offered = SumBySteps(run, s => s.Requests);
        var ofArrived = SumBySteps(run, s => s.ServedOfArrived);
        var tail = Math.Max(1, run.Steps / 10);
        var top = Enumerable.Range(0, RunRecord.Priorities)
            .First(p => p == RunRecord.Priorities - 1 || Requests(run, p) > 0);
        return new RunFigures
        {
            Policy = run.Policy,
            ServedShare = Share(totals.Served, totals.Requests - InFlightAtEnd(run)),
            ServedTopShare = Share(Sum(run, top, s => s.ServedOfArrived), Requests(run, top)),
            ServedAtEndShare = Share(Range(ofArrived, run.Steps - 2 * tail, run.Steps - tail),
                Range(offered, run.Steps - 2 * tail, run.Steps - tail)),
            WorstMinuteShare = WorstMinute(run, ofArrived, offered),
            AttemptsPerRequest = totals.Attempts / (double)Math.Max(1, totals.Requests),
            LatencyP99Median = MedianLatency(run),
            PeakUse = UseAtPeak(run),
            HealthyClosed = run.Sites.Sum(s => s.HealthyClosed.Max()),
            Crashes = run.Crashes.Count,
            Regret = optimum is { Total: > 0 } ? 1 - totals.Served / optimum.Total : null,
            ConvergedAfter = Converged(run, ofArrived, offered),
        };
    }

    private static double Share(double part, double whole) => whole > 0 ? Math.Min(1, part / whole) : 1;

    /// <summary>What arrived so late that it could not be answered before the end says nothing.</summary>
    private static long InFlightAtEnd(RunRecord run) =>
        run.Totals.Unfinished < 0.02 * run.Totals.Requests ? run.Totals.Unfinished : 0;

    public static double[] SumBySteps(RunRecord run, Func<ServiceSeries, int[]> series)
    {
        var sum = new double[run.Steps];
        foreach (var one in run.Services)
        {
            var values = series(one);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += values[i];
        }
        return sum;
    }

    private static long Requests(RunRecord run, int priority) => Sum(run, priority, s => s.Requests);

    private static long Sum(RunRecord run, int priority, Func<ServiceSeries, int[]> series) =>
        Enumerable.Range(0, run.Scenario.Services.Length).Sum(s => series(run.Of(s, priority)).Sum(v => (long)v));

    private static double Range(double[] values, int from, int to)
    {
        var sum = 0.0;
        for (var i = Math.Max(0, from); i < Math.Min(to, values.Length); i++)
            sum += values[i];
        return sum;
    }

    private static double WorstMinute(RunRecord run, double[] served, double[] offered)
    {
        var width = Math.Clamp((int)(60 / run.Step.TotalSeconds), 1, run.Steps);
        var worst = 1.0;
        for (var i = 0; i + width <= run.Steps; i++)
        {
            var wanted = Range(offered, i, i + width);
            if (wanted >= 20)
                worst = Math.Min(worst, Share(Range(served, i, i + width), wanted));
        }
        return worst;
    }

    private static double MedianLatency(RunRecord run)
    {
        var worst = new List<float>();
        for (var i = 0; i < run.Steps; i++)
        {
            var of = run.Services.Select(s => s.LatencyP99[i]).Where(l => !float.IsNaN(l)).ToList();
            if (of.Count > 0)
                worst.Add(of.Max());
        }
        worst.Sort();
        return worst.Count > 0 ? worst[worst.Count / 2] : double.NaN;
    }

    private static double UseAtPeak(RunRecord run)
    {
        var width = Math.Clamp((int)(10 / run.Step.TotalSeconds), 1, run.Steps);
        var seconds = width * run.Step.TotalSeconds;
        var peak = 0.0;
        for (var site = 0; site < run.Sites.Length; site++)
        {
            var hurt = run.Faults.Where(f => f.Sites.Contains(site)).ToList();
            for (var i = 0; i + width <= run.Steps; i += width)
            {
                var from = run.Step * i;
                if (hurt.Exists(f => f.From < from + run.Step * width && f.To + TimeSpan.FromSeconds(60) > from))
                    continue;
                var placed = 0.0;
                for (var j = i; j < i + width; j++)
                    placed += run.Sites[site].Placed[j];
                var capacity = run.World.Sites[site].Capacity[i];
                if (capacity > 0)
                    peak = Math.Max(peak, placed / seconds / capacity);
            }
        }
        return peak;
    }

    private static TimeSpan? Converged(RunRecord run, double[] served, double[] offered)
    {
        if (run.Scenario.HealedAt is not { } healed)
            return null;
        var width = Math.Clamp((int)(10 / run.Step.TotalSeconds), 1, run.Steps);
        var from = (int)(healed / run.Step);
        // Answers of the last window are still under way.
        var deadline = run.Scenario.Workloads.Max(w => Math.Min(10, w.Deadline.TotalSeconds));
        var last = run.Steps - (int)Math.Ceiling(deadline / run.Step.TotalSeconds) - width;
        var good = last;
        while (good >= from && Range(served, good, good + width) >= 0.99 * Range(offered, good, good + width) - 2)
            good--;
        return good >= last ? null : run.Step * Math.Max(0, good + 1 - from);
    }
}
