using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one target.</summary>
internal sealed class TargetState
{
    public TargetState(TargetNode node, TrafficOptions options)
    {
        Node = node;
        Limit = new ConcurrencyLimit(options.ConcurrencyInitial, node.ConcurrencyMax);
    }

    /// <summary>The node's own, beside what else a choice reads.</summary>
    public TargetId Id;
    public SiteId Site;
    public bool IsRetired;
    public ConcurrencyLimit Limit;
    /// <summary>By operation class; null: never asked for.</summary>
    public OperationKeys Keys;
    public RateMeter Delivered;
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
    public void FetchUse()
    {
        NearMemory.Ask(ref UsedAt);
        NearMemory.Ask(ref Limit);
    }

    /// <summary>Asks for what an outcome reads and writes.</summary>
    public void Fetch()
    {
        NearMemory.Ask(ref UsedAt);
        NearMemory.AskAll(ref Limit);
        NearMemory.AskAll(ref Delivered);
    }

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
}
