using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>What decides where requests go at one edge: our engine, or what people use instead.</summary>
/// <remarks>Called from one thread, in the order of virtual time; <c>now</c> is the edge's monotonic clock. Each Send
/// or Canary placement is ended by exactly one <see cref="Release"/>, after its <see cref="Report"/>; each admitted
/// request that is never placed by one <see cref="Withdraw"/>.</remarks>
internal interface ITrafficPolicy
{
    string Name { get; }

    /// <summary>The board that Mail's own delivery asks at this edge; null: mail waits in a spool as the baseline's
    /// system has it, in order of priority and with the policy's <see cref="RetryDelay"/>.</summary>
    ITrafficBoard? MailBoard => null;

    Placement Place(in PlacementRequest request, uint cohort, TimeSpan now);

    /// <summary>What an attempt came to. An attempt that its client broke off is released without a report.</summary>
    void Report(in TrafficOutcome outcome, TimeSpan now);

    void Release(in Placement placement, bool delivered, TimeSpan now);

    /// <summary>Every 100 ms; late or missing while the edge is paused.</summary>
    void Tick(TimeSpan now);

    /// <summary>Whether a request that arrives is taken into the edge's queue. Baselines take all.</summary>
    bool Admit(ServiceId service, byte priority, uint cohort, TimeSpan now);

    /// <summary>Whether the newest of a priority goes first now: what waited longest is the likeliest to be too late.
    /// </summary>
    bool IsNewestFirst(ServiceId service) => false;

    /// <summary>An admitted request left the queue unplaced: past its deadline, or its client is gone.</summary>
    void Withdraw(ServiceId service, TimeSpan now);

    /// <summary>HTTP: whether the edge itself tries again after this outcome. Mail always is tried again.</summary>
    bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now);

    /// <summary>Wait before the edge's next attempt of the same request; zero: at once. <paramref name="chance"/>
    /// (0 to 1) is for jitter.</summary>
    TimeSpan RetryDelay(in TrafficOutcome outcome, bool canWait, int attemptsMade, double chance);

    /// <summary>An end-to-end canary: mail read back, a write read again.</summary>
    void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now);

    /// <summary>A check of the port alone, every 2 s a target: whether a connection came about. Our engine has no use
    /// for it: an open port says nothing of the work behind it.</summary>
    void ReportProbe(TargetId target, bool connected, TimeSpan now) { }

    /// <summary>An outcome of this target comes in a moment: memory may be asked for. Nothing may change by it.
    /// </summary>
    void Fetch(TargetId target, int ticket, OperationClass operation, TimeSpan latency) { }

    /// <summary>What it tells the other edges once a second; null: nothing.</summary>
    GatewayReport? Tell(int edge, TimeSpan now) => null;

    void Hear(GatewayReport report, TimeSpan now) { }

    /// <summary>An act by hand; weights and drains apply to baselines too.</summary>
    void Act(in PolicyAct act, TimeSpan now);

    /// <summary>Adds the verdicts that changed since it was last asked, oldest first; asked after each tick. Who has
    /// none
    /// to tell so soon leaves them to <see cref="Describe"/>.</summary>
    void TakeChanges(List<VerdictChange> into) { }

    /// <summary>Fills in verdicts, shares and limits for the plots and checkers, once a step of the record.</summary>
    void Describe(SitesSample sample, TimeSpan now);
}

/// <summary>Makes the policy of one edge.</summary>
/// <param name="edges">How many edges share the sites.</param>
internal delegate ITrafficPolicy PolicyFactory(Topology topology, TrafficOptions options, int edges, Random random);
