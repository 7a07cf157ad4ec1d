using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Policies;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Sweeps;

/// <summary>How soon a policy sees that a target fails, and how often it sees what isn't there.</summary>
/// <remarks>
/// One site, one edge; outcomes are drawn and told, nothing else is simulated, so that a week costs seconds: each
/// target answers in 20 ms, lognormal, and fails one request in a hundred, which is the p₀ that the theory reckons
/// with. One target then fails the given share. Each target keeps its rate whatever is thought of it: what is measured
/// is the test, not how soon a policy sends elsewhere.
/// </remarks>
internal sealed class DetectionTrial
{
    private const double OrdinaryFailures = 0.01;
    private const long TickTicks = TimeSpan.TicksPerSecond / 10;
    private readonly ITrafficPolicy _policy;
    private readonly RandomStream _random;
    private readonly SitesSample _sample;
    private readonly double _rate;
    private readonly int _targets;
    private long _now;
    private long _nextTick = TickTicks;
    private long _nextLook;
    private bool _isWatched;

    /// <param name="ratePerTarget">Requests a second that each target gets while all are well.</param>
    public DetectionTrial(NamedPolicy policy, int targets, double ratePerTarget, ulong seed)
    {
        var topology = Topology.FromOptions(new TopologyOptions
        {
            Regions = [new RegionOptions { Name = "na" }],
            Sites =
            [
                new SiteOptions
                {
                    Name = "web", Service = "web", Region = "na", CapacityPerSecond = targets * ratePerTarget * 3,
                    Targets = [.. Enumerable.Range(1, targets).Select(i =>
                        new TargetOptions { Address = $"192.0.2.{i}:80" })],
                },
            ],
        });
        _policy = policy.Create(topology, new TrafficOptions(), 1, new RandomStream(seed, "policy"));
        _random = new RandomStream(seed, "outcomes");
        _sample = new SitesSample(1, targets);
        _targets = targets;
        _rate = targets * ratePerTarget;
    }

    /// <summary>Closures and suspicions seen; a target stays in the sample until the policy takes it back.</summary>
    public int Suspicions { get; private set; }
    public int Closures { get; private set; }

    /// <summary>Runs with ordinary failures alone.</summary>
    public void RunQuietly(TimeSpan time)
    {
        var end = _now + time.Ticks;
        _isWatched = false;
        while (_now < end)
            Step(-1, OrdinaryFailures);
    }

    /// <summary>Seconds from the change until the policy holds something against the target; null: not within the time.
    /// </summary>
    /// <param name="state">Suspect: any verdict but healthy; Closed: that.</param>
    public double? SecondsToSee(int target, double share, VerdictState state, TimeSpan within)
    {
        var start = _now;
        _isWatched = true;
        while (_now - start < within.Ticks)
        {
            Step(target, share);
            if (_sample.TargetVerdicts[target] == state
                || (state == VerdictState.Suspect && IsHeldAgainst(_sample.TargetVerdicts[target])))
            {
                return TimeSpan.FromTicks(_now - start).TotalSeconds;
            }
        }
        return null;
    }

    private static bool IsHeldAgainst(VerdictState state) =>
        state is VerdictState.Suspect or VerdictState.Degraded or VerdictState.Closed;

    private void Step(int target, double share)
    {
        _now += (long)(_random.NextExponential() / _rate * TimeSpan.TicksPerSecond) + 1;
        while (_nextTick <= _now)
        {
            var at = TimeSpan.FromTicks(_nextTick);
            _policy.Tick(at);
            _nextTick += TickTicks;
            Look(at);
        }
        var now = TimeSpan.FromTicks(_now);
        var asked = _random.Next(_targets);
        var isFailure = _random.NextDouble() < (asked == target ? share : OrdinaryFailures);
        var latency = TimeSpan.FromSeconds(0.02 * Exact.Exp(0.3 * _random.NextNormal()));
        _policy.Report(new TrafficOutcome(new TargetId(asked), OperationClass.Read, AttemptPhase.Answer,
            isFailure ? FailureScope.Target : FailureScope.None, latency,
            isFailure ? "500 Internal Server Error" : null), now);
        Look(now);
    }

    /// <summary>A picture costs more than a request: after each one while a failure is to be seen, else every second.
    /// </summary>
    private void Look(TimeSpan now)
    {
        if (!_isWatched && now.Ticks < _nextLook)
            return;
        _nextLook = now.Ticks + TimeSpan.TicksPerSecond;
        _sample.Changes.Clear();
        _policy.Describe(_sample, now);
        foreach (var change in _sample.Changes)
        {
            if (change.To == VerdictState.Closed)
                Closures++;
            else if (change.To == VerdictState.Suspect)
                Suspicions++;
        }
    }
}
