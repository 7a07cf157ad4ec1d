using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Recovery;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one site.</summary>
internal sealed class SiteState
{
    public SiteState(SiteNode node, TrafficOptions options, double now)
    {
        Node = node;
        Test = new OutcomeTest(options);
        Capacity = new SiteCapacity(node.CapacityPerSecond, options);
        Since = now;
    }

    public SiteNode Node;
    public TokenBucket Pace;
    public SmoothRate Placed;
    public SmoothRate Fresh;
    /// <summary>What was placed here or, for want of room here, farther away.</summary>
    public SmoothRate Asked;
    public VerdictState State;
    public double Since;
    public double ReopenedAt = double.NegativeInfinity;
    public string Evidence = "";
    /// <summary>Since when the site has stood above the spill mark; NaN: it doesn't.</summary>
    public double OverSince = double.NaN;
    /// <summary>Where the search for a target begins, so that equals take turns.</summary>
    public int Cursor;
    public int InFlight;
    public readonly OutcomeTest Test;
    public readonly SiteCapacity Capacity;
    public readonly RateMeter PlacedMeter = new();
    public readonly RateMeter Delivered = new();
    public readonly RateMeter Failed = new();
    public readonly CanarySchedule Canary = new();
    public readonly RecoveryRamp Ramp = new();
    public readonly BacklogPace Backlog = new();

    public bool IsClosed => State == VerdictState.Closed;

    /// <summary>Operations a second that it may be given now.</summary>
    public double Allowed => State == VerdictState.Recovering
        ? Math.Min(Ramp.Rate, Capacity.PerSecond) : Capacity.PerSecond;
}
