using Holdfast.Traffic;

namespace Holdfast.Mail.Queue;

/// <summary>Queries and acts on waiting mail, for the commands, the API and the screens.</summary>
public interface IMailQueue
{
    /// <summary>Matching messages, oldest first, at most <paramref name="limit"/>.</summary>
    IAsyncEnumerable<QueueItem> ListAsync(QueueSelector selector, int limit, CancellationToken abort);
    Task<long> CountAsync(QueueSelector selector, CancellationToken abort);
    Task<QueueShape> ShapeAsync(CancellationToken abort);
    Task<QueueDetail?> ShowAsync(MessageId id, CancellationToken abort);
    /// <summary>Carries the act out on every match and writes it to the evidence journal with actor and reason.
    /// </summary>
    Task<QueueActResult> ActAsync(QueueActKind act, QueueSelector selector, string actor, string? reason,
        CancellationToken abort);
    /// <summary>Writes the message as a self-contained file: a header block with envelope and progress (JSON line),
    /// then the content bytes, and tells the evidence journal who did. False when it isn't waiting.</summary>
    Task<bool> ExportAsync(MessageId id, Stream destination, string actor, CancellationToken abort);
    /// <summary>Takes an exported message in under a new id and returns the id.</summary>
    Task<MessageId> ImportAsync(Stream source, string actor, CancellationToken abort);
    MailStatus Status();
}

/// <summary>Numbers for <c>holdfast status</c>, <c>/readyz</c> and the API.</summary>
/// <param name="NotReady">Why we are not ready, in words; null when ready.</param>
public sealed record MailStatus(
    string? NotReady, long Waiting, long WaitingBytes, long InDelivery, long Held, TimeSpan? OldestAge,
    string Pressure, double AcceptedPerSecond, double DeliveredPerSecond, double DeferredPerSecond,
    long Connections, long FreeDiskBytes, TrafficSnapshot Traffic);

/// <summary>What <c>holdfast route ADDRESS</c> answers.</summary>
public sealed record RouteExplanation(
    string Address, string? Rule, string? Service, IReadOnlyList<RouteStep> Steps, string Summary);

/// <param name="Why">"home region, healthy", "closed since 12:03: 40 of 40 RCPT answered 451 4.3.2".</param>
public sealed record RouteStep(string Site, string Target, string Verdict, bool WouldBeUsed, string Why);

public interface IRouteExplainer
{
    Task<RouteExplanation> ExplainAsync(string address, CancellationToken abort);
}
