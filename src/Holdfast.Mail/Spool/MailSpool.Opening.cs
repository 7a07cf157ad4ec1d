using System.Collections.Immutable;
using System.Globalization;
using System.Text;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Storage.Segments;

using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Spool;

/// <summary>Opening, closing, and how the spool stands.</summary>
internal sealed partial class MailSpool
{
    private const string FormatPath = "format";
    private const string FormatName = "holdfast-spool ";
    private const int FormatVersion = 1;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<MessageId> _leftDamaged = [];
    private ImmutableHashSet<uint> _damagedSegments = [];
    private Task _upkeepLoop = Task.CompletedTask;

    /// <summary>Segments in which the scan at open found damage, or in which a damaged message had to stay: kept while
    /// this process lives, since what stands in them unseen may be mail.</summary>
    internal IReadOnlySet<uint> DamagedSegments => Volatile.Read(ref _damagedSegments);

    /// <summary>The disk answered the scan with errors: perhaps it can be read at the next start, so no checkpoint may
    /// say that everything was seen.</summary>
    internal bool HasUnread { get; private set; }

    public async Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        await _offload(() => Open(progress)).ConfigureAwait(false);
        foreach (var waiting in Enumerate())
        {
            abort.ThrowIfCancellationRequested();
            Arrived?.Invoke(waiting, null);
        }
        _metrics?.Observe(this);
        Opened(WaitingCount, WaitingBytes);
        if (_seams.RunsUpkeep)
            _upkeepLoop = _upkeep.RunAsync(_stop.Token);
    }

    /// <summary>One pass of what goes on beside the mail. Only for a spool without a loop of its own.</summary>
    public Task UpkeepAsync() => _upkeep.PassAsync();

    /// <summary>Writes a checkpoint now.</summary>
    public Task CheckpointAsync() => _upkeep.CheckpointAsync();

    private void Open(IProgress<SpoolOpenProgress>? progress)
    {
        _lock = _disk.Lock("lock");
        CheckFormat();
        _disk.CreateDirectory(BodyFiles.Directory);
        _disk.CreateDirectory(DamagedRecords.Directory);
        _disk.SyncDirectory("");
        _damagedRecords.Open();

        var start = new Checkpoint(_disk, _ledger, _offload).Read(out var fault);
        if (fault is not null)
            CheckpointIgnored(fault);
        var replay = new SpoolReplay(_ledger, NoteDamagedRecord, NoteDamagedLog, progress);
        var options = _options.CurrentValue;
        var sizes = new SegmentLogOptions
        {
            SegmentBytes = options.SegmentBytes,
            Node = _node,
            RetryDelay = LogRetryDelay,
        };
        _recordBytesMax = sizes.RecordBytesMax;
        var log = SegmentLog.Open(_disk, SegmentsDirectory, sizes,
            start ?? ScanStart.Beginning, replay, _time, _random, _logger, _segmentMetrics, _seams.Driver);
        log.SegmentPoisoned += _reader.BeginEvacuation;
        _log = log;
        _lazy.Log = log;
        // What a failed segment took after its last good sync may be in the page cache only.
        foreach (var segment in log.Segments)
        {
            if (segment.IsPoisoned)
                _reader.BeginEvacuation(segment.Number);
        }
        if (start is { } position)
        {
            DropRowsOfDeletedSegments(log);
            _upkeep.NotePosition(position);
        }
        TakeAttempts();
        // Where records are missing, a body without its message is no orphan for certain.
        var swept = _bodies.Sweep(id => _damagedSegments.Count > 0 || TryFind(id, out _));
        _metrics?.Swept(swept);
        _space.Open();
        UpdatePressure();
    }

    /// <summary>Attempts that were under way when the process ended: those that the log knows nothing later of go to
    /// the log, whose word counts from here on.</summary>
    private void TakeAttempts()
    {
        foreach (var (slot, mark) in _attempts.Open())
        {
            if (!ProgressHead.TryRead(mark, out var head) || ProgressCodec.TryDecode(mark) is null
                || !TryOpenAttempt(head, out var handle))
            {
                _attempts.GiveUp(slot);
                continue;
            }
            _attempts.Adopt(handle, slot, head.Version);
            var copy = new RecordWriter(mark.Length);
            copy.Raw(mark);
            _lazy.WriteProgress(new PendingRecord(_lazy, SpoolRecordKind.Attempt, head.Id, handle, head.Version, copy));
        }
    }

    private bool TryOpenAttempt(in ProgressHead head, out SpoolHandle handle)
    {
        handle = default;
        lock (_ledger.Gate)
        {
            if (!_ledger.Table.TryFind(head.Id, out var slot))
                return false;
            ref var row = ref _ledger.Table[slot];
            // Also when that progress was lost: the mark is older all the same, and less is known than it says.
            if (row.ProgressVersion >= head.Version)
                return false;
            row.Set(SpoolRowFlags.AttemptIsOpen, true);
            handle = _ledger.Waiting(slot).Handle;
            return true;
        }
    }

    /// <summary>A segment is deleted only when all in it had ended or was moved: what the image still has there, and
    /// the log after it doesn't, has ended.</summary>
    private void DropRowsOfDeletedSegments(SegmentLog log)
    {
        var existing = log.Segments.Select(s => s.Number).ToHashSet();
        var dropped = 0;
        lock (_ledger.Gate)
        {
            for (var slot = 0; slot < _ledger.Table.SlotsUsed; slot++)
            {
                ref var row = ref _ledger.Table[slot];
                if (!row.InUse)
                    continue;
                if (!existing.Contains(row.Segment))
                {
                    _ledger.Remove(slot);
                    dropped++;
                }
                else if (row.HasProgress && !existing.Contains(row.ProgressSegment))
                {
                    _ledger.LoseProgress(slot);
                }
            }
        }
        if (dropped == 0)
            return;
        RowsDropped(dropped);
        if (_damagedSegments.Count > 0)
            Alert(null, _damagedSegments.Min(), 0, string.Create(CultureInfo.InvariantCulture,
                $"{dropped} messages stood in segments that are not there or can't be read"), "left on the disk");
    }

    private void CheckFormat()
    {
        if (!_disk.Exists(FormatPath))
        {
            WriteFormat();
            return;
        }
        Span<byte> bytes = stackalloc byte[64];
        using (var file = _disk.Open(FormatPath, DiskOpenMode.OpenExisting))
            bytes = bytes[..file.Read(0, bytes)];
        var text = Encoding.ASCII.GetString(bytes).TrimEnd();
        var isOurs = text.StartsWith(FormatName, StringComparison.Ordinal);
        if (!isOurs || !int.TryParse(text.AsSpan(FormatName.Length), NumberStyles.None, CultureInfo.InvariantCulture,
            out var version))
            throw new InvalidDataException($"'{FormatPath}' in the spool's directory says '{text}': that is no spool "
                + "of Holdfast. Point the data directory elsewhere.");
        if (version > FormatVersion)
            throw new InvalidDataException($"The spool's directory has format {version}; this version reads up to "
                + $"{FormatVersion}. Start the newer Holdfast that wrote it, or empty the spool with it first.");
    }

    /// <summary>Written beside and renamed: a power cut leaves it whole or not at all.</summary>
    private void WriteFormat()
    {
        const string beside = FormatPath + ".new";
        if (_disk.Exists(beside))
            _disk.Delete(beside);
        using (var file = _disk.Open(beside, DiskOpenMode.CreateNew))
        {
            file.Write(0, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"{FormatName}{FormatVersion}\n")));
            file.SyncData();
        }
        _disk.Rename(beside, FormatPath);
        _disk.SyncDirectory("");
    }

    /// <summary>Ends upkeep and makes everything durable, with a checkpoint; nothing may be appended afterwards.
    /// </summary>
    public async Task SettleAsync()
    {
        if (_isSettled || _log is null)
            return;
        _isSettled = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _upkeepLoop.ConfigureAwait(false);
        try
        {
            await FlushAsync().ConfigureAwait(false);
            await _upkeep.CheckpointAsync().ConfigureAwait(false);
        }
        catch (IOException e)
        {
            CloseFailed(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        try
        {
            await SettleAsync().ConfigureAwait(false);
            if (_log is not null)
                await _log.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _attempts.Close();
            _lock?.Dispose();
            _upkeep.Dispose();
            _epochs.Dispose();
            _stop.Dispose();
        }
    }

    internal void NoteFailure(Exception error)
    {
        if (error is DiskException { Error: DiskError.NoSpace })
        {
            try
            {
                _space.Release();
            }
            catch (DiskException e)
            {
                ReserveKept(e);
            }
        }
        WriteFailed(error);
        UpdatePressure();
    }

    internal void UpdatePressure()
    {
        var was = Pressure;
        var now = DecidePressure(was);
        if (now == was || Interlocked.CompareExchange(ref _pressure, (byte)now, (byte)was) != (byte)was)
            return;
        PressureChanged(was, now, WaitingCount, _space.FreeBytes);
    }

    private SpoolPressure DecidePressure(SpoolPressure was)
    {
        if (_log is { IsFailed: true, Failure.Error: not DiskError.NoSpace })
            return SpoolPressure.Failed;
        if (_space.IsShort || _log is { IsFailed: true })
            return SpoolPressure.OutOfSpace;
        var options = _options.CurrentValue;
        var fill = Math.Max((double)WaitingCount / options.WaitingMessagesMax,
            (double)Math.Max(0, _memory.UsedBytes - _recent.Bytes) / _memory.ReceivedMax);
        if (options.WaitingBytesMax > 0)
            fill = Math.Max(fill, (double)WaitingBytes / options.WaitingBytesMax);
        // A level once reached is left a twentieth below where it began.
        const double elevated = 0.8, high = 1.0, hysteresis = 0.05;
        if (fill >= (was == SpoolPressure.High ? high - hysteresis : high))
            return SpoolPressure.High;
        return fill >= (was is SpoolPressure.Elevated or SpoolPressure.High ? elevated - hysteresis : elevated)
            ? SpoolPressure.Elevated : SpoolPressure.None;
    }

    /// <summary>Takes a message that can't be read out of the way: raw copy, evidence, and an end of its own. False:
    /// no copy could be made, so the message stays as it is, and is tried again when somebody asks for it.</summary>
    private async ValueTask<bool> SetAsideAsync(SpoolHandle handle, RecordLocation location, string what)
    {
        MessageId id;
        bool hasBody;
        lock (_ledger.Gate)
        {
            if (!_ledger.Table.Has(handle))
                return true;
            ref var row = ref _ledger.Table[handle.Slot];
            id = row.Id;
            hasBody = (row.Flags & SpoolRowFlags.HasBodyFile) != 0;
        }
        var (isKept, kept) = (false, "");
        await _offload(() => isKept = _damagedRecords.TryKeep(_lazy.Log, location, hasBody ? id : null, out kept))
            .ConfigureAwait(false);
        var isNews = true;
        lock (_leftDamaged)
        {
            if (isKept)
                _leftDamaged.Remove(id);
            else
                isNews = _leftDamaged.Add(id);
        }
        if (isKept)
        {
            _recent.Remove(handle);
            // The highest version: no mark of an attempt has anything to say after it.
            _lazy.WriteDone(new PendingRecord(_lazy, SpoolRecordKind.Done, id, handle, uint.MaxValue,
                new DoneRecord(id, 0).Encode()));
        }
        else
        {
            NoteDamagedSegment(location.Segment);
        }
        if (isNews)
            Alert(id.ToString(), location.Segment, location.Offset, what, kept);
        return isKept;
    }

    private void NoteDamagedSegment(uint segment) =>
        ImmutableInterlocked.Update(ref _damagedSegments, (segments, added) => segments.Add(added), segment);

    private void NoteDamagedRecord(RecordLocation location, string what)
    {
        NoteDamagedSegment(location.Segment);
        Alert(null, location.Segment, location.Offset, what, "left in the log");
    }

    private void NoteDamagedLog(DamageReport report)
    {
        // Appends that were under way at the crash, or lazy ones never synced: nobody was told that they are stored.
        if (report.Reason is DamageReason.TornTail or DamageReason.UnsyncedLost)
            return;
        NoteDamagedSegment(report.Segment);
        HasUnread |= report.Reason == DamageReason.ReadError;
        Alert(null, report.Segment, report.Offset, string.Create(CultureInfo.InvariantCulture,
            $"{report.Length} bytes unusable: {report.Reason}, {report.RecordsLost} records lost"), "left in the log");
    }

    private void Alert(string? id, uint segment, long offset, string what, string kept)
    {
        _metrics?.Damaged();
        Damaged(id, segment, offset, what, kept);
        _journal.Append(new EvidenceRecord
        {
            At = _time.GetUtcNow(),
            Kind = EvidenceKind.Alert,
            MessageId = id,
            Actor = "spool",
            Reason = string.Create(CultureInfo.InvariantCulture,
                $"damaged at segment {segment} offset {offset}: {what}; {kept}"),
        });
    }

    [LoggerMessage(EventId = 2100, Level = LogLevel.Information,
        Message = "Spool open: {Messages} messages of {Bytes} bytes wait")]
    private partial void Opened(long messages, long bytes);

    [LoggerMessage(EventId = 2101, Level = LogLevel.Warning,
        Message = "Spool pressure {Was} -> {Now}: {Messages} messages wait, {FreeBytes} bytes free")]
    private partial void PressureChanged(SpoolPressure was, SpoolPressure now, long messages, long freeBytes);

    [LoggerMessage(EventId = 2102, Level = LogLevel.Error,
        Message = "Damage in the spool, set aside: message {Id}, segment {Segment} offset {Offset}: {What}; {Kept}")]
    private partial void Damaged(string? id, uint segment, long offset, string what, string kept);

    [LoggerMessage(EventId = 2103, Level = LogLevel.Warning,
        Message = "The spool's checkpoint is not used ({Fault}): the whole log is scanned")]
    private partial void CheckpointIgnored(string fault);

    [LoggerMessage(EventId = 2104, Level = LogLevel.Warning, Message = "A write of the spool failed")]
    private partial void WriteFailed(Exception error);

    [LoggerMessage(EventId = 2105, Level = LogLevel.Warning, Message = "The disk reserve could not be given up")]
    private partial void ReserveKept(Exception error);

    [LoggerMessage(EventId = 2106, Level = LogLevel.Warning,
        Message = "The spool closed without its last checkpoint: the next start scans more of the log")]
    private partial void CloseFailed(Exception error);

    [LoggerMessage(EventId = 2107, Level = LogLevel.Information,
        Message = "{Messages} messages of the checkpoint had ended in segments deleted since")]
    private partial void RowsDropped(int messages);
}
