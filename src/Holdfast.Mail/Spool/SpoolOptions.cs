using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Spool;

/// <summary>How much the spool keeps, in memory and on disk, and when it tidies up.</summary>
public sealed class SpoolOptions
{
    public const string Section = "Holdfast:Mail:Spool";

    /// <summary>Content up to this size stands in the log beside its envelope; larger content gets a file of its own.
    /// </summary>
    /// <value>2 MiB: one write and one sync for nearly all mail, and delivery from memory; 1 KiB to 4 MiB. Never more
    /// than a quarter of <see cref="SegmentBytes"/>.</value>
    [Range(1024, 4 * 1024 * 1024)]
    public int InlineBytesMax { get; set; } = 2 * 1024 * 1024;

    /// <summary><see cref="InlineBytesMax"/> within what a segment bears.</summary>
    internal int InlineBytes => Math.Min(InlineBytesMax, SegmentBytes / 4);

    /// <summary>Memory for all content being received, lately received or being delivered from memory.
    /// An eighth is reserved for deliveries.</summary>
    /// <value>256 MiB; 16 MiB to 64 GiB. At least 16 × <see cref="InlineBytesMax"/>. When it is used up, content goes
    /// to files early and senders wait.</value>
    [Range(16L * 1024 * 1024, 64L * 1024 * 1024 * 1024)]
    public long BodyMemoryBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>How long a sender's data may wait for body memory before the message is refused with 451.</summary>
    /// <value>20 seconds, far under the sender's 3 minutes for a data block (RFC 5321 §4.5.3.2.5); 1 s to 2 min.
    /// </value>
    [Range(typeof(TimeSpan), "00:00:01", "00:02:00")]
    public TimeSpan BodyWaitMax { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Waiting messages beyond which all but the most important mail is refused with 451 4.3.2.</summary>
    /// <value>10 000 000 (about 700 MB of memory); 1 to 100 000 000. From 80 % on the lowest priorities are refused.
    /// </value>
    [Range(1L, 100_000_000L)]
    public long WaitingMessagesMax { get; set; } = 10_000_000;

    /// <summary>Waiting content bytes beyond which all but the most important mail is refused with 451 4.3.2.</summary>
    /// <value>0: bound only by the disk; up to 2⁶⁰.</value>
    [Range(0L, 1L << 60)]
    public long WaitingBytesMax { get; set; }

    /// <summary>Disk space kept back for progress, compaction and notices, so that a full disk stops acceptance and
    /// never delivery. A file of this size is really allocated and given up when the disk is full.</summary>
    /// <value>512 MiB, scaled down to a sixteenth of a small disk; 1 MiB to 64 GiB.</value>
    [Range(1024L * 1024, 64L * 1024 * 1024 * 1024)]
    public long DiskReserveBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>Free space (beside the reserve) under which acceptance stops with 452 4.3.1. It starts again at twice
    /// that.</summary>
    /// <value>128 MiB, scaled down to a 64th of a small disk; 0 to 64 GiB.</value>
    [Range(0L, 64L * 1024 * 1024 * 1024)]
    public long DiskFreeMin { get; set; } = 128L * 1024 * 1024;

    /// <summary>Size of a log segment. Space is given back a segment at a time.</summary>
    /// <value>64 MiB; 1 MiB to 1 GiB. Read at start.</value>
    [Range(1024 * 1024, 1024 * 1024 * 1024)]
    public int SegmentBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>A closed segment with less than this share of live bytes may be compacted.</summary>
    /// <value>0.25; 0 to 0.9.</value>
    [Range(0.0, 0.9)]
    public double CompactionLiveMax { get; set; } = 0.25;

    /// <summary>Dead bytes in closed segments below which nothing is compacted.</summary>
    /// <value>256 MiB; 0 to 1 TiB. When space is short, compaction does not wait for it.</value>
    [Range(0L, 1L << 40)]
    public long WasteBytesMax { get; set; } = 256L * 1024 * 1024;

    /// <summary>Time between checkpoints of the message table while messages come and go.</summary>
    /// <value>5 minutes; 1 s to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Log written since the last checkpoint that makes the next one due: bounds what a restart scans.
    /// </summary>
    /// <value>512 MiB, about two seconds of scanning; 1 MiB to 1 TiB.</value>
    [Range(1024L * 1024, 1L << 40)]
    public long CheckpointBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>Most bytes of damaged messages that are kept in <c>damaged/</c> for a person to look at. Beyond it they
    /// stay in the log.</summary>
    /// <value>64 MiB; 0 to 64 GiB.</value>
    [Range(0L, 64L * 1024 * 1024 * 1024)]
    public long DamagedBytesMax { get; set; } = 64L * 1024 * 1024;

    /// <summary>How often space, dead segments and failed writes are looked after.</summary>
    /// <value>250 milliseconds; 10 ms to 1 min.</value>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan UpkeepInterval { get; set; } = TimeSpan.FromMilliseconds(250);
}
