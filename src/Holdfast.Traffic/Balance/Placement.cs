using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is asked of a target. Verdicts are kept per (target, class).</summary>
/// <remarks>At most eight.</remarks>
public enum OperationClass : byte
{
    MailDelivery = 0,
    Read = 1,
    Write = 2,
    Stream = 3,
}

/// <summary>A question to the engine: where may one transaction of this kind go now?</summary>
/// <param name="Priority">0 (most important) to 5.</param>
/// <param name="IsBacklog">True for mail that waited already: fresh mail goes ahead of it in recovery.</param>
/// <param name="Avoid">A target not to choose (it lacks an extension that this message needs), or none.</param>
/// <param name="Prefer">A site to try first (an earlier attempt there ended unknown), or null.</param>
/// <param name="Attempt">Above 0: a retry, charged to the region's retry budget. Mail that a verdict moved is placed,
/// not retried.</param>
/// <param name="CanWait">True for what waits durably (mail); false for what has a deadline (HTTP).</param>
/// <param name="IsHedge">A second copy of a request that is under way elsewhere.</param>
/// <param name="Bound">The target that holds this user's session, or null: of its site's targets it is taken, if it is
/// open and has room.</param>
/// <param name="StaysAway">A bound target's site is tried before nearer ones.</param>
/// <param name="WasUnsent">The attempt before got no connection: this one adds nothing to anybody's load, and isn't
/// charged to the retry budget.</param>
public readonly record struct PlacementRequest(
    ServiceId Service, OperationClass Operation, byte Priority, bool IsBacklog, TargetId Avoid, SiteId? Prefer = null,
    byte Attempt = 0, bool CanWait = true, bool IsHedge = false, TargetId? Bound = null, bool StaysAway = false,
    bool WasUnsent = false);

public enum PlacementKind : byte
{
    /// <summary>Nothing now; see <see cref="Placement.Wait"/> and <see cref="Placement.RetryAfter"/>.</summary>
    Wait = 0,
    /// <summary>Send it.</summary>
    Send = 1,
    /// <summary>Send this one only: it tests a closed target. Its outcome decides whether recovery begins.</summary>
    Canary = 2,
}

/// <summary>Why nothing can be sent now.</summary>
public enum WaitReason : byte
{
    None = 0,
    /// <summary>Every site of the service is closed: retry clocks stop.</summary>
    AllClosed = 1,
    /// <summary>Concurrency or pace is used up: ask again when something completes or after the time given.</summary>
    Saturated = 2,
    /// <summary>The service has no usable target at all.</summary>
    NoTarget = 3,
    /// <summary>The budget of retries or hedges is used up: don't repeat it.</summary>
    RetryBudget = 4,
    /// <summary>An operator drained every site that could take it.</summary>
    Drained = 5,
}

/// <summary>The engine's answer. A Send or Canary must be ended by exactly one <c>Release</c>.</summary>
/// <param name="Spilled">True when the target isn't in the home region.</param>
public readonly record struct Placement(
    PlacementKind Kind, TargetId Target, SiteId Site, bool Spilled, WaitReason Wait, TimeSpan RetryAfter)
{
    public bool MaySend => Kind != PlacementKind.Wait;

    private readonly int _ticketAndOne;

    /// <summary>The engine's record of what is under way; -1: none. Goes back with <c>Report</c>.</summary>
    public int Ticket
    {
        get => _ticketAndOne - 1;
        init => _ticketAndOne = value + 1;
    }
}
