using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Deliver;

/// <summary>When deferred mail is tried again: section <c>Holdfast:Mail:Deliver:Retry</c>.</summary>
public sealed class RetryOptions
{
    public const string Section = "Holdfast:Mail:Deliver:Retry";

    /// <summary>Wait before the first retry of a message or recipient: many a 4yz (a busy mailbox, a short grey list)
    /// is over in a minute.</summary>
    /// <value>1 minute. Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan RetryDelayFirst { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Wait before the second retry; doubles up to <see cref="RetryDelayMax"/>.</summary>
    /// <value>5 minutes, as Postfix's <c>minimal_backoff_time</c> (300 s). Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RetryDelayMin { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest wait between retries.</summary>
    /// <value>1 hour (Postfix's <c>maximal_backoff_time</c> is 4 000 s). Range 1 second to 7 days.</value>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan RetryDelayMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Part of each wait that is drawn at random, so that mail which failed together doesn't come back
    /// together: a wait of w becomes w × (1 − j/2) to w × (1 + j/2).</summary>
    /// <value>0.4. Range 0 to 1.</value>
    [Range(0.0, 1.0)]
    public double RetryJitter { get; set; } = 0.4;

    /// <summary>First wait when our source address is refused or throttled; doubles up to
    /// <see cref="RetryDelayMax"/>.</summary>
    /// <value>15 minutes (RFC 5321 §4.5.4.1 wants 30 for a destination that failed). Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan SourceAddressDelayMin { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Shortest wait after an outcome that is unknown: the other side may still be busy with the message, and
    /// a second copy must not race the first. What our own crash interrupted is tried at the start.</summary>
    /// <value>10 minutes, the wait for the final reply (RFC 5321 §4.5.3.2.6). Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan UnknownOutcomeDelay { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>First wait after a target or site failed and no other could be had; doubles up to
    /// <see cref="RetryDelayMin"/>. Elsewhere such mail moves at once, and when the service was closed and opens again
    /// it no longer waits.</summary>
    /// <value>2 seconds. Range 100 ms to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan PlacementDelay { get; set; } = TimeSpan.FromSeconds(2);
}
