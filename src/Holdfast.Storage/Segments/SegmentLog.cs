using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging;

namespace Holdfast.Storage.Segments;

/// <summary>Append-only checksummed records in preallocated segment files, with group commit.</summary>
/// <remarks>
/// Promise: a Synced append that completed survives power loss, with its segment's directory entry. A Lazy append that
/// completed has been handed to the kernel, in order: it survives the end of the process, and power loss once
/// <see cref="SegmentLogOptions.LazySyncDelay"/> has passed, a later Synced append or <see cref="SyncAsync"/> has
/// completed. Lazy appends complete when written, never at once: their location is final only then.
/// An append that failed is not read back after a restart, unless the disk let us make no segment at all in between.
/// Recovery delivers everything that verifies; an append that was interrupted (neither completed nor failed) may or may
/// not be there.
/// Limits: one writer a directory (lock file); a record fits into a segment
/// (<see cref="SegmentLogOptions.RecordBytesMax"/>); a segment that existed at open is never written again, and the
/// file of a deleted one only if this process made it and no write or sync of it failed.
/// </remarks>
public sealed class SegmentLog : ISegmentLog
{
    private const string LockName = "lock";
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly SegmentLogOptions _options;
    private readonly CommitDriver _driver;
    private readonly SegmentTable _table = new();
    private readonly AppendIntake _intake;
    private readonly SegmentPreparer _preparer;
    private readonly SegmentWriter _writer;
    private readonly IDisposable _lock;
    private bool _isDisposed;

    private SegmentLog(IDisk disk, string directory, SegmentLogOptions options, TimeProvider time, Random random,
        ILogger logger, SegmentMetrics? metrics, CommitDriver driver, IDisposable held)
    {
        _disk = disk;
        _directory = directory;
        _options = options;
        _driver = driver;
        _lock = held;
        _intake = new AppendIntake(options.PendingMax);
        _preparer = new SegmentPreparer(disk, directory, options, time, random);
        _writer = new SegmentWriter(disk, _table, _intake, _preparer, driver, options, time, metrics, logger);
    }

