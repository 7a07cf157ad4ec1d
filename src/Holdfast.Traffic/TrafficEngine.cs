using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Decides where traffic goes: state and event in, state and effects out; it knows no clock, lock or socket.
/// </summary>
/// <remarks>
/// Promises: nothing leaves a home site that is healthy and has room; nothing is sent to a closed site but one canary
/// at a time; no site gets more a second than it is declared or proven to take, plus a burst of
/// <see cref="TrafficOptions.PaceBurst"/>; waiting mail never displaces fresh mail at a site that comes back.
/// Limits: one operation class; a partial failure closes a site or target or leaves it, nothing between; latency
/// chooses between targets and closes none. Not thread-safe: <see cref="TrafficBoard"/> is the safe form.
/// </remarks>
internal sealed partial class TrafficEngine
{
    private const double TickSeconds = 0.1;
    private const double LateTickSeconds = 0.2;
    private const double WindowSeconds = 1;
    private const int ChangesMax = 4096;
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(100);
    private readonly Random _random;
    private List<VerdictChange> _changes = [];
    private TrafficOptions _options;
    private TargetState[] _targets = [];
    private SiteState[] _sites = [];
    private ShedCutOff[] _queues = [];
    private double _tickAt = double.NaN;
    private double _windowAt;

    public TrafficEngine(Topology topology, TrafficOptions options, Random random)
    {
        _options = options;
        _random = random;
        Topology = Topology.Empty;
        Reload(topology, TimeSpan.Zero);
    }

    public Topology Topology { get; private set; }

    public void Apply(TrafficOptions options)
    {
        _options = options;
        foreach (var site in _sites)
        {
            site.Test.Apply(options);
            site.Capacity.Apply(options);
        }
        foreach (var target in _targets)
            target.Test.Apply(options);
    }

    /// <summary>A topology that was not built from the one before it is built again, so that ids keep their meaning:
    /// see <see cref="Topology.After"/>.</summary>
    public void Reload(Topology topology, TimeSpan now)
    {
        topology = topology.After(Topology);
        var at = now.TotalSeconds;
        var sites = new SiteState[topology.Sites.Length];
        for (var i = 0; i < sites.Length; i++)
        {
            var node = topology.Sites[i];
            sites[i] = i < _sites.Length ? _sites[i] : new SiteState(node, _options, at);
            sites[i].Node = node;
            sites[i].Capacity.Declared = node.CapacityPerSecond;
            if (i >= _sites.Length)
                sites[i].Pace = TokenBucket.Full(Burst(sites[i]), at);
        }
        var targets = new TargetState[topology.Targets.Length];
        for (var i = 0; i < targets.Length; i++)
        {
            var node = topology.Targets[i];
            targets[i] = i < _targets.Length ? _targets[i] : new TargetState(node, _options, at);
            targets[i].Node = node;
            targets[i].Limit.SetMax(node.ConcurrencyMax);
        }
        var queues = new ShedCutOff[topology.Services.Length];
        for (var i = 0; i < queues.Length; i++)
            queues[i] = i < _queues.Length ? _queues[i] : new ShedCutOff();
        _queues = queues;
        _sites = sites;
        _targets = targets;
        Topology = topology;
    }

    public Admission Admit(ServiceId service, byte priority, uint cohort)
    {
        var queue = _queues[service.Value];
        return queue.Admit(priority, cohort) ? new Admission(true, TimeSpan.Zero, queue.Share)
            : new Admission(false, TimeSpan.FromSeconds(1 + 4 * queue.Share), queue.Share);
    }

    public void Withdraw(ServiceId service) => _queues[service.Value].Withdraw();

