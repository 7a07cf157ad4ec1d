using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>No priority is served while a more important one is shed for the same capacity.</summary>
/// <remarks>Over ten seconds of one service, the share refused of a class may not exceed that of a less important one
/// by more than a quarter: the cut-off moves within a window, lies between cohorts of one class, and each edge has its
/// own. Classes with fewer than 30 requests in the window say nothing.</remarks>
internal sealed class PriorityChecker : IRunChecker
{
    private const int RequestsMin = 30;
    private const double Margin = 0.25;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public string Name => "priority";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var width = SeriesWindows.Steps(Window, run.Step);
        for (var service = 0; service < run.Scenario.Services.Length; service++)
        {
            for (var end = width; end <= run.Steps; end += width)
            {
                if (Find(run, service, end - width, end) is { } breach)
                    yield return breach;
            }
        }
    }

    private Breach? Find(RunRecord run, int service, int from, int to)
    {
        var least = double.NaN;
        var leastPriority = -1;
        for (var priority = RunRecord.Priorities - 1; priority >= 0; priority--)
        {
            var series = run.Of(service, priority);
            var offered = SeriesWindows.Sum(series.Offered, from, to);
            if (offered < RequestsMin)
                continue;
            var refused = (double)SeriesWindows.Sum(series.Shed, from, to) / offered;
            if (refused > least + Margin)
            {
                var name = run.Scenario.Services[service].Name;
                return new Breach(Name, run.Step * from, FormattableString.Invariant(
                    $"{name}: refused {refused:P0} of priority {priority} and {least:P0} of priority {leastPriority}"));
            }
            if (!(refused >= least))
                (least, leastPriority) = (refused, priority);
        }
        return null;
    }
}
