using System.Globalization;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Reports;

/// <summary>What a scenario says must hold, and didn't: a sentence each, with figures.</summary>
/// <remarks>Convergence has its own checker. Regret is not judged without an optimum.</remarks>
internal static class BrokenHolds
{
    public static IReadOnlyList<string> Find(RunRecord run, OptimumResult? optimum)
    {
        var holds = run.Scenario.Holds;
        var figures = RunFigures.Of(run, optimum);
        var broken = new List<string>();
        if (holds.ServedMin is { } served && figures.ServedShare < served)
            broken.Add(Sentence("served in time", figures.ServedShare, "at least", served));
        if (holds.ServedTopMin is { } top && figures.ServedTopShare < top)
            broken.Add(Sentence("served in time of the top priority", figures.ServedTopShare, "at least", top));
        if (holds.RegretMax is { } regret && figures.Regret > regret)
            broken.Add(Sentence("regret", figures.Regret.Value, "at most", regret));
        if (holds.OverloadMax is { } overload && figures.PeakUse > overload)
            broken.Add(Sentence("peak use of a site without a fault", figures.PeakUse, "at most", overload));
        if (holds.AttemptsMax is { } attempts && figures.AttemptsPerRequest > attempts)
            broken.Add(string.Create(CultureInfo.InvariantCulture,
                $"{figures.AttemptsPerRequest:0.000} attempts a request, at most {attempts:0.###} are allowed"));
        if (holds.HealthyClosedMax is { } closed && figures.HealthyClosed > closed)
            broken.Add($"{figures.HealthyClosed} targets without a fault were held closed, at most {closed} may be");
        if (holds.DetectWithin is { } within)
            broken.AddRange(run.Faults.Select(f => Undetected(run, f, within)).OfType<string>());
        return broken;
    }

    private static string Sentence(string what, double found, string bound, double allowed) =>
        string.Create(CultureInfo.InvariantCulture, $"{what}: {100 * found:0.0} %, {bound} {100 * allowed:0.###} %");

    /// <summary>Null: a verdict named its place in time, or there is nothing to be seen at a place.</summary>
    private static string? Undetected(RunRecord run, FaultPeriod period, TimeSpan within)
    {
        var fault = run.Scenario.Faults[period.Fault];
        if (period.Sites.Length == 0 || period.To - period.From < within || fault.Scope < FailureScope.Target
            || fault.Kind is FaultKind.Pause or FaultKind.ClockStep)
            return null;
        foreach (var verdict in run.Verdicts)
        {
            if (verdict.At < period.From || verdict.To is VerdictState.Healthy or VerdictState.Recovering
                || !period.Sites.Contains(verdict.Site))
                continue;
            if (verdict.At - period.From <= within)
                return null;
            break;
        }
        return $"{FieldReader.Camel(fault.Kind.ToString())} of {fault.WhereText} at {Duration.Describe(period.From)}: "
            + $"no verdict named it within {Duration.Describe(within)}";
    }
}
