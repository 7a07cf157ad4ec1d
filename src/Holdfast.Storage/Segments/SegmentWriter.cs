using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging;

namespace Holdfast.Storage.Segments;

/// <summary>The log's one writer: takes all that waits, writes it as one batch, syncs once, completes all.</summary>
/// <remarks>
/// Every member but those marked is called by the commit driver only, so never twice at a time.
/// Order on failure: the segment is poisoned, a fresh one is opened whose first record says where the poisoned one ends
/// (synced), then the appends are failed. What was reported as failed therefore can't come back after a restart,
/// unless no fresh segment could be made before it.
/// </remarks>
internal sealed partial class SegmentWriter(
    IDisk disk, SegmentTable table, AppendIntake intake, SegmentPreparer preparer, CommitDriver driver,
    SegmentLogOptions options, TimeProvider time, SegmentMetrics? metrics, ILogger logger)
{
    private readonly BatchBuilder _builder = new(options.BatchBytes, options.BatchRecords);
    private readonly List<SegmentEnd> _ends = [];
    private readonly Lock _prepareGate = new();
    private Segment? _prepared;
    private bool _isPreparing;
    private Segment? _active;
    private Segment? _previous;
    private bool _activeHasRecords;
    private ulong _sequence;
    private long? _dirtySince;
    private long? _failedAt;
    private DiskException? _failure;
    private DiskException? _lost;
    private IOException? _abandoned;

    /// <summary>Any thread.</summary>
    public bool IsFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>Any thread: why no segment could be made, or null.</summary>
    public DiskException? Failure => Volatile.Read(ref _failure);

    /// <summary>Any thread: fdatasync calls so far, those of new segments apart.</summary>
    public long Syncs { get; private set; }

    /// <summary>Any thread: somebody waits for what the next commit brings.</summary>
    public bool IsAwaited => intake.IsAwaited;

    public uint NextNumber { get; set; }

    public Action<uint>? Poisoned { get; set; }

    /// <summary>Opens the first fresh segment, before anything can be appended.</summary>
    public void Begin(ulong sequence, Segment? previous)
    {
        _sequence = sequence;
        _previous = previous;
        TryActivate();
    }

    /// <summary>One round. False when there was nothing to do.</summary>
    public bool Commit()
    {
        var first = intake.TakeAll();
        if (first is null) return SyncWhenDue();

        while (first is not null) first = CommitPart(first);
        SyncWhenDue();
        return true;
    }

    /// <summary>Writes the leading operations that fit into one batch of one segment.</summary>
    /// <returns>What remains.</returns>
    private AppendOperation? CommitPart(AppendOperation first)
    {
        if (first.IsSync && _dirtySince is null) return CompleteSync(first);
        if (_abandoned is not null || (_active is null && !TryActivate()))
        {
            FinishAll(first, _abandoned ?? _failure);
            return null;
        }

        // 1. Lay out.
        var segment = _active!;
        var isSynced = false;
        var count = 0;
        AppendOperation? last = null;
        var next = first;
        _builder.Begin(segment, _sequence);
        while (next is not null && (next.IsSync || _builder.TryAdd(next, segment.Number)))
        {
            isSynced |= next.Durability == Durability.Synced;
            last = next;
            next = next.Next;
            count++;
        }
        if (last is null)
        {
            RollOver(segment);
            return first;
        }
        last.Next = null;

        // 2. Write, 3. sync, 4. complete.
        DiskException? error = null;
        var before = segment.WrittenEnd;
        try
        {
            if (_builder.Records > 0) Write(segment);
            if (isSynced) Sync(segment);
        }
        catch (DiskException e)
        {
            error = e;
            segment.WrittenEnd = before; // Written or not, this batch has failed.
            Poison(segment, e);
        }
        Finish(first, count, error);
        PrepareWhenDue();
        return next;
    }

    private AppendOperation? CompleteSync(AppendOperation sync)
    {
        var next = sync.Next;
        sync.Next = null;
        var lost = _lost;
        _lost = null;
        Finish(sync, 1, lost);
        return next;
    }

    private void FinishAll(AppendOperation first, Exception? error)
    {
        var count = 0;
        for (var operation = first; operation is not null; operation = operation.Next) count++;
        Finish(first, count, error);
    }

    private void Finish(AppendOperation first, int count, Exception? error)
    {
        intake.Leave(count);
        driver.Complete(first, count, error);
    }

    private void Write(Segment segment)
    {
        _builder.Seal(segment.SyncedEnd);
        segment.File(disk).Write(_builder.Start, _builder.Pieces);
        segment.WrittenEnd = _builder.End;
        _sequence = _builder.Sequence;
        _activeHasRecords = true;
        _dirtySince ??= time.GetTimestamp();
        metrics?.Written(_builder.Records, _builder.End - _builder.Start);
    }

    private void Sync(Segment segment)
    {
        if (_dirtySince is null) return;
        var began = time.GetTimestamp();
        segment.File(disk).SyncData();
        segment.SyncedEnd = segment.WrittenEnd;
        _dirtySince = null;
        Syncs++;
        metrics?.Synced(time.GetElapsedTime(began));
    }

    private bool SyncWhenDue()
    {
        if (_dirtySince is not { } since) return false;
        var left = options.LazySyncDelay - time.GetElapsedTime(since);
        if (left > TimeSpan.Zero)
        {
            driver.WakeAfter(left);
            return false;
        }
        try
        {
            Sync(_active!);
        }
        catch (DiskException e)
        {
            Poison(_active!, e);
        }
        return true;
    }

    private void RollOver(Segment segment)
    {
        try
        {
            // Later segments must never be more durable than earlier ones.
            Sync(segment);
        }
        catch (DiskException e)
        {
            Poison(segment, e);
            return;
        }
        segment.IsClosed = true;
        _previous = segment;
        _active = null;
    }

    /// <summary>The segment takes no more, and is never synced again: the kernel reports a lost write once only.
    /// </summary>
    private void Poison(Segment segment, DiskException error)
    {
        metrics?.Failed(error);
        SegmentFailed(error, segment.Number, segment.SyncedEnd, segment.WrittenEnd);
        if (segment.WrittenEnd > segment.SyncedEnd) _lost = error;
        segment.IsPoisoned = true;
        segment.IsClosed = true;
        _dirtySince = null;
        _previous = segment;
        _active = null;
        // The sequence numbers of the failed batch are not used again: nothing may ever look like its records.
        _sequence = Math.Max(_sequence, _builder.Sequence);

        // One that failed at its first batch says that the next will too: wait before making another.
        if (_activeHasRecords) TryActivate();
        else Fail(error);
        Poisoned?.Invoke(segment.Number);
    }

    private bool TryActivate()
    {
        if (_failedAt is { } at && time.GetElapsedTime(at) < options.RetryDelay) return false;
        Segment? segment = null;
        try
        {
            segment = TakePrepared();
            _builder.Begin(segment, _sequence);
            _builder.AddOpening(CollectEnds());
            _builder.Seal(SegmentHeader.FirstRecordOffset);
            segment.File(disk).Write(_builder.Start, _builder.Pieces);
            segment.File(disk).SyncData();
        }
        catch (DiskException e)
        {
            metrics?.Failed(e);
            NoSegment(e, options.RetryDelay);
            Fail(e);
            if (segment is not null)
            {
                segment.Dispose();
                preparer.DeleteQuietly(segment.Path);
            }
            return false;
        }

        segment.WrittenEnd = segment.SyncedEnd = _builder.End;
        segment.FirstSequence = _sequence + 1;
        table.Add(segment);
        _active = segment;
        _activeHasRecords = false;
        _dirtySince = null;
        _failedAt = null;
        if (_failure is not null) Resumed(segment.Number);
        Volatile.Write(ref _failure, null);
        return true;
    }

    private void Fail(DiskException error)
    {
        _failedAt = time.GetTimestamp();
        Volatile.Write(ref _failure, error);
    }

    private List<SegmentEnd> CollectEnds()
    {
        _ends.Clear();
        foreach (var segment in table.InOrder())
        {
            if (segment == _active) continue;
            if (segment.IsPoisoned || segment.SyncedEnd < segment.WrittenEnd || segment == _previous)
            {
                _ends.Add(segment.End);
            }
        }
        return _ends;
    }

    private Segment TakePrepared()
    {
        lock (_prepareGate)
        {
            var segment = _prepared ?? preparer.Create(NextNumber++);
            _prepared = null;
            return segment;
        }
    }

    private void PrepareWhenDue()
    {
        if (_active is not { } active || _isPreparing) return;
        if (active.WrittenEnd * 100 < (long)options.PrepareAtPercent * active.Capacity) return;
        lock (_prepareGate)
        {
            if (_prepared is not null || _isPreparing) return;
            _isPreparing = true;
        }
        driver.RunBeside(Prepare);
    }

    private void Prepare()
    {
        lock (_prepareGate)
        {
            try
            {
                _prepared ??= preparer.Create(NextNumber++);
            }
            catch (DiskException e)
            {
                // The writer tries again when it needs the segment, and tells those who wait.
                metrics?.Failed(e);
                NotPrepared(e);
            }
            finally
            {
                _isPreparing = false;
            }
        }
    }

    /// <summary>After the driver stopped: leaves the disk as a clean start likes it.</summary>
    public void End()
    {
        try
        {
            if (_active is { } active)
            {
                Sync(active);
                if (_activeHasRecords)
                {
                    // Says that all is synced: from now on bad bytes here are damage, never an interrupted write.
                    _builder.Begin(active, _sequence);
                    _builder.Seal(active.SyncedEnd);
                    active.File(disk).Write(_builder.Start, _builder.Pieces);
                    active.File(disk).SyncData();
                }
            }
        }
        catch (DiskException e)
        {
            SegmentFailed(e, _active!.Number, _active.SyncedEnd, _active.WrittenEnd);
        }
        lock (_prepareGate)
        {
            if (_prepared is null) return;
            _prepared.Dispose();
            preparer.DeleteQuietly(_prepared.Path);
            _prepared = null;
        }
    }

    /// <summary>The driver's thread died of a mistake of ours: nobody may wait for ever.</summary>
    public void Abandon(Exception error)
    {
        _abandoned = new IOException("The log's writer stopped", error);
        intake.Close();
        Stopped(error);
        if (intake.TakeAll() is { } first) FinishAll(first, _abandoned);
    }

    [LoggerMessage(EventId = 3000, Level = LogLevel.Error,
        Message = "Segment {Segment} takes no more: a write or sync failed. Synced to {SyncedEnd}, written to "
            + "{WrittenEnd}; appends go to a fresh segment")]
    private partial void SegmentFailed(Exception error, uint segment, long syncedEnd, long writtenEnd);

    [LoggerMessage(EventId = 3001, Level = LogLevel.Error,
        Message = "No segment can be made; nothing is accepted. Next attempt in {Delay} at the earliest")]
    private partial void NoSegment(Exception error, TimeSpan delay);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Information, Message = "Writing again, to segment {Segment}")]
    private partial void Resumed(uint segment);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Warning,
        Message = "The next segment could not be made ahead; it is tried again when it is needed")]
    private partial void NotPrepared(Exception error);

    [LoggerMessage(EventId = 3004, Level = LogLevel.Critical, Message = "The log's writer stopped by a fault of ours")]
    private partial void Stopped(Exception error);
}
