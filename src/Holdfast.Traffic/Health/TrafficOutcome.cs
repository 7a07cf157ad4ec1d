using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Health;

/// <summary>The step of an attempt that an outcome speaks of.</summary>
public enum AttemptPhase : byte
{
    Connect = 0, Greeting = 1, Hello = 2, Tls = 3, Mail = 4, Rcpt = 5, Data = 6, FinalDot = 7, Quit = 8,
    /// <summary>HTTP: the response.</summary>
    Answer = 9,
}

/// <summary>What one step at a target came to.</summary>
/// <param name="Scope"><see cref="FailureScope.None"/> for success.</param>
/// <param name="Latency">From the last byte sent to the reply read; for <see cref="AttemptPhase.FinalDot"/> from the
/// dot.</param>
/// <param name="Detail">The reply or error in one line, kept as evidence; null for success.</param>
/// <param name="RecipientHash">Hash of the recipient, to tell distinct ones apart; 0 where it doesn't apply.</param>
/// <param name="SenderHash">Hash of the sender; 0 where it doesn't apply.</param>
public readonly record struct TrafficOutcome(
    TargetId Target, OperationClass Operation, AttemptPhase Phase, FailureScope Scope, TimeSpan Latency,
    string? Detail = null, uint RecipientHash = 0, uint SenderHash = 0)
{
    public bool IsSuccess => Scope == FailureScope.None;

    private readonly int _ticketAndOne;

    /// <summary>Ticket of the placement that it belongs to; -1: none.</summary>
    public int Ticket
    {
        get => _ticketAndOne - 1;
        init => _ticketAndOne = value + 1;
    }

    /// <summary>The target asked for less (421, 429, 503): its limit falls, and it is passed over for a while.
    /// </summary>
    public bool IsPushBack { get; init; }

    /// <summary>How long it asked to be left alone; zero: it didn't say.</summary>
    public TimeSpan RetryAfter { get; init; }
}