    /// <summary>Nothing is expected yet: placements carry no ticket.</summary>
    public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now)
    {
        if (placement.Ticket >= 0)
            throw new ArgumentException("The ticket is not this engine's.", nameof(placement));
    }

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now)
    {
        if (passed)
            _sites[site.Value].Canary.Hasten(now.TotalSeconds);
    }

    public ActPrediction Predict(in OperatorAct act, TimeSpan now) => new(false, Refusal(act), 0, 0, []);

    public ActOutcome Apply(in OperatorAct act, TimeSpan now) => new(false, Refusal(act));

    private static string Refusal(in OperatorAct act) => $"{act.Kind} of {act.Name} refused: this form of the engine "
        + "takes no acts.";

    public bool IsClosed(ServiceId service)
    {
        var order = Topology.Services[service.Value].SitesNearestFirst;
        foreach (var id in order)
        {
            if (!_sites[id.Value].IsClosed)
                return false;
        }
        return order.Length > 0;
    }

    public void Release(in Placement placement, bool delivered, TimeSpan now)
    {
        if (!placement.MaySend || placement.Target.IsNone)
            return;
        var at = now.TotalSeconds;
        var target = _targets[placement.Target.Value];
        var site = _sites[target.Node.Site.Value];
        if (!target.Limit.TryGiveBack())
            return;
        site.InFlight--;
        if (delivered)
        {
            site.Delivered.Count(at);
            target.Delivered.Count(at);
        }
        if (placement.Kind == PlacementKind.Canary)
            EndCanary(site, target, delivered, at);
        else if (delivered && site.IsClosed)
            site.Canary.Hasten(at);
        else if (delivered && target.State == VerdictState.Closed)
            target.Canary.Hasten(at);
    }

    /// <summary>Returns the changes since the last tick; a list that the engine no longer touches.</summary>
    public IReadOnlyList<VerdictChange> Tick(TimeSpan now)
    {
        var at = now.TotalSeconds;
        var late = !double.IsNaN(_tickAt) && at - _tickAt > TickSeconds + LateTickSeconds;
        _tickAt = at;
        foreach (var target in _targets)
        {
            // Our own pause makes every open request look stalled.
            if (late)
                target.Test.VoidStalls();
            target.Test.EndTick();
            if (target.State == VerdictState.Recovering)
                target.Pace.Refill(target.Ramp.Rate, Math.Max(1, target.Ramp.Rate * TickSeconds), at);
        }
        if (late)
        {
            foreach (var site in _sites)
                site.Test.VoidStalls();
        }
        foreach (var queue in _queues)
            queue.Tick(TickSeconds);
        foreach (var site in _sites)
            TickSite(site, at);
        if (at - _windowAt >= WindowSeconds)
            EndWindow(at);
        if (_changes.Count == 0)
            return [];
        var changes = _changes;
        _changes = [];
        return changes;
    }

    private void TickSite(SiteState site, double now)
    {
        if (site.Canary.IsLost(_options, now))
            site.Canary.Fail(_options, now, _random);
        if (site.State == VerdictState.Recovering && site.Ramp.Tick(_options, site.Capacity.PerSecond, now))
        {
            site.Canary.Forget();
            Judge(site, VerdictState.Healthy, "back to full share", now);
        }
        else if (site.State == VerdictState.Suspect && site.Test.IsQuiet)
        {
            Judge(site, VerdictState.Healthy, "failures stopped", now);
        }
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (target.Canary.IsLost(_options, now))
                target.Canary.Fail(_options, now, _random);
            if (target.State == VerdictState.Recovering && target.Ramp.Tick(_options, TargetCapacity(site), now))
            {
                target.Canary.Forget();
                Judge(site, target, VerdictState.Healthy, "back to full share", now);
            }
            else if (target.State == VerdictState.Suspect && target.Test.IsQuiet)
            {
                Judge(site, target, VerdictState.Healthy, "failures stopped", now);
            }
        }
    }

    private void EndWindow(double now)
    {
        var seconds = Math.Min(2, now - _windowAt);
        _windowAt = now;
        foreach (var target in _targets)
            target.Limit.EndWindow();
        foreach (var site in _sites)
        {
            site.Capacity.EndWindow(site.Placed.PerSecond(now), now);
            if (!site.IsClosed)
                site.Backlog.EndWindow(_options, seconds);
        }
    }

    private double TargetCapacity(SiteState site) => site.Capacity.PerSecond / Math.Max(1, site.Node.Targets.Length);

    private double Burst(SiteState site) => Math.Max(1, site.Allowed * _options.PaceBurst.TotalSeconds);

    private void Judge(SiteState site, VerdictState to, string evidence, double now)
    {
        Note(new VerdictChange(site.Node.Id, TargetId.None, site.State, to, evidence));
        site.State = to;
        site.Since = now;
        site.Evidence = evidence;
    }

    private void Judge(SiteState site, TargetState target, VerdictState to, string evidence, double now)
    {
        Note(new VerdictChange(site.Node.Id, target.Node.Id, target.State, to, evidence));
        target.State = to;
        target.Since = now;
        target.Evidence = evidence;
    }

    private void Note(VerdictChange change)
    {
        // Nobody ticks: the oldest changes are of no use to anybody.
        if (_changes.Count >= ChangesMax)
            _changes.RemoveRange(0, ChangesMax / 2);
        _changes.Add(change);
    }
}
