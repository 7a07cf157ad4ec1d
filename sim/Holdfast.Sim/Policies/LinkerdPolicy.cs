using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>The better of two by peak-EWMA latency, with a breaker for consecutive failures, as Linkerd has
/// it.</summary>
/// <remarks>
/// linkerd2-proxy (<c>linkerd/app/outbound/src/http/breaker</c>, tower's <c>load::peak_ewma</c>): two distinct
/// endpoints at random, the one with the lower (round-trip estimate × (pending + 1)) is taken; the estimate jumps to a
/// longer time at once and decays towards shorter ones over 10 s; 30 ms before the first answer. Seven failures in a
/// row trip an endpoint's breaker; after a back-off of 1 s doubling to 60 s, jittered by a half, one request probes it
/// (linkerd.io, Circuit Breaking: <c>max-failures 7, min-penalty 1s, max-penalty 1m, jitter-ratio 0.5</c>). Retries of
/// idempotent requests within a budget of 20 % + 10/s over 10 s (<c>retryBudget</c>), one a request. There is no panic
/// mode: with all breakers open requests wait and fail fast. All sites are one pool, as in a federated service.
/// </remarks>
internal sealed class LinkerdPolicy : BaselinePolicy
{
    private const int FailuresMax = 7;
    private const double PenaltyMin = 1;
    private const double PenaltyMax = 60;
    private const double JitterRatio = 0.5;
    private readonly PeakEwma[] _latency;
    private readonly Breaker[] _breakers;
    private readonly RetryBudget[] _budgets;
    private readonly List<int> _ready = [];

    public LinkerdPolicy(Topology topology, Random random) : base(topology, random)
    {
        _latency = new PeakEwma[topology.Targets.Length];
        Array.Fill(_latency, PeakEwma.Fresh);
        _breakers = new Breaker[topology.Targets.Length];
        _budgets = [.. topology.Services.Select(_ => new RetryBudget())];
    }

    private enum BreakerState : byte { Shut, Tripped, Probing }

    private struct Breaker
    {
        public BreakerState State;
        public int Failures;
        public int Trips;
        public TimeSpan Until;
        public bool ProbeIsOut;
    }

    public override string Name => "linkerd";

    public override void Report(in TrafficOutcome outcome, TimeSpan now)
    {
        var i = outcome.Target.Value;
        _latency[i].Add(outcome.Latency.TotalSeconds, now);
        ref var breaker = ref _breakers[i];
        if (!IsFailure(outcome))
        {
            // What was sent before it tripped says nothing of the probe.
            if (breaker.State != BreakerState.Tripped)
                breaker = default;
            return;
        }
        if (breaker.State == BreakerState.Shut && ++breaker.Failures < FailuresMax)
            return;
        if (breaker.State == BreakerState.Tripped)
            return;
        breaker.Trips = Math.Min(breaker.Trips + 1, 16);
        breaker.Failures = 0;
        var wait = Math.Min(PenaltyMax, PenaltyMin * (1 << (breaker.Trips - 1)));
        breaker.Until = now + TimeSpan.FromSeconds(wait * (1 + JitterRatio * Random.NextDouble()));
        breaker.State = BreakerState.Tripped;
        breaker.ProbeIsOut = false;
    }

    public override bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) =>
        outcome.Operation != OperationClass.Write && attemptsMade < 2 && IsFailure(outcome)
        && _budgets[ServiceOf[outcome.Target.Value]].TryTake(now);

    protected override bool IsOut(int target, TimeSpan now) => _breakers[target].State != BreakerState.Shut;

    protected override void Released(int target, bool wasRetry)
    {
        // A probe that its client broke off decides nothing: the next request is the probe.
        if (_breakers[target].State == BreakerState.Probing)
            _breakers[target].ProbeIsOut = false;
    }

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        if (request.Attempt == 0)
            _budgets[request.Service.Value].Deposit(now);
        _ready.Clear();
        foreach (var target in Pools[request.Service.Value].All)
        {
            if (IsReady(target, now) && !IsLeftOut(target))
                _ready.Add(target);
        }
        if (_ready.Count == 0)
            return Nowhere;
        var chosen = _ready[Random.Next(_ready.Count)];
        if (_ready.Count > 1)
        {
            var other = Random.Next(_ready.Count - 1);
            other = _ready[other] == chosen ? _ready[^1] : _ready[other];
            if (Cost(other, now) < Cost(chosen, now))
                chosen = other;
        }
        if (_breakers[chosen].State == BreakerState.Tripped)
            _breakers[chosen].State = BreakerState.Probing;
        if (_breakers[chosen].State == BreakerState.Probing)
            _breakers[chosen].ProbeIsOut = true;
        return chosen;
    }

    private double Cost(int target, TimeSpan now) => _latency[target].At(now) * (InFlight[target] + 1);

    private bool IsReady(int target, TimeSpan now)
    {
        ref var breaker = ref _breakers[target];
        return breaker.State switch
        {
            BreakerState.Shut => true,
            BreakerState.Tripped => now >= breaker.Until,
            _ => !breaker.ProbeIsOut,
        };
    }
}
