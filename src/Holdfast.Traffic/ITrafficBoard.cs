using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>The seam between those who send traffic and the engine that decides where it goes.</summary>
/// <remarks>
/// Thread-safe; every call is short and holds no I/O. <c>now</c> is monotonic time since the host started, the same
/// clock for all callers. The host calls <see cref="Tick"/> every 100 ms and carries out what it returns.
/// </remarks>
public interface ITrafficBoard
{
    Topology Topology { get; }

    /// <summary>Asks for a place for one transaction and, when it may be sent, takes a slot on that target.</summary>
    Placement Place(in PlacementRequest request, TimeSpan now);

    /// <summary>Reports what one step came to. Any number of reports may be made per placement.</summary>
    void Report(in TrafficOutcome outcome, TimeSpan now);

    /// <summary>Gives the slot of a Send or Canary placement back; <paramref name="delivered"/> counts operations that
    /// succeeded.</summary>
    void Release(in Placement placement, bool delivered, TimeSpan now);

    /// <summary>A question was sent: counts as failed when unanswered after the longest of the target's own baseline
    /// (p99.5), <paramref name="allowance"/> and a second; taken back when it is answered after all.</summary>
    /// <remarks>What is placed for HTTP is expected from then on. Nothing is done without a ticket.</remarks>
    void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now);

    /// <summary>Asks whether a request may wait for a place; admitted, it counts as queued until it is placed or
    /// withdrawn.</summary>
    /// <param name="cohort">Hash of user and hour: users are refused by whole cohorts.</param>
    Admission Admit(ServiceId service, byte priority, uint cohort, TimeSpan now);

    /// <summary>A request that was admitted will not be placed: its deadline passed, or its client left.</summary>
    void Withdraw(ServiceId service, TimeSpan now);

    /// <summary>An end-to-end check came to an end: a mail read back, a write then read.</summary>
    void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now);

    /// <summary>A host asked a target something itself, beside traffic, without a place. Failing is evidence; passing
    /// is only where there is no traffic to judge by, and may be the canary of what is closed.</summary>
    /// <returns>True while the target or its site is suspect, closed or coming back: worth asking more often.</returns>
    bool ReportProbe(in TrafficOutcome probe, TimeSpan now);

    /// <summary>What an act would do to load and shedding, by what is known now.</summary>
    ActPrediction Predict(in OperatorAct act, TimeSpan now);

    /// <summary>Does an operator's act, or says why not.</summary>
    ActOutcome Apply(in OperatorAct act, TimeSpan now);

    /// <summary>True when every site of the service is closed: its retry and expiry clocks stand still.</summary>
    bool IsClosed(ServiceId service);

    /// <summary>True when the target or its site is closed for the operation: who waits for its answer to something
    /// that can be asked elsewhere may give up.</summary>
    bool IsClosed(TargetId target, OperationClass operation);

    /// <summary>True while the placement's question counts as overdue: its target usually answered long before.
    /// </summary>
    bool IsOverdue(in Placement placement);

    /// <summary>Control tick. Returns verdict changes since the last one, oldest first.</summary>
    IReadOnlyList<VerdictChange> Tick(TimeSpan now);

    /// <summary>Swaps the topology; verdicts and measurements of targets that stay (same site name and address) are
    /// kept. Placements of the old topology may still be released.</summary>
    void Reload(Topology topology, TimeSpan now);

    /// <summary>A picture for status pages; consistent in itself.</summary>
    TrafficSnapshot Snapshot(TimeSpan now);
}

/// <summary>What the board looks like now.</summary>
public sealed record TrafficSnapshot(IReadOnlyList<SiteSnapshot> Sites)
{
    public IReadOnlyList<ServiceSnapshot> Services { get; init; } = [];
    /// <summary>Acts of operators in force, oldest first.</summary>
    public IReadOnlyList<ActSnapshot> Acts { get; init; } = [];
}

/// <summary>A service's queue and what is refused of it.</summary>
/// <param name="ShedShare">Share of requests refused before they queue.</param>
public sealed record ServiceSnapshot(string Service, int Queued, double ShedShare, bool IsClosed);

/// <summary>A site as <c>holdfast status</c> and <c>/api/v1/sites</c> show it. Rates are a second, over 10 s.</summary>
public sealed record SiteSnapshot(
    string Service, string Site, string Region, bool IsHome, Verdict Verdict, double? CapacityPerSecond,
    double DeliveredPerSecond, double FailedPerSecond, double Share, IReadOnlyList<TargetSnapshot> Targets)
{
    /// <summary>Part of what it would get that it is given: below 1 when degraded or weighted by hand.</summary>
    public double Weight { get; init; } = 1;
    public int InFlight { get; init; }
    /// <summary>Transactions at once over its open targets.</summary>
    public int Limit { get; init; }
    /// <summary>Operations a second that it has carried well in the last 24 h, or that were declared.</summary>
    public double ProvenPerSecond { get; init; }
    /// <summary>What more it may be given a second.</summary>
    public double HeadroomPerSecond { get; init; }
    public IReadOnlyList<OperationSnapshot> Operations { get; init; } = [];
    /// <summary>Components that it needs, and at which two sites or more of whatever services fail.</summary>
    public IReadOnlyList<string> FailingDependencies { get; init; } = [];
}

/// <summary>What was seen of one operation class at a site lately.</summary>
public sealed record OperationSnapshot(
    OperationClass Operation, double PerSecond, double SuccessShare, TimeSpan LatencyP50, TimeSpan LatencyP95,
    string Evidence)
{
    public VerdictState Verdict { get; init; }
}

public sealed record TargetSnapshot(
    string Address, Verdict Verdict, int InFlight, int Limit, double DeliveredPerSecond, TimeSpan LatencyP50,
    TimeSpan? NextCanaryIn);
