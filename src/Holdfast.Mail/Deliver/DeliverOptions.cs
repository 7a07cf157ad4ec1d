using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Deliver;

/// <summary>How waiting mail is sent on: section <c>Holdfast:Mail:Deliver</c>.</summary>
public sealed class DeliverOptions
{
    public const string Section = "Holdfast:Mail:Deliver";
    private const int PatienceDoublingsMax = 6;

    /// <summary>Name given in EHLO. Empty: <c>Holdfast:HostName</c>.</summary>
    /// <value>Empty.</value>
    public string HelloName { get; set; } = "";

    /// <summary>How long a message is tried; time for which its destination was closed doesn't count.</summary>
    /// <value>5 days (RFC 5321 §4.5.4.1: at least 4 to 5). Range 1 minute to 30 days.</value>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromDays(5);

    /// <summary>Age at which a message expires even if its destination was closed all the time.</summary>
    /// <value>14 days. Range 1 minute to 90 days; at least <see cref="RetryFor"/>.</value>
    [Range(typeof(TimeSpan), "00:01:00", "90.00:00:00")]
    public TimeSpan RetryForMax { get; set; } = TimeSpan.FromDays(14);

    /// <summary>Age (closed time counted) at which the sender is told that the message waits; zero: never. Mail
    /// accepted before a start is tried for 15 minutes first.</summary>
    /// <value>4 hours, as Exchange. Range 0 to 14 days.</value>
    [Range(typeof(TimeSpan), "00:00:00", "14.00:00:00")]
    public TimeSpan DelayNoticeAfter { get; set; } = TimeSpan.FromHours(4);

    /// <summary>Closed time that gathers before it is written to a waiting message's progress: so much may be lost in a
    /// crash, and so often each parked message costs a write.</summary>
    /// <value>6 hours. Range 1 minute to 1 day.</value>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan ClosedTimeRecordEvery { get; set; } = TimeSpan.FromHours(6);

    /// <summary>How long a message counts as fresh, ahead of backlog.</summary>
    /// <value>5 seconds: what is promised of fresh mail beside a backlog; what missed it must not make the next late
    /// too. Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FreshFor { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Most attempts under way at once, over all targets.</summary>
    /// <value>1 000. Range 1 to 20 000.</value>
    [Range(1, 20_000)]
    public int InFlightMax { get; set; } = 1_000;

    /// <summary>Most connections at once to one destination found by MX.</summary>
    /// <value>10; Postfix's default is 20. Range 1 to 1 000.</value>
    [Range(1, 1_000)]
    public int ConnectionsPerMxMax { get; set; } = 10;

    /// <summary>Placements at once after failures of target or site scope, before a message waits
    /// <c>Retry:PlacementDelay</c>.</summary>
    /// <value>3. Range 0 to 20.</value>
    [Range(0, 20)]
    public int MovesMax { get; set; } = 3;

    /// <summary>Messages sent over one connection before it is closed.</summary>
    /// <value>1 000. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)]
    public int MessagesPerConnectionMax { get; set; } = 1_000;

    /// <summary>Idle connections kept for a target.</summary>
    /// <value>50. Range 0 to 1 000.</value>
    [Range(0, 1_000)]
    public int IdleConnectionsPerTargetMax { get; set; } = 50;

    /// <summary>How long an idle connection is kept.</summary>
    /// <value>10 seconds; Postfix keeps 2. Range 1 second to 5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for a connection.</summary>
    /// <value>30 seconds, as Postfix. Range 100 ms to 5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest wait for the greeting and the reply to EHLO.</summary>
    /// <value>5 minutes (RFC 5321 §4.5.3.2.1). Range 1 second to 30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan GreetingTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest wait for the TLS handshake.</summary>
    /// <value>1 minute. Range 1 second to 30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan TlsTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest wait for the reply to MAIL and to each RCPT.</summary>
    /// <value>5 minutes (RFC 5321 §4.5.3.2.2 and .3). Range 1 second to 30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan EnvelopeTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest wait for the reply to DATA.</summary>
    /// <value>2 minutes (RFC 5321 §4.5.3.2.4). Range 1 second to 30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan DataTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Longest time for one block of content to be taken.</summary>
    /// <value>3 minutes (RFC 5321 §4.5.3.2.5). Range 1 second to 30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan BlockTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>Longest wait for the reply to the final dot; after it the outcome is unknown. Shorter waits make
    /// duplicates (RFC 1047).</summary>
    /// <value>10 minutes (RFC 5321 §4.5.3.2.6). Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FinalDotTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>On routes to a service: how long a message waits for a target that is silent before the final dot,
    /// until it goes to another. Doubles with each move of the message, up to the limits above, so that what is slow
    /// but works gets it in the end. A target that the board has closed is left after 2.5 seconds; where there is no
    /// other (MX) the limits above hold alone.</summary>
    /// <value>5 seconds. Range 500 ms to 5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:05:00")]
    public TimeSpan StallAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest silence before the final dot for a message that has been moved so often: what is slow but works
    /// gets the mail in the end.</summary>
    internal TimeSpan PatienceAfter(int moves) => StallAfter * (1 << Math.Min(moves, PatienceDoublingsMax));

    /// <summary>Content up to this size is sent with its final dot in one write; larger content streams.</summary>
    /// <value>256 KiB. Range 4 KiB to 16 MiB.</value>
    [Range(4_096, 16_777_216)]
    public int GatherBytesMax { get; set; } = 256 * 1024;

    /// <summary>Messages kept in memory from their arrival to their first attempt.</summary>
    /// <value>4 096. Range 0 to 1 000 000.</value>
    [Range(0, 1_000_000)]
    public int KeptMessagesMax { get; set; } = 4_096;

    /// <summary>Messages loaded at once to learn their routes (after a start or a reload) or to expire.</summary>
    /// <value>2. Range 1 to 64.</value>
    [Range(1, 64)]
    public int LoadersMax { get; set; } = 2;

    /// <summary>How long a stop waits for attempts under way; then they are broken off.</summary>
    /// <value>20 seconds. Range 0 to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(20);
}
