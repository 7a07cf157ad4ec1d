using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Checkers;

/// <summary>What was at fault when: whether a verdict against a target or site has a cause of its own.</summary>
/// <param name="grace">How long after its end a fault still explains what is thought of its place.</param>
internal sealed class FaultMap(RunRecord run, TimeSpan grace)
{
    private readonly int[] _firstTarget = FirstTargets(run.Scenario);

    /// <summary>True when the target itself, what it needs or a way to it was broken.</summary>
    public bool IsTargetAtFault(int site, int target, TimeSpan at) =>
        Any(at, period => period.Servers.Contains(target) || IsBehind(period, site)) || HasCrashed(site, target, at);

    /// <summary>True when anything of the site, what it needs or every way to it was broken.</summary>
    public bool IsSiteAtFault(int site, TimeSpan at) =>
        Any(at, period => IsAround(period, site)) || HasCrashed(site, -1, at);

    /// <summary>The same, but for crashes of its own: those are what too much traffic does.</summary>
    public bool IsSiteAtFaultFromOutside(int site, TimeSpan at) => Any(at, period => IsAround(period, site));

    /// <summary>True when the fault, of whatever kind, is one of the site or of the way to it.</summary>
    public bool IsAround(FaultPeriod period, int site) => period.Sites.Contains(site) || IsBehind(period, site);

    /// <summary>True when the fault is one of a component that the site needs, or of a way to it.</summary>
    private bool IsBehind(FaultPeriod period, int site)
    {
        var at = run.Scenario.Sites[site];
        foreach (var place in run.Scenario.Faults[period.Fault].Where)
        {
            if (place.Kind == PlaceKind.Component && at.DependsOn.Contains(place.First))
                return true;
            if (place.Kind == PlaceKind.Link && (place.Second < 0 || at.Region == run.Scenario.Regions[place.Second]))
                return true;
        }
        return false;
    }

    /// <summary>False for what says nothing against a site: our own pause, a clock, a full mailbox, a bad message.
    /// </summary>
    public static bool IsOfSites(FaultSpec fault) => fault.Kind is not (FaultKind.Pause or FaultKind.ClockStep)
        && !(fault.Kind == FaultKind.Error && fault.Scope is FailureScope.Recipient or FailureScope.Message);

    private bool Any(TimeSpan at, Func<FaultPeriod, bool> hits)
    {
        foreach (var period in run.Faults)
        {
            if (at >= period.From && at <= period.To + grace && IsOfSites(run.Scenario.Faults[period.Fault])
                && hits(period))
            {
                return true;
            }
        }
        return false;
    }

    private bool HasCrashed(int site, int target, TimeSpan at)
    {
        foreach (var crash in run.Crashes)
        {
            if (at < crash.At)
                return false;
            var isOfComponent = crash.Component >= 0;
            var server = isOfComponent ? run.Scenario.Components[crash.Component].Server
                : run.Scenario.Sites[crash.Site].Server;
            var isHere = isOfComponent ? run.Scenario.Sites[site].DependsOn.Contains(crash.Component)
                : crash.Site == site && (target < 0 || _firstTarget[site] + crash.Server == target);
            if (isHere && at <= crash.At + server.CrashFor + grace)
                return true;
        }
        return false;
    }

    private static int[] FirstTargets(Scenario scenario)
    {
        var first = new int[scenario.Sites.Length];
        for (var i = 1; i < first.Length; i++)
            first[i] = first[i - 1] + scenario.Sites[i - 1].Server.Count;
        return first;
    }
}
