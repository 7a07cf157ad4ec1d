using System.Collections.Concurrent;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Probes;

/// <summary>What a probe or canary came to.</summary>
/// <param name="Detail">What was wrong; empty: nothing.</param>
internal sealed record ProbeResult(ProbeFate Fate, string Detail, DateTimeOffset At, TimeSpan Took);

/// <summary>The last result of each probe and each canary that runs, for status pages.</summary>
internal sealed class ProbeResults
{
    private readonly ConcurrentDictionary<int, ProbeResult> _targets = new();
    private readonly ConcurrentDictionary<int, ProbeResult> _sites = new();

    public ProbeResult? Of(TargetId target) => _targets.GetValueOrDefault(target.Value);
    public ProbeResult? Of(SiteId site) => _sites.GetValueOrDefault(site.Value);

    public void Note(TargetId target, ProbeResult result) => _targets[target.Value] = result;
    public void Note(SiteId site, ProbeResult result) => _sites[site.Value] = result;

    public void Forget(TargetId target) => _targets.TryRemove(target.Value, out _);
    public void Forget(SiteId site) => _sites.TryRemove(site.Value, out _);
}
