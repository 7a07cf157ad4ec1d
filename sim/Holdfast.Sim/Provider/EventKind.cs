namespace Holdfast.Sim.Provider;

/// <summary>What happens in a simulation; A and B of the event in brackets.</summary>
internal enum EventKind
{
    /// <summary>Request reaches its target. [job, serial]</summary>
    Reach,
    /// <summary>A server is done with a job. [job, serial]</summary>
    Done,
    /// <summary>An answer reaches the edge. [job, serial] Those before are about jobs, those after are not.</summary>
    Answer,
    /// <summary>[workload]</summary>
    Arrival,
    /// <summary>The client's next try, or one that a pause held up. [request, try serial]</summary>
    Try,
    /// <summary>Head of a client's time-outs is due. [workload]</summary>
    ClientTimers,
    /// <summary>A client gave up while the edge stood still. [request, try serial]</summary>
    ClientTimeout,
    /// <summary>[edge]</summary>
    Tick,
    /// <summary>Ask the policy again. [queue, token]</summary>
    Ask,
    /// <summary>The edge's own next attempt. [request, attempt serial]</summary>
    Again,
    /// <summary>Head of the attempts' time-outs is due. [service]</summary>
    AttemptTimers,
    /// <summary>An attempt or connection has no answer. [request, attempt serial]</summary>
    AttemptTimeout,
    ConnectTimeout,
    /// <summary>Head of the calls' time-outs is due. [component]</summary>
    CallTimers,
    /// <summary>A call failed at once. [job, call]</summary>
    CallFailed,
    /// <summary>[edge × sites + site]</summary>
    Canary,
    CanaryTimers,
    /// <summary>[period]</summary>
    FaultBegins,
    FaultEnds,
    /// <summary>[server, crash serial]</summary>
    Restart,
    /// <summary>An edge's report reaches another. [from × edges + to]</summary>
    Report,
    /// <summary>[act]</summary>
    Act,
    /// <summary>Mail's delivery asks for places again. [edge, token]</summary>
    MailWake,
    /// <summary>A worker's greeting reaches mail's edge. [request, attempt serial]</summary>
    Greeted,
    Step,
    End,
}
