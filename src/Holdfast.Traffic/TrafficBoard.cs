using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>The engine behind a lock: what hosts use.</summary>
/// <remarks>Every call is bounded work in memory (about a microsecond), so one lock serves thousands of operations a
/// second; nothing waits inside it. <c>now</c> may come slightly out of order from different threads.</remarks>
public sealed class TrafficBoard : ITrafficBoard
{
    private readonly Lock _gate = new();
    private readonly TrafficEngine _engine;
    private Topology _topology;

    public TrafficBoard(Topology topology, TrafficOptions options, Random random)
    {
        _engine = new TrafficEngine(topology, options, random);
        _topology = _engine.Topology;
    }

    /// <summary>For a host on one thread that asks the engine itself too.</summary>
    internal TrafficBoard(TrafficEngine engine)
    {
        _engine = engine;
        _topology = engine.Topology;
    }

    public Topology Topology => Volatile.Read(ref _topology);

    public Placement Place(in PlacementRequest request, TimeSpan now)
    {
        lock (_gate)
            return _engine.Place(request, now);
    }

    public void Report(in TrafficOutcome outcome, TimeSpan now)
    {
        lock (_gate)
            _engine.Report(outcome, now);
    }

    public void Release(in Placement placement, bool delivered, TimeSpan now)
    {
        lock (_gate)
            _engine.Release(placement, delivered, now);
    }

    public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now)
    {
        lock (_gate)
            _engine.Expect(placement, phase, allowance, now);
    }

    public Admission Admit(ServiceId service, byte priority, uint cohort, TimeSpan now)
    {
        lock (_gate)
            return _engine.Admit(service, priority, cohort);
    }

    public void Withdraw(ServiceId service, TimeSpan now)
    {
        lock (_gate)
            _engine.Withdraw(service);
    }

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now)
    {
        lock (_gate)
            _engine.ReportCanary(site, passed, latency, now);
    }

    public bool ReportProbe(in TrafficOutcome probe, TimeSpan now)
    {
        lock (_gate)
            return _engine.ReportProbe(probe, now);
    }

    public ActPrediction Predict(in OperatorAct act, TimeSpan now)
    {
        lock (_gate)
            return _engine.Predict(act, now);
    }

    public ActOutcome Apply(in OperatorAct act, TimeSpan now)
    {
        lock (_gate)
            return _engine.Apply(act, now);
    }

    public bool IsClosed(ServiceId service)
    {
        lock (_gate)
            return _engine.IsClosed(service);
    }

    public bool IsClosed(TargetId target, OperationClass operation)
    {
        lock (_gate)
            return _engine.IsClosed(target, operation);
    }

    public bool IsOverdue(in Placement placement)
    {
        lock (_gate)
            return _engine.IsOverdue(placement);
    }

    public IReadOnlyList<VerdictChange> Tick(TimeSpan now)
    {
        lock (_gate)
            return _engine.Tick(now);
    }

    /// <summary>Callers take ids from <see cref="Topology"/> afterwards: a picture that was not built from the present
    /// one has others.</summary>
    public void Reload(Topology topology, TimeSpan now)
    {
        lock (_gate)
        {
            _engine.Reload(topology, now);
            Volatile.Write(ref _topology, _engine.Topology);
        }
    }

    /// <summary>Swaps the options; verdicts and measurements stay.</summary>
    public void Apply(TrafficOptions options)
    {
        lock (_gate)
            _engine.Apply(options);
    }

    /// <summary>What the other gateways are to be told, once a second.</summary>
    public GatewayReport Tell(int gateway, TimeSpan now)
    {
        lock (_gate)
            return _engine.Tell(gateway, now);
    }

    /// <summary>What another gateway told. Without any each does as if it were alone.</summary>
    public void Hear(GatewayReport report, TimeSpan now)
    {
        lock (_gate)
            _engine.Hear(report, now);
    }

    public TrafficSnapshot Snapshot(TimeSpan now)
    {
        lock (_gate)
            return _engine.Snapshot(now);
    }
}
