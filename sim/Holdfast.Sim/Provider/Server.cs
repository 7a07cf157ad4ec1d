namespace Holdfast.Sim.Provider;

/// <summary>One target of a site, or one instance of a component.</summary>
internal struct Server
{
    public int QueueHead;
    public int QueueTail;
    public int Queued;
    public int Busy;
    /// <summary>Workers at work now; faults change it.</summary>
    public int Workers;
    /// <summary>Index of the pool: sites first, then components.</summary>
    public int Pool;
    /// <summary>Active faults of this kind of this server; 0: it needs no second look.</summary>
    public int Effects;
    /// <summary>Faults that hold it down, a crash counted.</summary>
    public int Downs;
    /// <summary>Its own share of the usual speed.</summary>
    public float Speed;
    public float ColdFactor;
    public bool IsCold;
    public bool IsCrashed;
    public long ColdFrom;
    public long WarmTicks;
    /// <summary>−1: its queue isn't full.</summary>
    public long FullSince;
}
