using System.ComponentModel.DataAnnotations;

namespace Holdfast.Storage.Segments;

/// <summary>Sizes and waits of a segment log.</summary>
public sealed class SegmentLogOptions
{
    /// <summary>Size of a segment file, reserved and zeroed before use. A record must fit into one.</summary>
    /// <value>64 MiB: making the next one takes about 0.1 s of the disk, and compaction copies little at a time.
    /// </value>
    [Range(64 << 10, 1 << 30)]
    public int SegmentBytes { get; set; } = 64 << 20;

    /// <summary>How long a lazy append may stay unsynced when no synced one comes along.</summary>
    /// <value>50 ms: bounds the outcomes that a power cut makes unknown, at 20 syncs/s when idle.</value>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:10")]
    public TimeSpan LazySyncDelay { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Appends that may wait for the writer; beyond it producers wait.</summary>
    /// <value>8 192: more than the connections that we expect to end a message at the same moment.</value>
    [Range(1, 1 << 20)]
    public int PendingMax { get; set; } = 8192;

    /// <summary>Bytes that one write and sync may cover.</summary>
    /// <value>4 MiB: beyond it a disk gains nothing, and the first append of the batch waits longer.</value>
    [Range(4 << 10, 1 << 28)]
    public int BatchBytes { get; set; } = 4 << 20;

    /// <summary>Records that one write and sync may cover.</summary>
    /// <value>1 024.</value>
    [Range(1, 16384)]
    public int BatchRecords { get; set; } = 1024;

    /// <summary>Wait before another attempt to make a segment when that has failed.</summary>
    /// <value>1 second.</value>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:05:00")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How full (in percent) a segment is when the next one is made in the background.</summary>
    /// <value>25 %: the next one is ready long before it is needed.</value>
    [Range(0, 100)]
    public int PrepareAtPercent { get; set; } = 25;

    /// <summary>Deleted segments whose files are kept for the next ones, so that their space needn't be made and
    /// written a second time.</summary>
    /// <value>4: as many as die between two looks of the spool's upkeep at some hundred MiB/s.</value>
    [Range(0, 64)]
    public int SparesMax { get; set; } = 4;

    /// <summary>This node's number, written into each segment.</summary>
    /// <value>0.</value>
    public uint Node { get; set; }

    /// <summary>Largest payload of one record.</summary>
    public long RecordBytesMax => BatchBuilder.PayloadMax(SegmentBytes);
}
