using System.Collections.Immutable;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Least connections with passive checks, as nginx' defaults have it.</summary>
/// <remarks>
/// nginx 1.22 <c>ngx_http_upstream_module</c> and <c>ngx_http_upstream_round_robin.c</c>: <c>least_conn</c>;
/// <c>max_fails=1</c> within <c>fail_timeout=10s</c> takes a server out for 10 s, then one request tries it.
/// <c>proxy_next_upstream error timeout</c>: a failed or reset connection and a time-out count and go on to the next
/// server, every other answer (500 and 503 among them) is passed on and counts as success; requests that aren't
/// idempotent go on only when nothing was sent. When all servers are out they are all taken for alive. The other
/// sites' servers are <c>backup</c>: used when no server of the home site is left.
/// </remarks>
internal sealed class NginxPolicy(Topology topology, Random random) : BaselinePolicy(topology, random)
{
    private const int FailsMax = 1;
    private static readonly TimeSpan FailTimeout = TimeSpan.FromSeconds(10);
    private readonly int[] _fails = new int[topology.Targets.Length];
    private readonly TimeSpan[] _accessed = new TimeSpan[topology.Targets.Length];
    private readonly TimeSpan[] _checked = new TimeSpan[topology.Targets.Length];
    private readonly int[] _turn = new int[topology.Services.Length];

    public override string Name => "nginx";

    public override void Report(in TrafficOutcome outcome, TimeSpan now)
    {
        var i = outcome.Target.Value;
        // A service with one server in all is never taken out.
        if (Pools[ServiceOf[i]].All.Length == 1)
            return;
        if (IsSeen(outcome))
        {
            _fails[i]++;
            _accessed[i] = now;
            _checked[i] = now;
        }
        else if (_accessed[i] < _checked[i] || _fails[i] == 0)
        {
            _fails[i] = 0;
        }
    }

    public override bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) =>
        IsSeen(outcome) && attemptsMade < Pools[ServiceOf[outcome.Target.Value]].All.Length
        && (outcome.Operation != OperationClass.Write || IsConnectFailure(outcome));

    protected override bool MailMovesOn(in TrafficOutcome outcome, int attemptsMade) =>
        IsConnectFailure(outcome) && attemptsMade % Pools[ServiceOf[outcome.Target.Value]].All.Length != 0;

    protected override bool IsOut(int target, TimeSpan now) =>
        _fails[target] >= FailsMax && now - _checked[target] <= FailTimeout;

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        var pool = Pools[request.Service.Value];
        var target = LeastConnections(request, pool.Home, now);
        if (target == Nowhere)
            target = LeastConnections(request, pool.Others, now);
        if (target != Nowhere)
            return target;
        // "No live upstreams": this request fails, and all are taken for alive.
        foreach (var each in pool.All)
            _fails[each] = 0;
        return Nowhere;
    }

    /// <summary>What <c>error</c> and <c>timeout</c> mean: no answer of the application came.</summary>
    private static bool IsSeen(in TrafficOutcome outcome) =>
        IsConnectFailure(outcome) || IsTimeout(outcome) || IsReset(outcome);

    private int LeastConnections(in PlacementRequest request, ImmutableArray<int> targets, TimeSpan now)
    {
        var best = Nowhere;
        var bestLoad = double.MaxValue;
        ref var turn = ref _turn[request.Service.Value];
        turn++;
        for (var k = 0; k < targets.Length; k++)
        {
            var target = targets[(k + turn) % targets.Length];
            var weight = WeightByHand(target);
            var load = InFlight[target] / weight;
            if (weight <= 0 || IsOut(target, now) || load >= bestLoad
                || (target == request.Avoid.Value && targets.Length > 1))
            {
                continue;
            }
            best = target;
            bestLoad = load;
        }
        if (best >= 0 && now - _checked[best] > FailTimeout)
            _checked[best] = now;
        return best;
    }
}