    /// <summary>Opens the directory (made when missing), delivers what it holds, and begins a fresh segment.</summary>
    /// <param name="disk">Where the directory is.</param>
    /// <param name="directory">Relative to the disk's root; at most one level deep.</param>
    /// <param name="options">Sizes and waits; not changed while open.</param>
    /// <param name="start">Where delivery of records begins, from a checkpoint.</param>
    /// <param name="visitor">Receives records and damage, on this thread.</param>
    /// <param name="time">Clock.</param>
    /// <param name="random">Draws the segments' generations.</param>
    /// <param name="logger">Events 3000–3099.</param>
    /// <param name="metrics">Null for none.</param>
    /// <param name="driver">Null for a thread of its own.</param>
    /// <exception cref="DiskException">The directory can't be read or is locked. Bad bytes are never a reason. When
    /// no fresh segment can be made the log opens all the same, with <see cref="IsFailed"/>.</exception>
    public static SegmentLog Open(IDisk disk, string directory, SegmentLogOptions options, ScanStart start,
        ISegmentVisitor visitor, TimeProvider time, Random random, ILogger logger, SegmentMetrics? metrics = null,
        CommitDriver? driver = null)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(visitor);
        ArgumentNullException.ThrowIfNull(time);
        MakeDirectory(disk, directory);
        var held = disk.Lock(SegmentPreparer.Join(directory, LockName));
        try
        {
            var recovery = new SegmentRecovery(disk, directory, start, visitor, metrics, logger);
            recovery.Run();
            var log = new SegmentLog(disk, directory, options, time, random, logger, metrics,
                driver ?? new ThreadCommitDriver(time), held);
            log.Begin(recovery);
            return log;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>A write or sync in this segment failed: what was written there unsynced may be lost, so live records
    /// should be copied. Called on the writer's thread before the failed appends complete; must only enqueue.</summary>
    public event Action<uint>? SegmentPoisoned;

    public IReadOnlyList<SegmentInfo> Segments
    {
        get
        {
            var segments = _table.InOrder();
            var infos = new SegmentInfo[segments.Length];
            for (var i = 0; i < infos.Length; i++)
            {
                var s = segments[i];
                infos[i] = new SegmentInfo(s.Number, s.WrittenEnd, s.IsClosed, s.IsPoisoned);
            }
            return infos;
        }
    }

    /// <summary>For measurements: how many syncs the appends so far took.</summary>
    internal long Syncs => _writer.Syncs;

    public bool IsFailed => _writer.IsFailed;

    /// <summary>Why nothing can be appended now; null when it can.</summary>
    public DiskException? Failure => _writer.Failure;

    public ValueTask<RecordLocation> AppendAsync(byte kind, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body,
        Durability durability) => Append(kind, head, body, null, (long)head.Length + body.Length, durability);

    public ValueTask<RecordLocation> AppendAsync(byte kind, ReadOnlyMemory<byte> head,
        IReadOnlyList<ReadOnlyMemory<byte>> body, Durability durability)
    {
        ArgumentNullException.ThrowIfNull(body);
        long length = head.Length;
        for (var i = 0; i < body.Count; i++) length += body[i].Length;
        return Append(kind, head, default, body, length, durability);
    }

    public ValueTask SyncAsync() => _intake.TryEnter() ? EnterSync().AsSync : WaitThenSync();

    public void Read(RecordLocation location, Span<byte> buffer)
    {
        try
        {
            ReadOnce(location, buffer);
        }
        catch (RecordDamagedException)
        {
            // What was garbled on the way from the disk may come whole the second time: once more before it is judged.
            ReadOnce(location, buffer);
        }
    }

    private void ReadOnce(RecordLocation location, Span<byte> buffer)
    {
        var length = checked((int)location.Length);
        buffer = buffer[..length];
        var segment = Find(location);
        Span<byte> head = stackalloc byte[RecordHeader.Bytes];
        ReadExactly(segment, location, 0, head);
        if (!RecordHeader.TryRead(head, location.Offset, segment.Generation, out var header)
            || header.Type != RecordType.Data || header.Length != location.Length
            || header.Sequence < segment.FirstSequence)
        {
            throw new RecordDamagedException(location, "header doesn't fit");
        }
        ReadExactly(segment, location, RecordHeader.Bytes, buffer);
        if (Checksum.Of(buffer) != header.PayloadChecksum)
        {
            throw new RecordDamagedException(location, "payload checksum doesn't fit");
        }
    }

    public int ReadUnverified(RecordLocation location, int offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var length = (int)Math.Min(Math.Max(location.Length - (long)offset, 0), buffer.Length);
        ReadExactly(Find(location), location, RecordHeader.Bytes + offset, buffer[..length]);
        return length;
    }

    public void Delete(uint segment)
    {
        var found = _table.Find(segment)
            ?? throw new ArgumentException($"segment {segment} does not exist", nameof(segment));
        if (!found.IsClosed) throw new ArgumentException($"segment {segment} is being written", nameof(segment));
        // While no fresh one can be made, the newest is the one that knows how the others end and which numbers are
        // used up.
        if (found.Number == _table.Newest)
        {
            throw new ArgumentException($"segment {segment} is the newest", nameof(segment));
        }
        string? spare = null;
        if (_preparer.Wants(found)) spare = _preparer.Retire(found);
        else _disk.Delete(found.Path);
        _table.Remove(found);
        found.Dispose();
        _disk.SyncDirectory(_directory);
        if (spare is not null) _preparer.Keep(spare);
    }

    /// <summary>Bounds the files of deleted segments that are kept for later ones, for when space is short; those
    /// beyond it are deleted.</summary>
    public void LimitSpares(int max) => _preparer.LimitSpares(max);

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _intake.Close();
        try
        {
            await _driver.StopAsync().ConfigureAwait(false);
        }
        finally
        {
            _writer.End();
            _preparer.LimitSpares(0);
            foreach (var segment in _table.InOrder()) segment.Dispose();
            _lock.Dispose();
        }
    }

