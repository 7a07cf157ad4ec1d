using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>No priority is served while a more important one is shed for the same capacity.</summary>
/// <remarks>Over ten seconds of one service: a class of which a quarter more is refused than of a less important one,
/// and a quarter less is placed. Some margin there must be: the cut-off moves within a window, lies between cohorts of
/// one class, and each edge has its own. Classes with fewer than 30 requests in the window say nothing.</remarks>
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
        for (var high = 0; high < RunRecord.Priorities; high++)
        {
            for (var low = high + 1; low < RunRecord.Priorities; low++)
            {
                var (offered, refused, placed) = Shares(run.Of(service, high), from, to);
                var (offeredLow, refusedLow, placedLow) = Shares(run.Of(service, low), from, to);
                if (Math.Min(offered, offeredLow) < RequestsMin || refused <= refusedLow + Margin
                    || placed >= placedLow - Margin)
                {
                    continue;
                }
                var name = run.Scenario.Services[service].Name;
                return new Breach(Name, run.Step * from, FormattableString.Invariant(
                    $"{name}: refused {refused:P0} of priority {high} and {refusedLow:P0} of priority {low}"));
            }
        }
        return null;
    }

    private static (long Offered, double Refused, double Placed) Shares(ServiceSeries series, int from, int to)
    {
        var offered = SeriesWindows.Sum(series.Offered, from, to);
        var of = Math.Max(1.0, offered);
        return (offered, SeriesWindows.Sum(series.Shed, from, to) / of,
            SeriesWindows.Sum(series.Placed, from, to) / of);
    }
}
