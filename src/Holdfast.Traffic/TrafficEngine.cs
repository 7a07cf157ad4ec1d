using System.Runtime.CompilerServices;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Retry;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Decides where traffic goes: state and event in, state and effects out; it knows no clock, lock or socket.
/// </summary>
/// <remarks>
/// Promises: nothing leaves a home site that is healthy and has room; what (nearly) never succeeds is closed and gets
/// one canary at a time; what fails in part keeps the traffic that nobody else has room for; no site gets more a second
/// than it is declared or proven to take, plus a burst of <see cref="TrafficOptions.PaceBurst"/> and the exploring
/// step; traffic is shifted onto a site in steps; waiting mail never displaces fresh mail at a site that comes back.
/// Limits: a site belongs to one service and so has traffic of one home only: what is seen there is seen of that path.
/// Of other gateways it knows what they tell (<c>Hear</c>), else its own traffic alone. Not thread-safe:
/// <see cref="TrafficBoard"/> is the safe form.
/// State stands in arrays indexed by id; after a key's first use a placement and its outcome allocate nothing.
/// </remarks>
internal sealed partial class TrafficEngine
{
    public const int OperationsMax = 8;
    private const double TickSeconds = OverdueWatch.TickSeconds;
    private const double LateTickSeconds = 0.2;
    private const double WindowSeconds = 1;
    private const int Phases = 10;
    private const int ChangesMax = 4096;
    private const double IdleSeconds = 60;
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(100);
    private readonly Random _random;
    private readonly OverdueWatch _watch = new();
    private readonly List<int>[] _activeTargets = new List<int>[Phases];
    private readonly List<int> _activeSites = [];
    private readonly List<HealthKey> _stalled = [];
    private readonly ActLedger _acts = new();
    private List<VerdictChange> _changes = [];
    private TrafficOptions _options;
    private TargetState[] _targets = [];
    /// <summary>The targets' keys once more, by operation and target: found without waiting for the target.</summary>
    private readonly HealthKey?[][] _targetKeys = new HealthKey?[OperationsMax][];
    private SiteState[] _sites = [];
    private ServiceState[] _services = [];
    private RetryBudget[] _budgets = [];
    private double _tickAt = double.NaN;
    private double _windowAt;
    private double _pausedUntil = double.NegativeInfinity;
    private int _phase;

    public TrafficEngine(Topology topology, TrafficOptions options, Random random)
    {
        _options = options;
        _random = random;
        for (var i = 0; i < Phases; i++)
            _activeTargets[i] = [];
        Array.Fill(_targetKeys, []);
        Topology = Topology.Empty;
        Reload(topology, TimeSpan.Zero);
    }

    public Topology Topology { get; private set; }

