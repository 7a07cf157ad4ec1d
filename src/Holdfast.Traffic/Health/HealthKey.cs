using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Recovery;

namespace Holdfast.Traffic.Health;

/// <summary>All that is held of one operation class at one target or site: tests, baseline, verdict, the way back.
/// </summary>
internal sealed class HealthKey
{
    /// <summary>Where its parts lie, for who asks for their memory.</summary>
    private static readonly int s_test;
    private static readonly int s_window;

    static HealthKey()
    {
        var any = (HealthKey)RuntimeHelpers.GetUninitializedObject(typeof(HealthKey));
        s_test = NearMemory.Distance(any, ref any.Test);
        s_window = NearMemory.Distance(any, ref any.Latency) + LatencyBaseline.WindowAt;
    }

    public HealthKey(OperationClass operation, TrafficOptions options, double now)
    {
        Operation = operation;
        Test = new OutcomeTest(options);
        Since = now;
    }

    public readonly OperationClass Operation;
    public OutcomeTest Test;
    public LatencyBaseline Latency = new();
    public readonly CanarySchedule Canary = new();
    public readonly RecoveryRamp Ramp = new();
    public readonly DegradedWeight Degraded = new();
    public VerdictState State;
    public double Since;
    /// <summary>Failures of attempts that began earlier are old news.</summary>
    public double ReopenedAt = double.NegativeInfinity;
    public double ClosedAt = double.NegativeInfinity;
    public string Evidence = "";
    /// <summary>For a target: what it may take while degraded or recovering.</summary>
    public TokenBucket Pace;
    /// <summary>The rate of that a second, as of the last window.</summary>
    public double PaceRate = 1;
    /// <summary>For a site: how many of its targets are closed for this operation.</summary>
    public int ClosedTargets;
    /// <summary>For a site: the first of their canaries is due then.</summary>
    public double TargetCanaryAt = double.PositiveInfinity;
    /// <summary>Closed by end-to-end canaries: only they can open it again.</summary>
    public bool NeedsCanaryPass;
    /// <summary>Questions held overdue since the verdict's run began, and how many of them were answered after all.
    /// </summary>
    public int Overdue;
    public int OverdueTakenBack;
    /// <summary>Latency × success⁻³ as of the last outcome or second: what choosing a target costs.</summary>
    public double Cost = 0.001;
    public double PenaltyUntil;

    /// <summary>Asks for what a choice reads.</summary>
    public static void FetchCost(HealthKey? key) => NearMemory.Ask(key, 0, s_test);

    /// <summary>Asks for what an outcome reads and writes where nothing is wrong.</summary>
    /// <param name="seconds">The latency to come, or a guess at it.</param>
    public static void Fetch(HealthKey? key, double seconds)
    {
        NearMemory.Ask(key, 0, s_test + OutcomeTest.CalmBytes);
        NearMemory.Ask(key, s_window - LatencyBaseline.WindowAt, s_window + LatencyHistogram.CountsAt);
        var count = s_window + LatencyHistogram.DistanceOf(seconds);
        NearMemory.Ask(key, count, count + sizeof(float));
    }

    /// <summary>Whether all that a target or site was asked for is closed there; not where nothing was asked.</summary>
    public static bool AreClosed(ReadOnlySpan<HealthKey?> keys)
    {
        var any = false;
        foreach (var key in keys)
        {
            if (key is null)
                continue;
            if (!key.IsClosed)
                return false;
            any = true;
        }
        return any;
    }

    /// <summary>Whether anything that a target or site was asked for is closed there.</summary>
    public static bool IsAnyClosed(ReadOnlySpan<HealthKey?> keys)
    {
        foreach (var key in keys)
        {
            if (key is { IsClosed: true })
                return true;
        }
        return false;
    }

    public bool IsClosed => State == VerdictState.Closed;
    public bool IsLimited => State is VerdictState.Recovering or VerdictState.Degraded;
    /// <summary>Part of its traffic that it is given.</summary>
    public double Weight => State == VerdictState.Degraded ? Degraded.Weight : 1;
}