    private void Begin(SegmentRecovery recovery)
    {
        foreach (var segment in recovery.Segments) _table.Add(segment);
        _writer.NextNumber = recovery.NextNumber;
        _writer.Poisoned = number => SegmentPoisoned?.Invoke(number);
        _writer.Begin(recovery.LastSequence, recovery.Last);
        if (!_writer.IsFailed)
        {
            foreach (var path in recovery.Unused) DeleteUnused(path);
        }
        _driver.Start(_writer);
    }

    private void DeleteUnused(string path)
    {
        try
        {
            _disk.Delete(path);
        }
        catch (DiskException)
        {
            // Tried again at the next open; it holds nothing.
        }
    }

    private ValueTask<RecordLocation> Append(byte kind, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body,
        IReadOnlyList<ReadOnlyMemory<byte>>? pieces, long length, Durability durability)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _options.RecordBytesMax);
        // The waiting form stands in a method of its own: here it would cost a closure on every call.
        return _intake.TryEnter()
            ? EnterRecord(kind, head, body, pieces, (uint)length, durability).AsAppend
            : WaitThenAppend(kind, head, body, pieces, (uint)length, durability);
    }

    private async ValueTask<RecordLocation> WaitThenAppend(byte kind, ReadOnlyMemory<byte> head,
        ReadOnlyMemory<byte> body, IReadOnlyList<ReadOnlyMemory<byte>>? pieces, uint length, Durability durability)
    {
        await _intake.EnterAsync().ConfigureAwait(false);
        return await EnterRecord(kind, head, body, pieces, length, durability).AsAppend.ConfigureAwait(false);
    }

    private AppendOperation EnterRecord(byte kind, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body,
        IReadOnlyList<ReadOnlyMemory<byte>>? pieces, uint length, Durability durability)
    {
        var operation = _intake.Rent();
        operation.SetRecord(kind, head, body, pieces, length, durability);
        return Enter(operation);
    }

    private async ValueTask WaitThenSync()
    {
        await _intake.EnterAsync().ConfigureAwait(false);
        await EnterSync().AsSync.ConfigureAwait(false);
    }

    private AppendOperation EnterSync()
    {
        var operation = _intake.Rent();
        operation.SetSync();
        return Enter(operation);
    }

    private AppendOperation Enter(AppendOperation operation)
    {
        if (!_intake.TryAdd(operation, out var wanted))
        {
            operation.Finish(new ObjectDisposedException(nameof(SegmentLog)));
            _intake.Leave(1);
            return operation;
        }
        if (wanted == WriterWanted.Now) _driver.Wake();
        else if (wanted == WriterWanted.Soon) _driver.WakeSoon();
        return operation;
    }

    private Segment Find(RecordLocation location) =>
        _table.Find(location.Segment) ?? throw new RecordDamagedException(location, "its segment does not exist");

    private void ReadExactly(Segment segment, RecordLocation location, int skip, Span<byte> to)
    {
        try
        {
            if (segment.File(_disk).Read(location.Offset + (long)skip, to) < to.Length)
            {
                throw new RecordDamagedException(location, "the file ends before it");
            }
        }
        catch (ObjectDisposedException e)
        {
            throw new RecordDamagedException("the record's segment was deleted", e);
        }
    }

    private static void MakeDirectory(IDisk disk, string directory)
    {
        if (directory.Length == 0) return;
        disk.CreateDirectory(directory);
        var slash = directory.LastIndexOf('/');
        disk.SyncDirectory(slash < 0 ? "" : directory[..slash]);
    }
}
