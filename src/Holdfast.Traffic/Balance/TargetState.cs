using System.Runtime.CompilerServices;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one target.</summary>
internal sealed class TargetState
{
    /// <summary>Where its parts lie, for who asks for their memory.</summary>
    private static readonly int s_limit;
    /// <summary>Of its limit what placements and outcomes use, which comes first.</summary>
    private const int LimitBytes = 24;

    static TargetState()
    {
        var any = (TargetState)RuntimeHelpers.GetUninitializedObject(typeof(TargetState));
        s_limit = NearMemory.Distance(any, ref any.Limit);
    }

    public TargetState(TargetNode node, TrafficOptions options)
    {
        Node = node;
        Limit = new ConcurrencyLimit(options.ConcurrencyInitial, node.ConcurrencyMax);
    }

    /// <summary>The node's own, beside what else a choice reads.</summary>
    public TargetId Id;
    public SiteId Site;
    public bool IsRetired;
    // In this order they lie: what placements and outcomes use together.
    public RateMeter Delivered;
    public ConcurrencyLimit Limit;
    /// <summary>By operation class; null: never asked for.</summary>
    public OperationKeys Keys;
    public TargetNode Node
    {
        get;
        set
        {
            field = value;
            Id = value.Id;
            Site = value.Site;
            IsRetired = value.IsRetired;
        }
    }

    /// <summary>Asks for what a choice reads.</summary>
    public static void FetchUse(TargetState state) => NearMemory.Ask(state, 0, s_limit + LimitBytes);

    /// <summary>Asks for what an outcome reads and writes.</summary>
    public static void Fetch(TargetState state) =>
        NearMemory.Ask(state, 0, s_limit + LimitBytes);

    /// <summary>By hand.</summary>
    public double ActWeight = 1;
    public bool IsDrained;
    public bool IsFrozen;
    public bool IsPinned;
    /// <summary>It was used or is under a verdict: ticks look after it.</summary>
    public bool IsActive;
    public double UsedAt;
    /// <summary>Placements so far; wraps round.</summary>
    public uint Placed;
    public ProbeMemory Probes = new();
}
