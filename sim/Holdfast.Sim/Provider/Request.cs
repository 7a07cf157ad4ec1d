using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Provider;

internal enum RequestState : byte
{
    Free,
    /// <summary>Arrived at an edge that stands still.</summary>
    Held,
    /// <summary>In the edge's queue or spool.</summary>
    Waiting,
    /// <summary>At a target.</summary>
    InFlight,
    /// <summary>The edge tries again later.</summary>
    Delayed,
    /// <summary>The client tries again later.</summary>
    ClientWaits,
    /// <summary>An end-to-end canary.</summary>
    Canary,
}

/// <summary>A request from its first arrival to its one end, in a pool.</summary>
internal struct Request : IPooled
{
    public long ArrivedAt;
    public long SentAt;
    /// <summary>Of the attempt under way; what it is released with.</summary>
    public Placement Placement;
    /// <summary>Grows with each attempt and its end: an answer that carries an older one comes too late.</summary>
    public int AttemptSerial;
    /// <summary>Grows with each try of the client and its end: a timer that carries an older one is void.</summary>
    public int TrySerial;
    /// <summary>Neighbours in a queue.</summary>
    public int Next { get; set; }
    public int Previous;
    public int LastTarget;
    public float SizeBytes;
    public uint Cohort;
    public ushort Workload;
    public ushort Tries;
    public ushort Attempts;
    public byte Edge;
    public byte Priority;
    public byte Operation;
    public RequestState State;
    /// <summary>Mail: its server has begun with the content; without an answer the outcome is unknown.</summary>
    public bool IsTaken;
    /// <summary>Answered with success, not done.</summary>
    public bool IsLost;
    /// <summary>Mail under way: index of its session at the edge.</summary>
    public int Session;
    public bool IsBacklog;
    /// <summary>In the queue's backlog part.</summary>
    public bool InBacklogQueue;
}
