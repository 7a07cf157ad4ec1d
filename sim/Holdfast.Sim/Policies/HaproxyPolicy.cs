using System.Collections.Immutable;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Least connections with fixed thresholds, as HAProxy's defaults have it.</summary>
/// <remarks>
/// HAProxy 2.6 <c>doc/configuration.txt</c>: <c>balance leastconn</c>; <c>check</c> opens a port every 2 s
/// (<c>inter</c>), three failures in a row take a server out (<c>fall</c>), two successes bring it back at full weight
/// (<c>rise</c>; <c>slowstart</c> is off); live traffic isn't looked at (<c>observe</c> is off). <c>retries 3</c> with
/// <c>option redispatch</c>: only failed connections are tried again (<c>retry-on conn-failure</c>). <c>maxconn</c> a
/// server is the scenario's, what exceeds it waits in the backend's queue. The other sites' servers are <c>backup</c>
/// with <c>option allbackups</c>: used when no server of the home site is up.
/// In favour of the baseline: each retry goes to another server, where HAProxy does that for the last one only.
/// </remarks>
internal sealed class HaproxyPolicy(Topology topology, Random random) : BaselinePolicy(topology, random)
{
    private const int Fall = 3;
    private const int Rise = 2;
    private const int Retries = 3;
    private readonly bool[] _isDown = new bool[topology.Targets.Length];
    /// <summary>Checks in a row that speak against the present state.</summary>
    private readonly int[] _against = new int[topology.Targets.Length];
    private readonly int[] _turn = new int[topology.Services.Length];

    public override string Name => "haproxy";

    public override void ReportProbe(TargetId target, bool connected, TimeSpan now)
    {
        var i = target.Value;
        if (connected != _isDown[i])
        {
            _against[i] = 0;
            return;
        }
        if (++_against[i] < (_isDown[i] ? Rise : Fall))
            return;
        _against[i] = 0;
        _isDown[i] = !_isDown[i];
    }

    public override bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) =>
        IsConnectFailure(outcome) && attemptsMade <= Retries;

    protected override bool MailMovesOn(in TrafficOutcome outcome, int attemptsMade) =>
        IsConnectFailure(outcome) && attemptsMade % (Retries + 1) != 0;

    protected override bool IsOut(int target, TimeSpan now) => _isDown[target];

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        var pool = Pools[request.Service.Value];
        var home = LeastConnections(request, pool.Home);
        return home == Nowhere ? LeastConnections(request, pool.Others) : home;
    }

    private int LeastConnections(in PlacementRequest request, ImmutableArray<int> targets)
    {
        var best = Nowhere;
        var bestLoad = double.MaxValue;
        ref var turn = ref _turn[request.Service.Value];
        turn++;
        for (var k = 0; k < targets.Length; k++)
        {
            var target = targets[(k + turn) % targets.Length];
            var weight = WeightByHand(target);
            if (_isDown[target] || weight <= 0)
                continue;
            if (best == Nowhere)
                best = Full;
            var load = InFlight[target] / weight;
            if (InFlight[target] >= Topology.Targets[target].ConcurrencyMax || load >= bestLoad
                || (target == request.Avoid.Value && targets.Length > 1))
            {
                continue;
            }
            best = target;
            bestLoad = load;
        }
        return best;
    }
}
