using System.Buffers;
using System.Threading.Channels;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Evidence.Records;

/// <summary>Keeps what happened, one line of JSON a record, in files that are kept by age and bytes.</summary>
/// <remarks>
/// Promise: Append never blocks and never throws; a record is on its way to the file within
/// <see cref="FlushInterval"/> and when the journal is disposed of. When the queue is full or the disk fails, records
/// are dropped and counted: evidence must not hold up mail.
/// Limits: not synced (the kernel writes it back within about half a minute; a power cut may take that), one writer a
/// directory.
/// </remarks>
public sealed partial class EvidenceJournal : IEvidenceJournal, IAsyncDisposable
{
    /// <summary>Records waiting to be written: at 200 ms between two writes a third of a million a second.</summary>
    public const int QueueMax = 65_536;
    internal const int FilterBytes = 1 << 20;
    internal const string DirectoryName = "evidence";
    private const int FileBytesMax = 64 << 20;
    private const int FileBytesMin = 1 << 20;
    private const int BatchBytes = 1 << 20;
    private static readonly TimeSpan _fileAgeMax = TimeSpan.FromHours(1);
    private static readonly TimeSpan _tendEvery = TimeSpan.FromMinutes(1);

    private readonly IDisk _disk;
    private readonly IOptionsMonitor<EvidenceOptions> _options;
    private readonly TimeProvider _time;
    private readonly EvidenceMetrics _metrics;
    private readonly ILogger<EvidenceJournal> _logger;
    private readonly EvidenceFiles _files;
    private readonly EvidenceRetention _retention;
    private readonly Channel<Entry> _queue = Channel.CreateBounded<Entry>(
        new BoundedChannelOptions(QueueMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
    private readonly ArrayBufferWriter<byte> _buffer = new(BatchBytes + 64 * 1024);
    private readonly EvidenceLine _line;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _writing;
    private readonly ITimer _tending;
    private volatile TaskCompletionSource _wake = NewSignal();
    private OpenFile? _file;
    private long _droppedInQueue;
    private bool _isFailing;
    private volatile bool _isTendingDue;
    private int _disposed;

    /// <summary>How long a record may stay in memory.</summary>
    public static TimeSpan FlushInterval { get; } = TimeSpan.FromMilliseconds(200);

    /// <param name="disk">Its root is the data directory; files go to <c>evidence/</c> in it.</param>
    public EvidenceJournal(IDisk disk, IOptionsMonitor<EvidenceOptions> options, TimeProvider time,
        EvidenceMetrics metrics, ILogger<EvidenceJournal> logger)
    {
        _disk = disk;
        _options = options;
        _time = time;
        _metrics = metrics;
        _logger = logger;
        _files = new EvidenceFiles(disk, DirectoryName);
        _retention = new EvidenceRetention(_files);
        _line = new EvidenceLine();
        _tending = time.CreateTimer(static state => ((EvidenceJournal)state!).TendSoon(), this, _tendEvery, _tendEvery);
        _writing = Task.Run(WriteAsync);
    }

    private readonly record struct Entry(EvidenceRecord? Record, TaskCompletionSource? Flushed);

    private sealed class OpenFile(string name, IDiskFile file, DateTimeOffset openedAt)
    {
        public string Name => name;
        public IDiskFile File => file;
        public DateTimeOffset OpenedAt => openedAt;
        public BloomFilter Filter { get; } = new(new byte[FilterBytes]);
        public long Bytes { get; set; }
        public DateTimeOffset First { get; set; } = DateTimeOffset.MaxValue;
        public DateTimeOffset Last { get; set; } = DateTimeOffset.UnixEpoch;
    }

    public void Append(EvidenceRecord record)
    {
        if (!_queue.Writer.TryWrite(new Entry(record, null)))
            Interlocked.Increment(ref _droppedInQueue);
        // Rare ones that people will ask for after a crash don't wait for company.
        else if (record.Kind is EvidenceKind.OutcomeUnknown or EvidenceKind.Alert or EvidenceKind.OperatorAct)
            _wake.TrySetResult();
    }

    /// <summary>Returns when everything appended before is in its file (or was dropped and counted).</summary>
    public async Task FlushAsync(CancellationToken abort)
    {
        var flushed = NewSignal();
        try
        {
            _wake.TrySetResult();
            await _queue.Writer.WriteAsync(new Entry(null, flushed), abort).ConfigureAwait(false);
            _wake.TrySetResult();
        }
        catch (ChannelClosedException)
        {
            await _writing.WaitAsync(abort).ConfigureAwait(false);
            return;
        }
        await flushed.Task.WaitAsync(abort).ConfigureAwait(false);
    }

    /// <summary>Writes what is left and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _tending.DisposeAsync().ConfigureAwait(false);
        _queue.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _writing.ConfigureAwait(false);
        _line.Dispose();
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // Records gather for a while, so that a write holds many.
            var wake = _wake.Task;
            if (!_stop.IsCancellationRequested && !wake.IsCompleted)
            {
                await Task.WhenAny(Task.Delay(FlushInterval, _time, _stop.Token), wake).ConfigureAwait(false);
            }
            if (wake.IsCompleted)
                _wake = NewSignal();
            DrainQueue();
        }
        DrainQueue();
        CloseFile();
    }

