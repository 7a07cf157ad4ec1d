using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
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

    /// <summary>True when every site of the service is closed: its retry and expiry clocks stand still.</summary>
    bool IsClosed(ServiceId service);

    /// <summary>Control tick. Returns verdict changes since the last one, oldest first.</summary>
    IReadOnlyList<VerdictChange> Tick(TimeSpan now);

    /// <summary>Swaps the topology; verdicts and measurements of targets that stay (same site name and address) are
    /// kept. Placements of the old topology may still be released.</summary>
    void Reload(Topology topology, TimeSpan now);

    /// <summary>A picture for status pages; consistent in itself.</summary>
    TrafficSnapshot Snapshot(TimeSpan now);
}

/// <summary>What the board looks like now.</summary>
public sealed record TrafficSnapshot(IReadOnlyList<SiteSnapshot> Sites);

/// <summary>A site as <c>holdfast status</c> and <c>/api/v1/sites</c> show it. Rates are a second, over 10 s.</summary>
public sealed record SiteSnapshot(
    string Service, string Site, string Region, bool IsHome, Verdict Verdict, double? CapacityPerSecond,
    double DeliveredPerSecond, double FailedPerSecond, double Share, IReadOnlyList<TargetSnapshot> Targets);

public sealed record TargetSnapshot(
    string Address, Verdict Verdict, int InFlight, int Limit, double DeliveredPerSecond, TimeSpan LatencyP50,
    TimeSpan? NextCanaryIn);
