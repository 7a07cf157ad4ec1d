using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>The table of waiting messages with its sums and what each segment is still needed for, under one lock.
/// </summary>
/// <remarks>All members but the counts are used under <see cref="Gate"/>, or before the spool is open.</remarks>
internal sealed class SpoolLedger
{
    private long _waitingBytes;
    private int _waitingCount;

    public Lock Gate { get; } = new();
    public SpoolTable Table { get; } = new();
    public SegmentUsage Usage { get; } = new();
    public long WaitingBytes => Volatile.Read(ref _waitingBytes);
    public int WaitingCount => Volatile.Read(ref _waitingCount);

    public int Add(in MessageHead head, RecordLocation location)
    {
        var slot = Table.Add(head.Id);
        ref var row = ref Table[slot];
        row.SizeBytes = head.SizeBytes;
        row.Location = location;
        row.RecipientCount = head.RecipientCount;
        row.Priority = head.Priority;
        row.Set(SpoolRowFlags.HasBodyFile, head.HasBodyFile);
        Usage.Live(location.Segment, location.Length);
        Count(head.SizeBytes, 1);
        return slot;
    }

    /// <summary>Puts a row of the checkpoint back.</summary>
    public void Restore(in SpoolRow image)
    {
        var slot = Table.Add(image.Id);
        ref var row = ref Table[slot];
        var generation = row.Generation;
        row = image;
        row.Generation = generation;
        row.Set(SpoolRowFlags.InUse, true);
        Usage.Live(row.Segment, row.RecordBytes);
        if (row.HasProgress)
            Usage.Live(row.ProgressSegment, row.ProgressBytes);
        Count(row.SizeBytes, 1);
    }

    /// <summary>A copy of the message was made.</summary>
    public void Move(int slot, RecordLocation to)
    {
        ref var row = ref Table[slot];
        if (row.Location == to)
            return;
        Usage.Dead(row.Segment, row.RecordBytes);
        Usage.Live(to.Segment, to.Length);
        Usage.Moved(row.Segment, to.Segment);
        row.Location = to;
    }

    /// <summary>A progress record stands in the log; an older version is passed over.</summary>
    public void SetProgress(int slot, RecordLocation location, in ProgressHead head)
    {
        ref var row = ref Table[slot];
        if (row.HasProgress)
        {
            if (head.Version < row.ProgressVersion)
                return;
            Usage.Dead(row.ProgressSegment, row.ProgressBytes);
        }
        Usage.Live(location.Segment, location.Length);
        row.Set(SpoolRowFlags.LostProgress, false);
        row.Progress = location;
        row.ProgressVersion = head.Version;
        row.Set(SpoolRowFlags.IsHeld, head.IsHeld);
        row.Set(SpoolRowFlags.AttemptIsOpen, head.AttemptIsOpen);
    }

    /// <summary>The progress can't be read: the message goes on, every recipient's outcome unknown.</summary>
    public void LoseProgress(int slot)
    {
        ref var row = ref Table[slot];
        if (row.HasProgress)
            Usage.Dead(row.ProgressSegment, row.ProgressBytes);
        row.Progress = default;
        row.Set(SpoolRowFlags.LostProgress, true);
    }

    public void Remove(int slot)
    {
        ref var row = ref Table[slot];
        Usage.Dead(row.Segment, row.RecordBytes);
        if (row.HasProgress)
            Usage.Dead(row.ProgressSegment, row.ProgressBytes);
        Count(-row.SizeBytes, -1);
        Table.Remove(slot);
    }

    public WaitingMessage Waiting(int slot)
    {
        ref var row = ref Table[slot];
        return new WaitingMessage(Table.HandleOf(slot), row.Id, row.Priority, row.RecipientCount, row.SizeBytes,
            (row.Flags & SpoolRowFlags.IsHeld) != 0,
            (row.Flags & (SpoolRowFlags.AttemptIsOpen | SpoolRowFlags.LostProgress)) != 0);
    }

    private void Count(long bytes, int messages)
    {
        Volatile.Write(ref _waitingBytes, _waitingBytes + bytes);
        Volatile.Write(ref _waitingCount, _waitingCount + messages);
    }
}