    private void DrainQueue()
    {
        var lost = Interlocked.Exchange(ref _droppedInQueue, 0);
        if (lost > 0)
        {
            _metrics.Dropped(lost, "queue_full");
            QueueWasFull(lost);
        }
        List<TaskCompletionSource>? flushed = null;
        var batch = 0;
        var mayOpen = true;
        for (var i = 0; i < QueueMax && _queue.Reader.TryRead(out var entry); i++)
        {
            if (entry.Flushed is { } signal)
                (flushed ??= []).Add(signal);
            if (entry.Record is not { } record)
                continue;
            // One attempt a drain: a disk that fails isn't asked for every record.
            if (_file is null && mayOpen)
                mayOpen = (_file = OpenNext()) is not null;
            batch += TryFormat(record) ? 1 : 0;
            if (_buffer.WrittenCount < BatchBytes)
                continue;
            WriteBatch(batch);
            batch = 0;
        }
        if (batch > 0)
            WriteBatch(batch);
        if (_isTendingDue)
            Tend();
        foreach (var signal in flushed ?? [])
            signal.TrySetResult();
    }

    /// <summary>Wakes a writer that has nothing to write; one that has finds out by itself.</summary>
    private void TendSoon()
    {
        _isTendingDue = true;
        _queue.Writer.TryWrite(default);
    }

    /// <summary>Closes the file that is old enough and deletes what is too old, also while nothing new comes.</summary>
    private void Tend()
    {
        _isTendingDue = false;
        try
        {
            if (_file is { } file && _time.GetUtcNow() - file.OpenedAt >= _fileAgeMax)
                CloseFile();
            _retention.Apply(_options.CurrentValue, ReserveBytes, _time.GetUtcNow());
        }
        catch (IOException e)
        {
            Fail(e, 0);
        }
    }

    private bool TryFormat(EvidenceRecord record)
    {
        try
        {
            _buffer.Write(_line.Write(record));
            if (_file is { } file)
            {
                EvidenceKeys.AddTo(file.Filter, record);
                file.First = record.At < file.First ? record.At : file.First;
                file.Last = record.At > file.Last ? record.At : file.Last;
            }
            return true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // Text that can't be written as UTF-8: one record's loss, not the journal's.
            _metrics.Dropped(1, "format");
            return false;
        }
    }

    private void WriteBatch(int records)
    {
        try
        {
            if (_file is not { } file)
            {
                _metrics.Dropped(records, "disk");
                return;
            }
            file.File.Write(file.Bytes, _buffer.WrittenSpan);
            file.Bytes += _buffer.WrittenCount;
            _metrics.Written(records);
            if (_isFailing)
                WritesAgain();
            _isFailing = false;
            if (file.Bytes >= FileBytes || _time.GetUtcNow() - file.OpenedAt >= _fileAgeMax
                || file.OpenedAt > _time.GetUtcNow() + _fileAgeMax)
            {
                CloseFile();
            }
            else
            {
                _metrics.Kept(_retention.Bytes + file.Bytes, _retention.Files + 1);
            }
        }
        catch (IOException e)
        {
            Fail(e, records);
        }
        finally
        {
            _buffer.ResetWrittenCount();
        }
    }

    /// <summary>Small budgets get small files, so that a file's end isn't a large part of what is kept.</summary>
    private long FileBytes => Math.Clamp(_options.CurrentValue.KeepBytes / 16, FileBytesMin, FileBytesMax);

    private long ReserveBytes => FileBytes + BatchBytes + EvidenceIndex.BytesMax;

    private OpenFile? OpenNext()
    {
        var now = _time.GetUtcNow();
        try
        {
            _disk.CreateDirectory(DirectoryName);
            _retention.Apply(_options.CurrentValue, ReserveBytes, now);
            for (var number = 0; number < 10_000; number++)
            {
                var name = EvidenceFiles.Name(now, number);
                if (_disk.Exists(_files.PathOf(name)))
                    continue;
                return new OpenFile(name, _disk.Open(_files.PathOf(name), DiskOpenMode.CreateNew), now);
            }
            return null;
        }
        catch (IOException e)
        {
            Fail(e, 0);
            return null;
        }
    }

    private void CloseFile()
    {
        if (_file is not { } file)
            return;
        _file = null;
        file.File.Dispose();
        _files.TryWriteIndex(file.Name, new EvidenceIndex(file.Filter.Fold(), file.First, file.Last));
        _retention.Add(file.Name, file.Bytes + IndexBytes(file.Name), _time.GetUtcNow());
        _metrics.Kept(_retention.Bytes, _retention.Files);
    }

    private long IndexBytes(string name)
    {
        try
        {
            return _files.IndexBytes(name);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private void Fail(IOException e, int records)
    {
        if (records > 0)
            _metrics.Dropped(records, (e as DiskException)?.Error.ToString() ?? "disk");
        if (!_isFailing)
            WriteFailed(e);
        _isFailing = true;
        // Part of the batch may stand in the file: the next one begins in a file of its own.
        if (records > 0)
            CloseFile();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 3200, Level = LogLevel.Warning,
        Message = "Evidence can't be written; records are dropped until it can: free space or repair the disk")]
    private partial void WriteFailed(Exception cause);

    [LoggerMessage(EventId = 3201, Level = LogLevel.Information, Message = "Evidence is written again")]
    private partial void WritesAgain();

    [LoggerMessage(EventId = 3202, Level = LogLevel.Warning,
        Message = "{Records} evidence records were dropped: they came faster than the disk took them")]
    private partial void QueueWasFull(long records);
}
