using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Nobody manages traffic: web traffic goes to its home site whatever happens; mail goes to the home site and,
/// when no connection comes about, to the next one, as MX records and Postfix do it.</summary>
/// <remarks>
/// Mail, Postfix 3.7 (smtp(8), qmgr(8), <c>SCHEDULER_README</c>): MX hosts in order of preference, the next one only
/// when the connection or greeting fails, at most 5 addresses and 2 sessions a delivery (<c>smtp_mx_address_limit</c>,
/// <c>smtp_mx_session_limit</c>); a 4yz after that defers the message by its own back-off (300 s to 4 000 s). When all
/// MX hosts refuse the connection the destination is dead for <c>minimal_backoff_time</c> = 300 s
/// (<c>default_destination_concurrency_failed_cohort_limit</c> = 1); replies at RCPT or DATA never count.
/// </remarks>
internal sealed class NoManagerPolicy(Topology topology, Random random) : BaselinePolicy(topology, random)
{
    private const int SessionsMax = 2;
    private static readonly TimeSpan DeadFor = TimeSpan.FromSeconds(300);
    private readonly int[] _next = new int[topology.Services.Length];
    private readonly TimeSpan[] _deadUntil = new TimeSpan[topology.Services.Length];
    private readonly int[] _refusedInRow = new int[topology.Services.Length];

    public override string Name => "no-manager";

    public override void Report(in TrafficOutcome outcome, TimeSpan now)
    {
        var service = ServiceOf[outcome.Target.Value];
        if (outcome.Operation != OperationClass.MailDelivery)
            return;
        if (!IsConnectFailure(outcome))
        {
            _refusedInRow[service] = 0;
            return;
        }
        // One delivery whose sessions all failed at the connection: the destination is dead.
        if (++_refusedInRow[service] < Math.Min(SessionsMax, Pools[service].Levels.Length))
            return;
        _refusedInRow[service] = 0;
        _deadUntil[service] = now + DeadFor;
    }

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        var service = request.Service.Value;
        if (now < _deadUntil[service])
            return Nowhere;
        var level = 0;
        if (request.Operation == OperationClass.MailDelivery && !request.Avoid.IsNone
            && Topology.Targets[request.Avoid.Value].Site == Topology.Services[service].SitesNearestFirst[0]
            && request.Attempt > 0 && Pools[service].Levels.Length > 1)
        {
            level = 1;
        }
        var targets = Pools[service].Levels[level];
        ref var next = ref _next[service];
        for (var i = 0; i < targets.Length; i++)
        {
            next = (next + 1) % targets.Length;
            if (!IsLeftOut(targets[next]))
                return targets[next];
        }
        return Nowhere;
    }

    protected override bool MailMovesOn(in TrafficOutcome outcome, int attemptsMade) =>
        IsConnectFailure(outcome) && attemptsMade % SessionsMax != 0;
}
