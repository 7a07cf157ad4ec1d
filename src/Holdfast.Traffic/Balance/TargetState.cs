using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Recovery;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one target.</summary>
/// <remarks>There is one operation class so far; the second one brings a test a class.</remarks>
internal sealed class TargetState
{
    public TargetState(TargetNode node, TrafficOptions options, double now)
    {
        Node = node;
        Limit = new ConcurrencyLimit(options.ConcurrencyInitial, node.ConcurrencyMax);
        Test = new OutcomeTest(options);
        Since = now;
    }

    public TargetNode Node;
    public ConcurrencyLimit Limit;
    public TokenBucket Pace;
    public VerdictState State;
    public double Since;
    /// <summary>Failures of attempts that began earlier are old news.</summary>
    public double ReopenedAt = double.NegativeInfinity;
    public string Evidence = "";
    public readonly OutcomeTest Test;
    public readonly LatencyEstimate Latency = new();
    public readonly RateMeter Delivered = new();
    public readonly CanarySchedule Canary = new();
    public readonly RecoveryRamp Ramp = new();
    public bool IsOpen => State != VerdictState.Closed && !Node.IsRetired;
}
