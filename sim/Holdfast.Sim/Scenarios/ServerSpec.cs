namespace Holdfast.Sim.Scenarios;

/// <summary>How the servers of a site or component work: workers, times, a bounded queue.</summary>
/// <remarks>Capacity = <see cref="Concurrency"/> / mean service time; the reader takes two of the three and computes
/// the third.</remarks>
internal sealed record ServerSpec
{
    /// <summary>Number of servers: of a site its targets.</summary>
    public int Count { get; init; } = 1;
    /// <summary>Requests served at once by one server.</summary>
    public int Concurrency { get; init; } = 1;
    /// <summary>Mean of the service time; the median is this × e^(−σ²/2).</summary>
    public TimeSpan ServiceTimeMean { get; init; } = TimeSpan.FromMilliseconds(10);
    /// <summary>σ of the logarithm of the service time; 0: constant.</summary>
    public double ServiceTimeSigma { get; init; } = 0.5;
    /// <summary>True: exponential service times (for comparison with queueing theory).</summary>
    public bool IsExponential { get; init; }
    /// <summary>Service time × (1 + this × waiting / concurrency): a server under pressure does less.</summary>
    public double Slowing { get; init; }
    /// <summary>Requests that wait at one server at most; more are pushed back at once.</summary>
    public int QueueMax { get; init; } = 100;
    /// <summary>Bytes a second of one worker, added to the service time; 0: size doesn't matter.</summary>
    public double BytesPerSecond { get; init; }
    /// <summary>Service time factor just after a start with cold caches; 1: none.</summary>
    public double ColdFactor { get; init; } = 1;
    public TimeSpan WarmsIn { get; init; }
    /// <summary>A queue that was full for so long crashes the server; null: it never crashes.</summary>
    public TimeSpan? CrashAfter { get; init; }
    /// <summary>How long a crashed server is down.</summary>
    public TimeSpan CrashFor { get; init; }
    /// <summary>σ of the logarithm of each server's own capacity factor; 0: all are alike.</summary>
    public double CapacitySigma { get; init; }
    /// <summary>Factors to draw each server's capacity from, instead; empty: none.</summary>
    public double[] CapacityFactors { get; init; } = [];

    /// <summary>Operations a second of one server, undisturbed.</summary>
    public double CapacityPerSecond => Concurrency / ServiceTimeMean.TotalSeconds;
}
