using System.Collections.Immutable;
using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Scenarios;

/// <summary>A stream of requests of one kind that arrive whatever becomes of the earlier ones.</summary>
internal sealed record WorkloadSpec
{
    public required string Name { get; init; }
    /// <summary>Index of the service.</summary>
    public required int Service { get; init; }
    public OperationClass Operation { get; init; }
    public double RatePerSecond { get; init; }
    public ShapeSpec Shape { get; init; } = new();
    /// <summary>False: evenly spaced.</summary>
    public bool IsPoisson { get; init; } = true;
    /// <summary>Recorded arrivals instead of a rate; empty: none. Ordered by time.</summary>
    public ImmutableArray<RecordedArrival> Recorded { get; init; } = [];
    /// <summary>Shares of the priorities 0 to 5; they sum to 1.</summary>
    public ImmutableArray<double> Priorities { get; init; } = [0, 0, 1, 0, 0, 0];
    /// <summary>From the first arrival: served later is late. The edge holds an HTTP request no longer.</summary>
    public required TimeSpan Deadline { get; init; }
    public ClientSpec Client { get; init; } = new();
    /// <summary>Mail that waits in the edges' spools at the start.</summary>
    public int Backlog { get; init; }
    /// <summary>Mail: tenants that the messages are from, evenly; they take turns.</summary>
    public int Tenants { get; init; } = 1;
    /// <summary>Mail: addresses that they are from; 0: each its own.</summary>
    public int Senders { get; init; }
    /// <summary>Mail: mailboxes that they are for; 0: each its own.</summary>
    public int Mailboxes { get; init; }
    /// <summary>Bytes of a request, lognormal; median 0: size doesn't matter.</summary>
    public double SizeMedian { get; init; }
    public double SizeSigma { get; init; }
}

/// <summary>What a client does when it isn't served.</summary>
internal sealed record ClientSpec
{
    /// <summary>HTTP: it gives up waiting and closes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
    /// <summary>Tries after the first one; each is a request of its own to the gateway.</summary>
    public int Retries { get; init; }
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);
    /// <summary>Factor from one wait to the next.</summary>
    public double BackoffFactor { get; init; } = 2;
    /// <summary>Part of the wait that is drawn at random: w becomes w × (1 − j) to w × (1 + j).</summary>
    public double Jitter { get; init; }
}

internal readonly record struct RecordedArrival(
    TimeSpan At, float SizeBytes = -1, sbyte Priority = -1, sbyte Operation = -1);

internal enum ShapeKind : byte { Constant, Diurnal, Ramp, Steps, Burst }

/// <summary>How the rate changes with time, as a factor of <see cref="WorkloadSpec.RatePerSecond"/>.</summary>
internal sealed record ShapeSpec
{
    public ShapeKind Kind { get; init; }
    /// <summary>Diurnal: half the swing between trough and peak.</summary>
    public double Amplitude { get; init; }
    public TimeSpan Period { get; init; } = TimeSpan.FromDays(1);
    /// <summary>Diurnal: when the mean is crossed upwards first.</summary>
    public TimeSpan Phase { get; init; }
    /// <summary>Ramp and burst: factor at the end, factor in the burst.</summary>
    public double Factor { get; init; } = 1;
    public TimeSpan At { get; init; }
    public TimeSpan For { get; init; }
    /// <summary>Burst: comes again after so long; zero: once.</summary>
    public TimeSpan Every { get; init; }
    /// <summary>Steps: from each time on, this factor.</summary>
    public ImmutableArray<(TimeSpan At, double Factor)> Steps { get; init; } = [];
}
