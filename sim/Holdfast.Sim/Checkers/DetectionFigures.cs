using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Checkers;

/// <summary>How soon faults were seen, and what was seen that was none.</summary>
/// <param name="WorstSeconds">Of the faults that hit sites or targets: the longest time to a verdict that names one of
/// them; null: there was none, or one was never seen.</param>
/// <param name="Missed">Faults that no verdict named while they lasted.</param>
/// <param name="FalseAlarms">Closures without a fault.</param>
internal sealed record DetectionFigures(double? WorstSeconds, int Missed, int FalseAlarms)
{
    public static DetectionFigures Of(RunRecord run)
    {
        var faults = new FaultMap(run, HealthyTargetsChecker.Grace);
        var worst = double.NegativeInfinity;
        var missed = 0;
        foreach (var period in run.Faults)
        {
            if (!IsToBeSeen(run, period))
                continue;
            if (SecondsToSee(run, period) is { } seconds)
                worst = Math.Max(worst, seconds);
            else
                missed++;
        }
        return new DetectionFigures(worst >= 0 ? worst : null, missed,
            run.Verdicts.Count(v => HealthyTargetsChecker.IsFalseAlarm(faults, v)));
    }

    /// <summary>From the fault's beginning to the first verdict other than healthy on a place that it hit.</summary>
    public static double? SecondsToSee(RunRecord run, FaultPeriod period)
    {
        foreach (var verdict in run.Verdicts)
        {
            if (verdict.At > period.To)
                return null;
            var isHit = verdict.Target >= 0 ? period.Servers.Contains(verdict.Target)
                : period.Sites.Contains(verdict.Site);
            if (verdict.At >= period.From && isHit && IsHeldAgainst(verdict.To))
                return (verdict.At - period.From).TotalSeconds;
        }
        return null;
    }

    private static bool IsHeldAgainst(VerdictState verdict) =>
        verdict is VerdictState.Suspect or VerdictState.Degraded or VerdictState.Closed;

    /// <summary>Errors, silence and absence at sites or targets; not what only slows, and not what hits a recipient or
    /// message.</summary>
    private static bool IsToBeSeen(RunRecord run, FaultPeriod period)
    {
        var fault = run.Scenario.Faults[period.Fault];
        return FaultMap.IsOfSites(fault) && fault.Kind is FaultKind.Error or FaultKind.BlackHole
            or FaultKind.AcceptAndLose or FaultKind.Down && (period.Servers.Length > 0 || period.Sites.Length > 0);
    }
}
