using Holdfast.Mail.Spool;
using Holdfast.Traffic;

namespace Holdfast.Mail.Queue;

/// <summary>Numbers that only the process's composition knows.</summary>
internal sealed record QueueStatusSources
{
    /// <summary>Messages accepted since the start.</summary>
    public Func<long> AcceptedTotal { get; init; } = () => 0;
    /// <summary>Recipients delivered since the start, whatever the route.</summary>
    public Func<long> DeliveredTotal { get; init; } = () => 0;
    /// <summary>Attempts put off since the start.</summary>
    public Func<long> DeferredTotal { get; init; } = () => 0;
    /// <summary>Unreserved bytes that the spool may still take.</summary>
    public Func<long> FreeDiskBytes { get; init; } = () => 0;
    /// <summary>Connections of clients that are open.</summary>
    public Func<long> ClientConnections { get; init; } = () => 0;
    /// <summary>Why mail isn't ready, in words (not open yet); null: it is, as far as this source knows.</summary>
    public Func<string?> NotReady { get; init; } = () => null;
}

/// <summary>Gathers the numbers of <c>holdfast status</c> and <c>/readyz</c>.</summary>
/// <remarks>The oldest message is looked for at most every five seconds: with a million waiting that walk costs tens of
/// milliseconds, and probes ask often.</remarks>
internal sealed class QueueStatus(IMailSpool spool, IWaitingMail waiting, ITrafficBoard board,
    QueueStatusSources sources, TimeProvider time)
{
    private static readonly TimeSpan OldestKeptFor = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly RateWindow _rates = new();
    private DateTimeOffset? _oldest;
    private TimeSpan _oldestAt = TimeSpan.MinValue;

    public MailStatus Take()
    {
        var now = time.GetElapsedTime(0);
        var traffic = board.Snapshot(now);
        var counts = waiting.Counts;
        var (accepted, delivered, deferred) = _rates.PerSecond(now, sources.AcceptedTotal(), sources.DeliveredTotal(),
            sources.DeferredTotal());
        var notReady = sources.NotReady() ?? (spool.Pressure == SpoolPressure.Failed
            ? "the spool can't write: senders get 451 4.3.0 until it can" : null);
        TimeSpan? oldest;
        lock (_gate)
            oldest = OldestAge(now);
        return new MailStatus(notReady, spool.WaitingCount, spool.WaitingBytes, counts.InDelivery, counts.Held, oldest,
            spool.Pressure.ToString(), accepted, delivered, deferred, sources.ClientConnections(),
            sources.FreeDiskBytes(), traffic);
    }

    private TimeSpan? OldestAge(TimeSpan now)
    {
        if (_oldestAt == TimeSpan.MinValue || now - _oldestAt >= OldestKeptFor)
        {
            var found = false;
            var oldest = default(MessageId);
            foreach (var message in spool.Enumerate())
            {
                if (!found || message.Id < oldest)
                    (found, oldest) = (true, message.Id);
            }
            _oldest = found ? oldest.Time : null;
            _oldestAt = now;
        }
        // An empty spool is told at once, even when the walk saw the last message a moment ago.
        if (_oldest is not { } since || spool.WaitingCount == 0)
            return null;
        var age = time.GetUtcNow() - since;
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }
}
