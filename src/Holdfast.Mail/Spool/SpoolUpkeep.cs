using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Spool;

/// <summary>What goes on beside the mail: failed writes again, dead segments away, compaction, checkpoints.</summary>
/// <remarks>One pass at a time. Every step stands alone: a disk error ends that step, is logged, and is tried again at
/// the next pass.</remarks>
internal sealed partial class SpoolUpkeep(MailSpool spool, IDisk disk, SpoolLedger ledger, LazyRecords lazy,
    AppendEpochs epochs, BodyFiles bodies, DiskSpace space, SpoolReader reader, IOptionsMonitor<SpoolOptions> options,
    TimeProvider time, SpoolMetrics? metrics, ILogger logger, Offload offload,
    Func<SpoolHandle, RecordLocation, string, ValueTask<bool>> setAside, bool movesUnsynced) : IDisposable
{
    /// <summary>Rounds of a flush before it says that the disk does not hold.</summary>
    private const int FlushRounds = 3;
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly SegmentMover _mover = new(ledger, lazy, setAside, () => reader.Poisoned, movesUnsynced);
    private readonly Checkpoint _checkpoint = new(disk, ledger, offload);
    private long? _lastCheckpoint;
    private ScanStart _lastPosition;
    /// <summary>Deleted, yet the directory sync failed: they may come back with a crash.</summary>
    private readonly HashSet<uint> _halfDeleted = [];

    private SegmentLog Log => spool.Log!;

    public void NotePosition(ScanStart position)
    {
        _lastPosition = position;
        _lastCheckpoint = time.GetTimestamp();
    }

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(options.CurrentValue.UpkeepInterval, time, stop).ConfigureAwait(false);
                await PassAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // A mistake of ours in upkeep must not end it for good; it is logged as an error.
            catch (Exception e)
#pragma warning restore CA1031
            {
                UpkeepFailed(e);
            }
        }
    }

    public async Task PassAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            await StepAsync("space", LookAtSpaceAsync).ConfigureAwait(false);
            await StepAsync("recovery", RecoverAsync).ConfigureAwait(false);
            await StepAsync("body deletion", DeleteBodiesAsync).ConfigureAwait(false);
            await StepAsync("segment deletion", TidySegmentsAsync).ConfigureAwait(false);
            await StepAsync("checkpoint", CheckpointWhenDueAsync).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Completes when all progress so far is on stable storage.</summary>
    /// <exception cref="DiskException">It is not, and the disk does not let us.</exception>
    public async ValueTask FlushAsync()
    {
        for (var round = 0; ; round++)
        {
            await _one.WaitAsync().ConfigureAwait(false);
            try
            {
                // Holding the one pass: no message is being moved, so no done record waits for a move.
                if (reader.Poisoned.Length > 0 || lazy.HasHeld)
                    await RecoverAsync().ConfigureAwait(false);
                await Log.SyncAsync().ConfigureAwait(false);
                await epochs.DrainAsync().ConfigureAwait(false);
                if (reader.Poisoned.Length == 0 && !lazy.HasHeld)
                    return;
            }
            catch (DiskException) when (round < FlushRounds)
            {
            }
            finally
            {
                _one.Release();
            }
            if (round >= FlushRounds)
                throw new DiskException("flush", MailSpool.SegmentsDirectory, DiskError.Io);
            await spool.AwaitLogRetryAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Writes a checkpoint now, if there is a segment to take the position from.</summary>
    public async Task CheckpointAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            await WriteCheckpointAsync().ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task StepAsync(string step, Func<Task> action)
    {
        try
        {
            await action().ConfigureAwait(false);
        }
        catch (IOException e)
        {
            StepFailed(e, step);
            spool.NoteFailure(e);
        }
    }

    private Task LookAtSpaceAsync()
    {
        space.Update();
        Log.LimitSpares(space.IsTight ? 0 : int.MaxValue);
        spool.UpdatePressure();
        return Task.CompletedTask;
    }

    /// <summary>After a failure: learn whether the log writes again, then bring everything back to good ground.
    /// </summary>
    private async Task RecoverAsync()
    {
        if (Log.IsFailed)
        {
            await Log.AppendAsync((byte)SpoolRecordKind.Probe, ReadOnlyMemory<byte>.Empty, ReadOnlyMemory<byte>.Empty,
                Durability.Synced).ConfigureAwait(false);
        }
        foreach (var segment in reader.Poisoned)
            await EvacuateAsync(segment).ConfigureAwait(false);
        if (lazy.HasHeld)
        {
            lazy.RetryHeld();
            await Log.SyncAsync().ConfigureAwait(false);
        }
        spool.UpdatePressure();
    }

    private async Task EvacuateAsync(uint segment)
    {
        // Appends that completed before the failure must be in the table before it is read.
        await epochs.DrainAsync().ConfigureAwait(false);
        await _mover.MoveAsync(segment, Existing(), isPoisoned: true).ConfigureAwait(false);
        reader.EndEvacuation(segment);
        Evacuated(segment);
    }

    private async Task DeleteBodiesAsync()
    {
        var ended = lazy.TakeEndedBodies();
        if (ended.Count == 0)
            return;
        var deleted = 0;
        try
        {
            // A body may go only when its message can't come back: its done record must be synced.
            await SyncAllAsync().ConfigureAwait(false);
            await offload(() =>
            {
                for (; deleted < ended.Count; deleted++)
                    bodies.Delete(ended[deleted]);
            }).ConfigureAwait(false);
        }
        finally
        {
            if (deleted < ended.Count)
                lazy.ReturnEndedBodies(ended.Skip(deleted));
        }
    }

    private async Task TidySegmentsAsync()
    {
        // The newest tells the log where it ends; it is never deleted, even when it is closed already.
        var all = Log.Segments;
        var closed = all.Where(s => s.IsClosed && s.Number != all[^1].Number && !IsPoisoned(s.Number)
            && !spool.DamagedSegments.Contains(s.Number)).ToList();
        if (closed.Count == 0)
            return;
        // What stands in these segments is in the table once the appends of now are through.
        await epochs.DrainAsync().ConfigureAwait(false);
        SyncDeletions();
        await DeleteDeadAsync(closed.ConvertAll(s => s.Number)).ConfigureAwait(false);
        var existing = Existing();
        closed.RemoveAll(s => !existing.Contains(s.Number));
        if (Candidate(closed) is not { } candidate)
            return;
        await _mover.MoveAsync(candidate, Existing(), isPoisoned: false).ConfigureAwait(false);
        await epochs.DrainAsync().ConfigureAwait(false);
        if (await DeleteDeadAsync([candidate]).ConfigureAwait(false) > 0)
        {
            metrics?.Compacted();
            Compacted(candidate);
        }
    }

    private bool IsPoisoned(uint segment) => Array.IndexOf(reader.Poisoned, segment) >= 0;

    private uint? Candidate(List<SegmentInfo> closed)
    {
        var current = options.CurrentValue;
        long waste = 0;
        uint? candidate = null;
        var least = (long)(current.CompactionLiveMax * current.SegmentBytes);
        var existing = Existing();
        lock (ledger.Gate)
        {
            foreach (var segment in closed)
            {
                var use = ledger.Usage.Find(segment.Number);
                var live = use?.LiveBytes ?? 0;
                waste += Math.Max(0, current.SegmentBytes - live);
                if (use is not null)
                    SegmentUsage.Prune(use, existing);
                // One that was moved into from a segment that still exists can't go before that one.
                if (live >= least || use is { MovedFrom.Count: > 0 })
                    continue;
                least = live;
                candidate = segment.Number;
            }
        }
        return waste > current.WasteBytesMax || space.IsShort ? candidate : null;
    }

    private HashSet<uint> Existing()
    {
        var existing = new HashSet<uint>(_halfDeleted);
        existing.UnionWith(spool.DamagedSegments);
        foreach (var segment in Log.Segments)
            existing.Add(segment.Number);
        return existing;
    }

    /// <summary>Deletes those that nothing needs. What made a record dead (a newer progress, a copy, an end) may be
    /// lazy itself: it is made durable between the decision and the deletion.</summary>
    private async ValueTask<int> DeleteDeadAsync(List<uint> segments)
    {
        lock (ledger.Gate)
        {
            // Each is judged as if those before it were gone already, which they are when its turn comes.
            var existing = Existing();
            segments.RemoveAll(segment =>
            {
                if (!ledger.Usage.CanDelete(segment, existing))
                    return true;
                existing.Remove(segment);
                return false;
            });
        }
        if (segments.Count == 0)
            return 0;
        if (!movesUnsynced)
            await SyncAllAsync().ConfigureAwait(false);
        foreach (var segment in segments)
            Delete(segment);
        return segments.Count;
    }

    private void Delete(uint segment)
    {
        try
        {
            Log.Delete(segment);
        }
        catch (DiskException)
        {
            if (!Log.Segments.Any(s => s.Number == segment))
                _halfDeleted.Add(segment);
            throw;
        }
        lock (ledger.Gate)
            ledger.Usage.Forget(segment);
    }

    private void SyncDeletions()
    {
        if (_halfDeleted.Count == 0)
            return;
        disk.SyncDirectory(MailSpool.SegmentsDirectory);
        lock (ledger.Gate)
        {
            foreach (var segment in _halfDeleted)
                ledger.Usage.Forget(segment);
        }
        _halfDeleted.Clear();
    }

    private async Task CheckpointWhenDueAsync()
    {
        if (Position() is not { } position || position == _lastPosition)
            return;
        var current = options.CurrentValue;
        var written = (long)(position.Segment - _lastPosition.Segment) * current.SegmentBytes
            + position.Offset - _lastPosition.Offset;
        var isDue = _lastCheckpoint is not { } last || written >= current.CheckpointBytes
            || time.GetElapsedTime(last) >= current.CheckpointInterval;
        if (isDue)
            await WriteCheckpointAsync().ConfigureAwait(false);
    }

    private ScanStart? Position()
    {
        foreach (var segment in Log.Segments)
        {
            if (!segment.IsClosed)
                return new ScanStart(segment.Number, (uint)segment.WrittenBytes);
        }
        return null;
    }

    private async Task WriteCheckpointAsync()
    {
        var began = time.GetTimestamp();
        // The position first, then everything that was under way, then the rows.
        if (Position() is not { } position || spool.HasUnread)
            return;
        await epochs.DrainAsync().ConfigureAwait(false);
        await _checkpoint.WriteAsync(position, SyncAllAsync).ConfigureAwait(false);
        NotePosition(position);
        metrics?.Checkpointed(time.GetElapsedTime(began));
    }

    /// <summary>Everything written so far is on stable storage.</summary>
    /// <exception cref="DiskException">It is not: a segment that failed has not been evacuated yet.</exception>
    private async ValueTask SyncAllAsync()
    {
        await Log.SyncAsync().ConfigureAwait(false);
        if (reader.Poisoned.Length > 0)
            throw new DiskException("sync", MailSpool.SegmentsDirectory, DiskError.Io);
    }

    public void Dispose() => _one.Dispose();

    [LoggerMessage(EventId = 2120, Level = LogLevel.Warning,
        Message = "Spool upkeep ({Step}) failed; it is tried again")]
    private partial void StepFailed(Exception error, string step);

    [LoggerMessage(EventId = 2121, Level = LogLevel.Error, Message = "Spool upkeep stopped short by a fault of ours")]
    private partial void UpkeepFailed(Exception error);

    [LoggerMessage(EventId = 2122, Level = LogLevel.Warning,
        Message = "Segment {Segment}, whose write or sync had failed, was evacuated to a fresh one")]
    private partial void Evacuated(uint segment);

    [LoggerMessage(EventId = 2123, Level = LogLevel.Debug, Message = "Segment {Segment} was compacted and deleted")]
    private partial void Compacted(uint segment);
}