    public void Apply(TrafficOptions options)
    {
        _options = options;
        foreach (var site in _sites)
        {
            site.Capacity.Apply(options);
            foreach (var key in site.Keys)
                key?.Test.Apply(options);
        }
        foreach (var target in _targets)
        {
            foreach (var key in target.Keys)
                key?.Test.Apply(options);
        }
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
            var isNew = i >= _sites.Length;
            sites[i] = isNew ? new SiteState(node, _options, at) : _sites[i];
            sites[i].Node = node;
            sites[i].Capacity.Declared = node.CapacityPerSecond;
            if (isNew)
            {
                TickSpill(sites[i], 0, sites[i].Full, false, 0, at);
                sites[i].Pace = TokenBucket.Full(Burst(sites[i].Full), at);
            }
        }
        var targets = new TargetState[topology.Targets.Length];
        for (var i = 0; i < targets.Length; i++)
        {
            var node = topology.Targets[i];
            targets[i] = i < _targets.Length ? _targets[i] : new TargetState(node, _options);
            targets[i].Node = node;
            targets[i].Limit.SetMax(node.ConcurrencyMax);
        }
        for (var i = 0; i < OperationsMax; i++)
            Array.Resize(ref _targetKeys[i], targets.Length);
        var services = new ServiceState[topology.Services.Length];
        for (var i = 0; i < services.Length; i++)
        {
            services[i] = i < _services.Length ? _services[i] : new ServiceState();
            var order = topology.Services[i].SitesNearestFirst;
            if (order.Length > 0)
                services[i].Region = topology.Sites[order[0].Value].RegionId;
        }
        var budgets = new RetryBudget[topology.Regions.Length];
        for (var i = 0; i < budgets.Length; i++)
            budgets[i] = i < _budgets.Length ? _budgets[i] : RetryBudget.At(at);
        (_sites, _targets, _services, _budgets) = (sites, targets, services, budgets);
        Topology = topology;
        foreach (var site in _sites)
        {
            CountSlots(site);
            CountClosedTargets(site);
        }
        RefreshActs();
    }

    /// <summary>True when every site of the service is closed for every operation that it was asked for.</summary>
    public bool IsClosed(ServiceId service)
    {
        var order = Topology.Services[service.Value].SitesNearestFirst;
        foreach (var id in order)
        {
            if (!HealthKey.AreClosed(_sites[id.Value].Keys))
                return false;
        }
        return order.Length > 0;
    }

    public bool IsClosed(TargetId target, OperationClass operation)
    {
        if (target.IsNone || target.Value >= _targets.Length)
            return false;
        var state = _targets[target.Value];
        return IsShut(state, operation)
            || _sites[state.Node.Site.Value].Keys[(int)operation & (OperationsMax - 1)] is { IsClosed: true };
    }

    public Admission Admit(ServiceId service, byte priority, uint cohort)
    {
        var queue = _services[service.Value].Queue;
        return queue.Admit(priority, cohort) ? new Admission(true, TimeSpan.Zero, queue.Share)
            : new Admission(false, TimeSpan.FromSeconds(1 + 4 * queue.Share), queue.Share);
    }

    /// <summary>While the service sheds, whoever queues its requests takes the newest first.</summary>
    public bool IsShedding(ServiceId service) => _services[service.Value].Queue.IsShedding;

    public void Withdraw(ServiceId service) => _services[service.Value].Queue.Withdraw();

    public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now)
    {
        if (!_watch.IsHeld(placement.Ticket))
            return;
        ref var record = ref _watch[placement.Ticket];
        var key = KeyOf(_targets[record.Target], record.Operation, now.TotalSeconds);
        // A baseline is of answers (HTTP) or of the final dot; the earlier steps of a dialogue have none of their own.
        var usual = phase is AttemptPhase.FinalDot or AttemptPhase.Answer
            ? Usual(_targets[record.Target], key) : 0;
        _watch.Expect(placement.Ticket, phase, Math.Max(Math.Max(usual, OverdueMin), allowance.TotalSeconds),
            now.TotalSeconds);
    }

    public bool IsOverdue(in Placement placement) => _watch.IsHeld(placement.Ticket)
        && _watch[placement.Ticket].Target == placement.Target.Value && _watch[placement.Ticket].IsOverdue;

    /// <summary>Seconds that nearly all answers took; until that is known, what the last ones let fear.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Usual(TargetState target, HealthKey key)
    {
        if (key.Latency.IsKnown)
            return key.Latency.P995;
        if (_sites[target.Site.Value].Keys[(int)key.Operation] is { Latency.IsKnown: true } site)
            return site.Latency.P995;
        return key.Operation == OperationClass.MailDelivery ? Patience(key) : 0;
    }

    /// <summary>Seconds in which an answer may be expected at worst, as the last ones let fear.</summary>
    private static double Patience(HealthKey key) => Math.Min(OverduePeaksMax, OverduePeaks * key.Latency.Peak);

    public void Release(in Placement placement, bool delivered, TimeSpan now)
    {
        if (!placement.MaySend || placement.Target.IsNone || placement.Target.Value >= _targets.Length)
            return;
        var at = now.TotalSeconds;
        var target = _targets[placement.Target.Value];
        var site = _sites[target.Site.Value];
        var operation = OperationClass.MailDelivery;
        if (placement.Ticket >= 0)
        {
            if (!_watch.IsHeld(placement.Ticket))
                return;
            ref var record = ref _watch[placement.Ticket];
            if (record.Target != placement.Target.Value)
                return;
            operation = record.Operation;
            if (delivered)
                site.Hold.Add(at - record.TakenAt);
            _watch.GiveBack(placement.Ticket);
        }
        if (!target.Limit.TryGiveBack())
            return;
        site.InFlight--;
        if (delivered)
        {
            site.Delivered.Count(at);
            site.Capacity.Done();
            target.Delivered.Count(at);
        }
        var siteKey = KeyOf(site, operation, at);
        var key = KeyOf(target, operation, at);
        if (placement.Kind == PlacementKind.Canary)
            EndCanary(site, siteKey, target, key, delivered, at);
        else if (delivered && siteKey.IsClosed)
            siteKey.Canary.Hasten(at);
        else if (delivered && key.IsClosed)
            HastenTarget(siteKey, key, at);
    }

    /// <summary>For who knows a moment before which target's outcome comes, and when: asks for the memory that it will
    /// need.</summary>
    public void Fetch(TargetId target, int ticket, OperationClass operation, TimeSpan latency)
    {
        if ((uint)target.Value >= (uint)_targets.Length)
            return;
        _watch.Fetch(ticket);
        TargetState.Fetch(_targets[target.Value]);
        HealthKey.Fetch(_targetKeys[(int)operation & (OperationsMax - 1)][target.Value], latency.TotalSeconds);
    }

    private HealthKey KeyOf(SiteState site, OperationClass operation, double now) =>
        site.Keys[(int)operation & (OperationsMax - 1)] ??= new HealthKey(operation, _options, now);

    private HealthKey KeyOf(TargetState target, OperationClass operation, double now) =>
        _targetKeys[(int)operation & (OperationsMax - 1)][target.Id.Value] ?? NewKey(target, operation, now);

    private HealthKey NewKey(TargetState target, OperationClass operation, double now)
    {
        var index = (int)operation & (OperationsMax - 1);
        return _targetKeys[index][target.Id.Value] = target.Keys[index] = new HealthKey(operation, _options, now);
    }

    private double Burst(double allowed) => Math.Max(1, allowed * _options.PaceBurst.TotalSeconds);

    private double TargetCapacity(SiteState site) => site.Full / Math.Max(1, site.Node.Targets.Length);

    private void Judge(SiteState site, HealthKey key, VerdictState to, string evidence, double now)
    {
        Note(new VerdictChange(site.Node.Id, TargetId.None, key.State, to, evidence) { Operation = key.Operation });
        (key.State, key.Since, key.Evidence) = (to, now, evidence);
        Activate(site);
    }

    private void Judge(SiteState site, TargetState target, HealthKey key, VerdictState to, string evidence, double now)
    {
        Note(new VerdictChange(site.Node.Id, target.Id, key.State, to, evidence) { Operation = key.Operation });
        (key.State, key.Since, key.Evidence) = (to, now, evidence);
        Activate(target, now);
        Activate(site);
    }

    private void Note(VerdictChange change)
    {
        // Nobody ticks: the oldest changes are of no use to anybody.
        if (_changes.Count >= ChangesMax)
            _changes.RemoveRange(0, ChangesMax / 2);
        _changes.Add(change);
    }

    private void Activate(TargetState target, double now)
    {
        target.UsedAt = now;
        if (target.IsActive)
            return;
        target.IsActive = true;
        _activeTargets[target.Id.Value % Phases].Add(target.Id.Value);
    }

    private void Activate(SiteState site)
    {
        if (site.IsActive)
            return;
        site.IsActive = true;
        _activeSites.Add(site.Node.Id.Value);
    }
}
