using System.ComponentModel.DataAnnotations;

namespace Holdfast.Traffic;

/// <summary>How verdicts are reached, how fast sites are filled and how they come back: section
/// <c>Holdfast:Traffic</c>.</summary>
/// <remarks>The defaults are starting points to be tuned on simulator seeds; most installations change none.</remarks>
public sealed class TrafficOptions
{
    /// <summary>Share of failures that is taken for ordinary: the least p₀ of the change-point tests.</summary>
    /// <value>0.01. Range 0.001 to 0.1. Below <see cref="FailureShareClosed"/>.</value>
    [Range(0.001, 0.1)] public double FailureShareOrdinary { get; set; } = 0.01;

    /// <summary>Share of failures that the test for a gross rise looks for, its p₁; the other looks for 5 %.</summary>
    /// <value>0.3. Range 0.15 to 0.9.</value>
    [Range(0.15, 0.9)] public double FailureShareClosed { get; set; } = 0.3;

    /// <summary>Failures before MAIL (connection, greeting, EHLO, TLS) in a row, with no completed delivery between,
    /// that close a target whatever its rate.</summary>
    /// <value>3, as HAProxy's <c>fall</c>. Range 1 to 100.</value>
    [Range(1, 100)] public int ConnectFailuresMax { get; set; } = 3;

    /// <summary>Transactions left without a reply, with no completed delivery between, that close a target.</summary>
    /// <value>2. Range 1 to 100.</value>
    [Range(1, 100)] public int StallsMax { get; set; } = 2;

    /// <summary>Distinct recipients and distinct senders that must have seen a 4yz which no rule explains before it
    /// counts against the target; and distinct sender–recipient pairs (or answers in a row) before "the system is not
    /// accepting" closes a site. One full mailbox must not close a site.</summary>
    /// <value>3. Range 1 to 3.</value>
    [Range(1, 3)] public int DistinctMin { get; set; } = 3;

    /// <summary>Rate, in operations a second, at which a site without a declared capacity starts.</summary>
    /// <value>50. Range 1 to 100 000.</value>
    [Range(1.0, 100_000.0)] public double CapacityInitial { get; set; } = 50;

    /// <summary>How fast an undeclared capacity grows a second while it is used and nothing fails; after the first
    /// push-back by a fiftieth a second, at least 5/s.</summary>
    /// <value>0.5 (half as much again). Range 0.01 to 1.</value>
    [Range(0.01, 1.0)] public double CapacityGrowth { get; set; } = 0.5;

    /// <summary>How many gateways send to the same sites: while it hears nothing of the others, each takes its part of
    /// what a site away from home is first given, and of each exploring step.</summary>
    /// <value>1. Range 1 to 1 000.</value>
    [Range(1, 1000)] public int Gateways { get; set; } = 1;

    /// <summary>Transactions at once that a target starts with; grows to its <c>ConcurrencyMax</c> while they are used
    /// and nothing is pushed back.</summary>
    /// <value>20, as the initial limit of Netflix's concurrency-limits. Range 1 to 10 000.</value>
    [Range(1, 10_000)] public int ConcurrencyInitial { get; set; } = 20;

    /// <summary>Use of the home site's capacity from which mail may go to the next site.</summary>
    /// <value>0.8. Range 0.1 to 1.</value>
    [Range(0.1, 1.0)] public double SpillFrom { get; set; } = 0.8;

    /// <summary>The same for mail of priority 0.</summary>
    /// <value>0.9. Range 0.1 to 1.</value>
    [Range(0.1, 1.0)] public double SpillFromTop { get; set; } = 0.9;

    /// <summary>How long a healthy home must have stood above <see cref="SpillFrom"/> without a break before mail
    /// leaves it: short bursts wait at home.</summary>
    /// <value>5 s. Range 0 to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan SpillAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How much of a site's rate may be sent in one go after a lull.</summary>
    /// <value>50 ms' worth, at least one operation. Range 1 ms to 1 s.</value>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:01")]
    public TimeSpan PaceBurst { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Wait before a closed site or target is tried with one message; doubles up to
    /// <see cref="CanaryWaitMax"/>, jittered by a fifth.</summary>
    /// <value>1 s, as Linkerd's breaker. Range 100 ms to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan CanaryWaitMin { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait between two canaries.</summary>
    /// <value>15 s. Range 100 ms to 1 hour; not below <see cref="CanaryWaitMin"/>.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan CanaryWaitMax { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest wait before a site or target whose recoveries fail again and again is tried again, while
    /// another site is open.</summary>
    /// <value>10 minutes. Range 1 s to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RecoveryWaitMax { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>A canary of which nothing was heard for so long is taken for failed.</summary>
    /// <value>11 minutes: past the longest wait of RFC 5321 §4.5.3.2. Range 1 s to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan CanaryLostAfter { get; set; } = TimeSpan.FromMinutes(11);

    /// <summary>Share of its capacity that a site gets when it comes back; at least one operation a second.</summary>
    /// <value>0.01. Range 0.001 to 1.</value>
    [Range(0.001, 1.0)] public double RampShare { get; set; } = 0.01;

    /// <summary>Factor by which that share grows at each <see cref="RampStep"/> without failure.</summary>
    /// <value>1.5. Range 1.01 to 10.</value>
    [Range(1.01, 10.0)] public double RampFactor { get; set; } = 1.5;

    /// <summary>Time between two steps of the ramp.</summary>
    /// <value>5 s. Range 100 ms to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan RampStep { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the ramp rests after a failure, which also halves it; another failure in this time closes
    /// again.</summary>
    /// <value>15 s. Range 0 to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan RampHold { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Share of a returning site's capacity that waiting mail starts with; fresh mail goes first.</summary>
    /// <value>0.05. Range 0.001 to 1.</value>
    [Range(0.001, 1.0)] public double BacklogShare { get; set; } = 0.05;

    /// <summary>How much of the capacity that share gains a second without failure; a failure halves it.</summary>
    /// <value>0.02. Range 0.001 to 1.</value>
    [Range(0.001, 1.0)] public double BacklogGrowth { get; set; } = 0.02;

    /// <summary>The same for one of so many gateways, unless it says itself how many there are.</summary>
    public TrafficOptions For(int gateways)
    {
        var copy = (TrafficOptions)MemberwiseClone();
        copy.Gateways = Gateways > 1 ? Gateways : gateways;
        return copy;
    }

    /// <summary>Rules between the values; each fault says what to do. Empty when all is well.</summary>
    public IReadOnlyList<string> Faults()
    {
        var faults = new List<string>();
        if (CanaryWaitMax < CanaryWaitMin)
            faults.Add($"CanaryWaitMax ({CanaryWaitMax}) is below CanaryWaitMin ({CanaryWaitMin}): raise it.");
        if (SpillFromTop < SpillFrom)
            faults.Add($"SpillFromTop ({SpillFromTop}) is below SpillFrom ({SpillFrom}): mail of priority 0 would "
                + "leave home before the rest; raise it.");
        if (FailureShareClosed < 2 * FailureShareOrdinary)
            faults.Add("FailureShareClosed must be at least twice FailureShareOrdinary: lower the latter.");
        return faults;
    }
}
