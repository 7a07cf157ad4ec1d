using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>What the scenario itself says must hold; convergence has a checker of its own.</summary>
internal sealed class HoldsChecker : IRunChecker
{
    public string Name => "holds";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var holds = run.Scenario.Holds;
        var end = run.Step * run.Steps;
        var figures = RunFigures.Of(run, optimum);
        var detection = DetectionFigures.Of(run);
        if (holds.RegretMax is { } regret && figures.Regret > regret)
            yield return Of(end, $"regret is {figures.Regret:P1}; at most {regret:P1}");
        if (holds.OverloadMax is { } overload && figures.PeakUse > overload)
            yield return Of(end, $"a site without a fault was used to {figures.PeakUse:0.00}; at most {overload:0.00}");
        if (holds.AttemptsMax is { } attempts && figures.AttemptsPerRequest > attempts)
            yield return Of(end, $"{figures.AttemptsPerRequest:0.00} attempts a request; at most {attempts:0.00}");
        if (holds.ServedMin is { } served && figures.ServedShare < served)
            yield return Of(end, $"{figures.ServedShare:P1} served in time; at least {served:P1}");
        if (holds.ServedTopMin is { } top && figures.ServedTopShare < top)
            yield return Of(end, $"{figures.ServedTopShare:P1} of the top priority served; at least {top:P1}");
        if (holds.HealthyClosedMax is { } closed && detection.FalseAlarms > closed)
            yield return Of(end, $"{detection.FalseAlarms} closures without a fault; at most {closed}");
        if (holds.DetectWithin is not { } within)
            yield break;
        if (detection.Missed > 0)
            yield return Of(end, $"{detection.Missed} faults were never seen");
        else if (detection.WorstSeconds > within.TotalSeconds)
        {
            yield return Of(end,
                $"a fault was seen after {detection.WorstSeconds:0.0} s; at most {within.TotalSeconds:0.0} s");
        }
    }

    private Breach Of(TimeSpan at, FormattableString sentence) => new(Name, at, FormattableString.Invariant(sentence));
}
