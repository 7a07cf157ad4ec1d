using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Takes turns among all targets of a service and looks at nothing.</summary>
internal sealed class RoundRobinPolicy : ITrafficPolicy
{
    private readonly TargetId[][] _targets;
    private readonly SiteId[] _siteOf;
    private readonly SiteId[] _home;
    private readonly int[] _next;

    public RoundRobinPolicy(Topology topology)
    {
        _targets = [.. topology.Services.Select(s => s.SitesNearestFirst
            .SelectMany(id => topology.Sites[id.Value].Targets).ToArray())];
        _siteOf = [.. topology.Targets.Select(t => t.Site)];
        _home = [.. topology.Services.Select(s => s.SitesNearestFirst[0])];
        _next = new int[topology.Services.Length];
    }

    public string Name => "round-robin";

    public Placement Place(in PlacementRequest request, uint cohort, TimeSpan now)
    {
        var service = request.Service.Value;
        var targets = _targets[service];
        ref var next = ref _next[service];
        var target = targets[next];
        next = next + 1 == targets.Length ? 0 : next + 1;
        var site = _siteOf[target.Value];
        return new Placement(PlacementKind.Send, target, site, site != _home[service], WaitReason.None, TimeSpan.Zero);
    }

    public void Report(in TrafficOutcome outcome, TimeSpan now) { }
    public void Release(in Placement placement, bool delivered, TimeSpan now) { }
    public void Tick(TimeSpan now) { }
    public bool Admit(ServiceId service, byte priority, uint cohort, TimeSpan now) => true;
    public void Withdraw(ServiceId service, TimeSpan now) { }
    public bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) => false;

    /// <summary>Mail: Postfix's <c>minimal_backoff_time</c>, doubling to <c>maximal_backoff_time</c>.</summary>
    public TimeSpan RetryDelay(in TrafficOutcome outcome, bool canWait, int attemptsMade, double chance) =>
        canWait ? TimeSpan.FromSeconds(Math.Min(4000, 300 << Math.Min(attemptsMade - 1, 4))) : TimeSpan.Zero;

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now) { }
    public void Act(in PolicyAct act, TimeSpan now) { }
    public void Describe(SitesSample sample, TimeSpan now) { }
}
