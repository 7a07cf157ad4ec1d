using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Round robin in priority levels with outlier ejection and panic, as Envoy's defaults have it.</summary>
/// <remarks>
/// Envoy 1.22 (<c>api-v3/config/cluster/v3/outlier_detection.proto</c>, architecture overview: priority levels, panic
/// threshold, circuit breakers): each site is a level, the nearest is 0. A level's health is min(100, 1.4 × share of
/// hosts in); load goes to level 0 up to its health, the rest spills down; when the levels' health together is below
/// 100 it is normalised, and a level with fewer than 50 % of its hosts in panics: it ignores health.
/// A host is ejected after 5 consecutive 5xx (time-outs and failed connections count), at once; each 10 s a sweep
/// ejects by success rate (below mean − 1.9 σ among at least 5 hosts with at least 100 requests) and brings back whose
/// time is up: 30 s × number of ejections, at most 300 s. At most 10 % of the hosts, but always one. Breakers: 1 024
/// requests, 3 retries at once. Retries: <c>retry_on: 5xx</c> with its default of one.
/// </remarks>
internal sealed class EnvoyPolicy : BaselinePolicy
{
    private const int RequestsMax = 1024;
    private const int RetriesMax = 3;
    private readonly OutlierDetection[] _outliers;
    private readonly int[] _requests;
    private readonly int[] _retries;
    private readonly int[][] _turns;
    private readonly double[][] _loads;

    public EnvoyPolicy(Topology topology, Random random) : base(topology, random)
    {
        _outliers = [.. Pools.Select(p => new OutlierDetection(p, topology.Targets.Length))];
        _requests = new int[topology.Services.Length];
        _retries = new int[topology.Services.Length];
        _turns = [.. Pools.Select(p => p.Levels.Select(l => random.Next(Math.Max(1, l.Length))).ToArray())];
        _loads = [.. Pools.Select(p => new double[p.Levels.Length])];
    }

    public override string Name => "envoy";

    public override void Report(in TrafficOutcome outcome, TimeSpan now) =>
        _outliers[ServiceOf[outcome.Target.Value]].Report(outcome.Target.Value, IsFailure(outcome), now);

    public override void Tick(TimeSpan now)
    {
        foreach (var outlier in _outliers)
            outlier.Tick(now);
    }

    public override bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) =>
        attemptsMade < 2 && IsFailure(outcome) && _retries[ServiceOf[outcome.Target.Value]] < RetriesMax;

    protected override bool IsOut(int target, TimeSpan now) => _outliers[ServiceOf[target]].IsEjected(target);

    protected override void Released(int target, bool wasRetry)
    {
        _requests[ServiceOf[target]]--;
        if (wasRetry)
            _retries[ServiceOf[target]]--;
    }

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        var service = request.Service.Value;
        if (_requests[service] >= RequestsMax)
            return Full;
        var level = DrawLevel(service, out var isPanic);
        var target = level < 0 ? Nowhere : Turn(service, level, isPanic, request.Avoid.Value);
        if (target < 0)
            return Nowhere;
        _requests[service]++;
        if (request.Attempt > 0)
            _retries[service]++;
        return target;
    }

    private int DrawLevel(int service, out bool isPanic)
    {
        isPanic = false;
        var levels = Pools[service].Levels;
        var loads = _loads[service];
        var health = 0.0;
        for (var i = 0; i < levels.Length; i++)
            health += loads[i] = Math.Min(1, PriorityLevels.OverProvisioning * ShareIn(service, i));
        if (!PriorityLevels.Share(loads, Math.Min(1, health), i => ShareOfHosts(service, i)))
            return -1;
        var draw = Random.NextDouble();
        var level = 0;
        while (level < levels.Length - 1 && draw >= loads[level])
            draw -= loads[level++];
        isPanic = health < 1 && ShareIn(service, level) < PriorityLevels.PanicThreshold;
        return level;
    }

    private int Turn(int service, int level, bool isPanic, int avoid)
    {
        var targets = Pools[service].Levels[level];
        ref var turn = ref _turns[service][level];
        var spare = Nowhere;
        for (var i = 0; i < targets.Length; i++)
        {
            turn = (turn + 1) % targets.Length;
            var target = targets[turn];
            if ((!isPanic && _outliers[service].IsEjected(target)) || IsLeftOut(target))
                continue;
            if (target != avoid)
                return target;
            spare = target;
        }
        return spare;
    }

    /// <summary>Part of a level's hosts that is in, drained ones not counted as hosts.</summary>
    private double ShareIn(int service, int level)
    {
        var hosts = 0;
        var isIn = 0;
        foreach (var target in Pools[service].Levels[level])
        {
            if (WeightByHand(target) <= 0)
                continue;
            hosts++;
            if (!_outliers[service].IsEjected(target))
                isIn++;
        }
        return hosts == 0 ? 0 : (double)isIn / hosts;
    }

    private double ShareOfHosts(int service, int level)
    {
        var of = Pools[service].Levels[level].Count(t => WeightByHand(t) > 0);
        var all = Pools[service].All.Count(t => WeightByHand(t) > 0);
        return all == 0 ? 0 : (double)of / all;
    }
}
