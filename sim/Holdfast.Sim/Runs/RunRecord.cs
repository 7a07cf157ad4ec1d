using System.Collections.Immutable;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Runs;

/// <summary>Everything one run left behind: series a step, totals, verdicts with their evidence, the true
/// world.</summary>
/// <remarks>The same scenario, seed and policy give the same record, bit for bit; wall time stands apart, in
/// <see cref="WallSeconds"/>, which is never written to the deterministic output.</remarks>
internal sealed class RunRecord
{
    public required Scenario Scenario { get; init; }
    public required string Policy { get; init; }
    public required ulong Seed { get; init; }
    public required TimeSpan Step { get; init; }
    public required int Steps { get; init; }
    /// <summary>By (service, priority): index service × 6 + priority.</summary>
    public required ServiceSeries[] Services { get; init; }
    public required SiteSeries[] Sites { get; init; }
    /// <summary>By component: use of its capacity, queue.</summary>
    public required ComponentSeries[] Components { get; init; }
    public required TrueWorld World { get; init; }
    public required RunTotals Totals { get; init; }
    /// <summary>Logical requests by (edge, service, priority): index (edge × services + service) × 6 +
    /// priority.</summary>
    public long[] EdgeRequests { get; init; } = [];
    /// <summary>Those of them that were served in time.</summary>
    public long[] EdgeServed { get; init; } = [];
    /// <summary>Oldest first.</summary>
    public required IReadOnlyList<VerdictEntry> Verdicts { get; init; }
    /// <summary>Verdict changes beyond <see cref="RunBounds.VerdictsMax"/>, not kept.</summary>
    public long VerdictsDropped { get; init; }
    /// <summary>Each beginning and end of a fault, as it was: also which servers were drawn.</summary>
    public required IReadOnlyList<FaultPeriod> Faults { get; init; }
    /// <summary>Crashes of overloaded servers, oldest first.</summary>
    public required IReadOnlyList<CrashEntry> Crashes { get; init; }
    public long Events { get; init; }
    public double WallSeconds { get; init; }

    public const int Priorities = 6;

    public ServiceSeries Of(int service, int priority) => Services[service * Priorities + priority];
}

internal static class RunBounds
{
    public const int VerdictsMax = 20_000;
    public const int CrashesMax = 20_000;
    public const int StepsMax = 200_000;
}

/// <param name="At">Time of the edge's tick that told it.</param>
/// <param name="Target">−1: the site's verdict.</param>
internal readonly record struct VerdictEntry(
    TimeSpan At, int Edge, int Site, int Target, VerdictState From, VerdictState To, string Evidence);

/// <param name="Fault">Index in the scenario.</param>
/// <param name="Servers">Targets that were hit (indexes over all sites' targets).</param>
/// <param name="Sites">Sites that were hit, wholly or in part.</param>
internal sealed record FaultPeriod(
    int Fault, TimeSpan From, TimeSpan To, ImmutableArray<int> Servers, ImmutableArray<int> Sites);

/// <param name="Component">−1: a target of a site.</param>
internal readonly record struct CrashEntry(TimeSpan At, int Site, int Component, int Server);

/// <summary>Where every request ended; each request has exactly one end.</summary>
internal sealed class RunTotals
{
    /// <summary>Logical requests that arrived, a client's own retries not counted; backlog counted.</summary>
    public long Requests { get; set; }
    /// <summary>What clients sent to the edges, their retries counted.</summary>
    public long Offered { get; set; }
    /// <summary>What edges sent to sites, retries counted, canaries not.</summary>
    public long Attempts { get; set; }
    public long Canaries { get; set; }
    /// <summary>End: served within the deadline.</summary>
    public long Served { get; set; }
    /// <summary>End: served after the deadline.</summary>
    public long Late { get; set; }
    /// <summary>End: the client gave up after failures.</summary>
    public long Failed { get; set; }
    /// <summary>End: the client gave up, refused on purpose the last time.</summary>
    public long Shed { get; set; }
    /// <summary>End: answered with success and not done.</summary>
    public long Lost { get; set; }
    /// <summary>Neither: still under way or waiting when the run ended.</summary>
    public long Unfinished { get; set; }
    /// <summary>Work done for nobody: the edge or client had given up.</summary>
    public long Wasted { get; set; }
    /// <summary>Sum of the latencies of what was served, in time or late, and of what was lost.</summary>
    public double LatencySeconds { get; set; }
    /// <summary>Refusals on purpose, also of tries that came through later.</summary>
    public long Refusals { get; set; }
    /// <summary>Requests that got no end or two: a fault of the simulator.</summary>
    public long Unaccounted => Requests - Served - Late - Failed - Shed - Lost - Unfinished;
}
