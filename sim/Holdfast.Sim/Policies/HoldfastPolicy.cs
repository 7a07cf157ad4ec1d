using Holdfast.Traffic;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Our engine as it is, without the lock that hosts put around it; and what its hosts do around it.</summary>
internal sealed class HoldfastPolicy(Topology topology, TrafficOptions options, Random random) : ITrafficPolicy
{
    private const int HttpAttemptsMax = 2;
    private readonly TrafficEngine _engine = new(topology, options, random);
    private readonly List<VerdictChange> _changes = [];

    public string Name => "holdfast";

    /// <summary>Mail asks the same engine, through the board that hosts have.</summary>
    public ITrafficBoard MailBoard => field ??= new TrafficBoard(_engine);

    public Placement Place(in PlacementRequest request, uint cohort, TimeSpan now) => _engine.Place(request, now);

    public void Report(in TrafficOutcome outcome, TimeSpan now) => _engine.Report(outcome, now);

    public void Release(in Placement placement, bool delivered, TimeSpan now) =>
        _engine.Release(placement, delivered, now);

    public void Fetch(TargetId target, int ticket, OperationClass operation, TimeSpan latency) =>
        _engine.Fetch(target, ticket, operation, latency);

    public void Tick(TimeSpan now) => _changes.AddRange(_engine.Tick(now));

    public bool IsNewestFirst(ServiceId service) => _engine.IsShedding(service);

    public bool Admit(ServiceId service, byte priority, uint cohort, TimeSpan now) =>
        _engine.Admit(service, priority, cohort).IsAdmitted;

    public void Withdraw(ServiceId service, TimeSpan now) => _engine.Withdraw(service);

    /// <summary>One retry, of what is safe to repeat: reads, and what was not taken.</summary>
    public bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) => attemptsMade < HttpAttemptsMax
        && (outcome.Operation == OperationClass.Read || outcome.IsPushBack || outcome.Phase == AttemptPhase.Connect);

    public TimeSpan RetryDelay(in TrafficOutcome outcome, bool canWait, int attemptsMade, double chance) =>
        TimeSpan.Zero;

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now) =>
        _engine.ReportCanary(site, passed, latency, now);

    public GatewayReport? Tell(int edge, TimeSpan now) => _engine.Tell(edge, now);

    public void Hear(GatewayReport report, TimeSpan now) => _engine.Hear(report, now);

    public void Act(in PolicyAct act, TimeSpan now)
    {
        var site = topology.Sites[act.Site.Value].Name;
        var isSite = act.Target.IsNone;
        _engine.Apply(new OperatorAct((ActKind)act.Kind, isSite ? ActScope.Site : ActScope.Target,
            isSite ? site : $"{site}/{topology.Targets[act.Target.Value].Address}", act.Weight,
            act.For > TimeSpan.Zero ? act.For : TimeSpan.FromDays(30), "scenario", "by hand"), now);
    }

    public void Describe(SitesSample sample, TimeSpan now)
    {
        foreach (var site in topology.Sites)
        {
            var index = site.Id.Value;
            sample.SiteVerdicts[index] = _engine.VerdictOf(site.Id);
            sample.Limits[index] = _engine.CapacityOf(site.Id);
            sample.ShedShares[index] = _engine.ShedShareOf(site.Service);
            foreach (var target in site.Targets)
                sample.TargetVerdicts[target.Value] = _engine.VerdictOf(target);
        }
    }

    public void TakeChanges(List<VerdictChange> into)
    {
        into.AddRange(_changes);
        _changes.Clear();
    }
}
