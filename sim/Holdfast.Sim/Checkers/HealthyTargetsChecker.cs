using Holdfast.Sim.Runs;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Checkers;

/// <summary>No healthy target is lost: none is closed without a fault of its own, none crashes under what is sent to
/// it.
/// </summary>
/// <remarks>A fault explains a verdict for a minute after its end: what was sent in it may still be timing
/// out.</remarks>
internal sealed class HealthyTargetsChecker : IRunChecker
{
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    public string Name => "healthy targets";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var faults = new FaultMap(run, Grace);
        foreach (var verdict in run.Verdicts)
        {
            if (IsFalseAlarm(faults, verdict))
            {
                yield return new Breach(Name, verdict.At,
                    $"edge {verdict.Edge} closed {Describe(run, verdict)} without a fault: {verdict.Evidence}");
            }
        }
        foreach (var crash in run.Crashes)
        {
            if (crash.Component < 0 && !faults.IsSiteAtFaultFromOutside(crash.Site, crash.At))
            {
                yield return new Breach(Name, crash.At,
                    $"{run.Scenario.Sites[crash.Site].Name}/{crash.Server} crashed under what was sent to it");
            }
        }
    }

    /// <summary>True for a closure that nothing explains.</summary>
    public static bool IsFalseAlarm(FaultMap faults, in VerdictEntry verdict) => verdict.To == VerdictState.Closed
        && !(verdict.Target < 0 ? faults.IsSiteAtFault(verdict.Site, verdict.At)
            : faults.IsTargetAtFault(verdict.Site, verdict.Target, verdict.At));

    private static string Describe(RunRecord run, in VerdictEntry verdict)
    {
        var site = run.Scenario.Sites[verdict.Site].Name;
        return verdict.Target < 0 ? site : $"a target of {site} (target {verdict.Target} of all)";
    }
}
