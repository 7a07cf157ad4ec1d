namespace Holdfast.Sim.Provider;

internal enum JobState : byte { Free, Queued, Served, Calling, Answered }

/// <summary>What came of a job, as its answer says.</summary>
internal enum JobResult : byte
{
    Success,
    /// <summary>Answered with success, not done.</summary>
    Lost,
    /// <summary>Queue full.</summary>
    PushedBack,
    /// <summary>Connection refused.</summary>
    Refused,
    /// <summary>The server went down under it.</summary>
    Reset,
    /// <summary>A component that it needs failed.</summary>
    DependencyFailed,
    /// <summary>A fault answers with its own words; see <see cref="Job.Fault"/>.</summary>
    FaultError,
}

/// <summary>One piece of work at one server: of a request, or of another job that calls a component.</summary>
internal struct Job : IPooled
{
    /// <summary>Grows when the slot is freed: an event that carries an older one is void.</summary>
    public int Serial;
    /// <summary>−1: a call of another job.</summary>
    public int Request;
    /// <summary>When its request left the edge.</summary>
    public long SentAt;
    public int AttemptSerial;
    /// <summary>Of the placement.</summary>
    public int Ticket;
    public int Parent;
    public int ParentCall;
    public int Server;
    /// <summary>Neighbour in the server's queue.</summary>
    public int Next { get; set; }
    /// <summary>Grows with each call to a component.</summary>
    public int Call;
    public int Fault;
    public float Work;
    public float SizeBytes;
    public JobState State;
    public JobResult Result;
    public byte Operation;
    public byte Edge;
    /// <summary>Which of the dependencies is asked.</summary>
    public byte Stage;
    public byte CallTries;
    public bool IsLost;
}
