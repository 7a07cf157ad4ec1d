using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Our engine as it is, without the lock that hosts put around it.</summary>
internal sealed class HoldfastPolicy(Topology topology, TrafficOptions options, Random random) : ITrafficPolicy
{
    private const int MovesMax = 3;
    private readonly TrafficEngine _engine = new(topology, options, random);
    private readonly List<VerdictChange> _changes = [];

    public string Name => "holdfast";

    public Placement Place(in PlacementRequest request, uint cohort, TimeSpan now) => _engine.Place(request, now);

    public void Report(in TrafficOutcome outcome, TimeSpan now) => _engine.Report(outcome, now);

    public void Release(in Placement placement, bool delivered, TimeSpan now) =>
        _engine.Release(placement, delivered, now);

    public void Tick(TimeSpan now) => _changes.AddRange(_engine.Tick(now));

    public bool Admit(ServiceId service, byte priority, uint cohort, TimeSpan now) => true;

    public void Withdraw(ServiceId service, TimeSpan now) { }

    public bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) => attemptsMade < 2;

    /// <summary>Mail moves at once a few times, then waits as Mail's <c>PlacementDelay</c> says.</summary>
    public TimeSpan RetryDelay(in TrafficOutcome outcome, bool canWait, int attemptsMade, double chance)
    {
        if (!canWait || attemptsMade <= MovesMax)
            return TimeSpan.Zero;
        var doubled = 2.0 * (1 << Math.Min(attemptsMade - MovesMax - 1, 8));
        return TimeSpan.FromSeconds(Math.Min(300, doubled) * (0.8 + 0.4 * chance));
    }

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now) { }

    public void Act(in PolicyAct act, TimeSpan now) { }

    public void Describe(SitesSample sample, TimeSpan now)
    {
        var snapshot = _engine.Snapshot(now);
        var target = 0;
        for (var i = 0; i < snapshot.Sites.Count; i++)
        {
            var site = snapshot.Sites[i];
            sample.SiteVerdicts[i] = site.Verdict.State;
            sample.Shares[i] = site.Share;
            sample.Limits[i] = site.CapacityPerSecond ?? double.NaN;
            foreach (var held in site.Targets)
                sample.TargetVerdicts[target++] = held.Verdict.State;
        }
        sample.Changes.AddRange(_changes);
        _changes.Clear();
    }
}
