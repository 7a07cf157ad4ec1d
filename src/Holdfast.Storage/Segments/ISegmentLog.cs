namespace Holdfast.Storage.Segments;

/// <summary>Where a record stands. Stable until its segment is deleted.</summary>
/// <param name="Segment">Segment number, rising by one, never reused.</param>
/// <param name="Offset">Byte offset of the record's header.</param>
/// <param name="Length">Payload bytes.</param>
public readonly record struct RecordLocation(uint Segment, uint Offset, uint Length);

/// <summary>How sure a caller must be before it goes on.</summary>
public enum Durability : byte
{
    /// <summary>Written with the next batch, synced with the next durable one or after a short while.</summary>
    Lazy = 0,
    /// <summary>Completed only when fdatasync of the batch has returned without error.</summary>
    Synced = 1,
}

/// <summary>Append-only checksummed records in preallocated segments, with group commit.</summary>
/// <remarks>
/// Promise: when a Synced append completes successfully, the record and its segment's directory entry survive power
/// loss. One fdatasync covers every append that arrived while the last one ran. A failed write or fdatasync poisons
/// the segment: every append of the batch fails, the segment takes no more, and the next append goes to a fresh one.
/// </remarks>
public interface ISegmentLog : IAsyncDisposable
{
    /// <summary>Appends one record made of up to three pieces (written as one payload). The pieces must stay unchanged
    /// until the call completes. Lazy appends complete once they are written (in order); Synced ones once durable.
    /// </summary>
    /// <exception cref="Disk.DiskException">NoSpace, Io…: nothing readable was left behind.</exception>
    ValueTask<RecordLocation> AppendAsync(byte kind, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body,
        Durability durability);

    /// <summary>Same, gathering a body of many pieces without copying.</summary>
    ValueTask<RecordLocation> AppendAsync(byte kind, ReadOnlyMemory<byte> head,
        IReadOnlyList<ReadOnlyMemory<byte>> body, Durability durability);

    /// <summary>Completes when everything appended before is on stable storage.</summary>
    ValueTask SyncAsync();

    /// <summary>Reads and verifies one record's payload into the buffer (at least location.Length long). Read twice
    /// before it is called damaged.</summary>
    /// <exception cref="RecordDamagedException">Checksum, generation or length don't fit.</exception>
    void Read(RecordLocation location, Span<byte> buffer);

    /// <summary>Reads part of a payload without verifying the checksum: only for look-ups that are verified later.
    /// </summary>
    int ReadUnverified(RecordLocation location, int offset, Span<byte> buffer);

    /// <summary>Segments that exist now, oldest first.</summary>
    IReadOnlyList<SegmentInfo> Segments { get; }

    /// <summary>Deletes a closed segment and syncs the directory. The caller has moved what lived there. The newest
    /// segment is never deleted, even when it is closed because no fresh one can be made.</summary>
    void Delete(uint segment);

    /// <summary>True once a write or sync failed and no fresh segment could be made.</summary>
    bool IsFailed { get; }
}

public readonly record struct SegmentInfo(uint Number, long WrittenBytes, bool IsClosed, bool IsPoisoned);

/// <summary>A record that does not fit its checksum, generation or length.</summary>
public sealed class RecordDamagedException : IOException
{
    public RecordDamagedException() { }
    public RecordDamagedException(string message) : base(message) { }
    public RecordDamagedException(string message, Exception inner) : base(message, inner) { }
    public RecordDamagedException(RecordLocation location, string what)
        : base($"record at segment {location.Segment} offset {location.Offset}: {what}") => Location = location;
    public RecordLocation Location { get; }
}
