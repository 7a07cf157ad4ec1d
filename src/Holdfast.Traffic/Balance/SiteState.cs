using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Recovery;
using Holdfast.Traffic.Spill;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one site.</summary>
internal sealed class SiteState
{
    /// <summary>What stands for no limit, in operations a second.</summary>
    private const double OpenPerSecond = 1_000_000;
    public SiteState(SiteNode node, TrafficOptions options, double now)
    {
        Node = node;
        Capacity = new SiteCapacity(node.CapacityPerSecond, node.IsHome, options);
        Since = now;
    }

    public SiteNode Node;
    /// <summary>By operation class; null: never asked for.</summary>
    public OperationKeys Keys;
    public TokenBucket Pace;
    public SmoothRate Placed;
    public SmoothRate Fresh;
    /// <summary>What was placed here or, for want of room here, farther away.</summary>
    public SmoothRate Asked;
    public SpillPace Spill;
    public EndToEndCanaries Canaries;
    public HoldTime Hold;
    public double Since;
    /// <summary>Since when the site has stood above the spill mark; NaN: it doesn't.</summary>
    public double OverSince = double.NaN;
    /// <summary>Since when no nearer site of its service is open; NaN: one is, or it is home itself.</summary>
    public double LastResortSince = double.NaN;
    /// <summary>Where the search for a target begins, so that equals take turns.</summary>
    public int Cursor;
    public int InFlight;
    /// <summary>Slots of its open targets, as far as they have shown a limit; as of the last window.</summary>
    public int Slots;
    /// <summary>What those slots let through a second; infinite while no target has shown a limit.</summary>
    public double SlotsPerSecond = double.PositiveInfinity;
    /// <summary>What other gateways leave of what is declared; infinite: none is heard.</summary>
    public double Part = double.PositiveInfinity;
    /// <summary>By hand: part of its traffic, and until when it is drained gently.</summary>
    public double ActWeight = 1;
    public bool IsDrained;
    public double DrainedSince;
    public bool IsFrozen;
    /// <summary>A pin of its service names it or something in it.</summary>
    public bool IsPinned;
    public double WeightDealt;
    /// <summary>It needs something that other sites need too and that fails.</summary>
    public bool SharesSickComponent;
    /// <summary>It was used or is under a verdict: ticks look after it.</summary>
    public bool IsActive;
    public double UsedAt;
    /// <summary>When its pace last let something wait.</summary>
    public double RefusedAt = double.NegativeInfinity;
    /// <summary>Failure shares of its targets by operation, sorted, as of the last window.</summary>
    public readonly double[]?[] PeerShares = new double[TrafficEngine.OperationsMax][];
    public readonly int[] PeerCounts = new int[TrafficEngine.OperationsMax];
    public readonly SiteCapacity Capacity;
    public RateMeter PlacedMeter;
    public RateMeter Delivered;
    public RateMeter Failed;
    public readonly BacklogPace Backlog = new();

    /// <summary>Operations a second that it may be given in all, whoever they come from.</summary>
    public double Full => Math.Min(Math.Min(Capacity.PerSecond, Part), SlotsPerSecond);

    /// <summary><see cref="Full"/>, but where the number is only our own caution what can't wait isn't held to it.
    /// </summary>
    public double FullFor(bool canWait) => canWait || !Capacity.IsOpen ? Full
        : Math.Min(Math.Min(OpenPerSecond, Part), SlotsPerSecond);
}
