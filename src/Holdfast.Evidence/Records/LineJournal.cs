using System.Buffers;
using System.Threading.Channels;
using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging;

namespace Holdfast.Evidence.Records;

/// <summary>Keeps records, one line each, in files that are kept by age and bytes.</summary>
/// <remarks>
/// Promise: Append never blocks and never throws; a record is on its way to the file within
/// <see cref="JournalKeep.FlushInterval"/> and when the journal is disposed of. When the queue is full or the disk
/// fails, records are dropped and counted: what is told about the work must not hold it up.
/// Limits: not synced (the kernel writes it back within about half a minute; a power cut may take that), one writer a
/// directory.
/// </remarks>
/// <typeparam name="T">A record; not changed after it was appended.</typeparam>
public abstract class LineJournal<T> : IAsyncDisposable where T : class
{
    private const int FileBytesMax = 64 << 20;
    private const int FileBytesMin = 1 << 20;
    private const int BatchBytes = 1 << 20;
    private static readonly TimeSpan _fileAgeMax = TimeSpan.FromHours(1);
    private static readonly TimeSpan _tendEvery = TimeSpan.FromMinutes(1);

    private readonly IDisk _disk;
    private readonly int _queueMax;
    private readonly TimeProvider _time;
    private readonly IJournalMetrics _metrics;
    private readonly JournalWords _words;
    private readonly EvidenceFiles _files;
    private readonly JournalRetention _retention;
    private readonly Channel<Entry> _queue;
    private readonly ArrayBufferWriter<byte> _buffer = new(BatchBytes + 64 * 1024);
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _tending;
    private volatile TaskCompletionSource _wake = NewSignal();
    private Task _writing = Task.CompletedTask;
    private OpenFile? _file;
    private long _droppedInQueue;
    private bool _isFailing;
    private volatile bool _isTendingDue;
    private int _disposed;

    /// <param name="disk">Its root is the data directory.</param>
    /// <param name="directory">Directory of its own in that.</param>
    /// <param name="what">What the records are called in the log, for example "evidence".</param>
    /// <param name="queueMax">Records that may wait to be written.</param>
    private protected LineJournal(IDisk disk, string directory, string what, int queueMax, TimeProvider time,
        IJournalMetrics metrics, ILogger logger)
    {
        _disk = disk;
        _queueMax = queueMax;
        _time = time;
        _metrics = metrics;
        _words = new JournalWords(what, logger);
        _files = new EvidenceFiles(disk, directory);
        _retention = new JournalRetention(_files);
        _queue = Channel.CreateBounded<Entry>(
            new BoundedChannelOptions(queueMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
        _tending = time.CreateTimer(static state => ((LineJournal<T>)state!).TendSoon(), this, _tendEvery, _tendEvery);
    }

    /// <summary>Begins to write; the constructor of what derives from this calls it last.</summary>
    private protected void Start() => _writing = Task.Run(WriteAsync);

    /// <summary>How much is kept now.</summary>
    private protected abstract JournalKeep Keep { get; }

    /// <summary>Bytes that may lie beside a closed file.</summary>
    private protected virtual int IndexBytesMax => 0;

    /// <summary>Writes the record's line with its end; one thread calls it at a time.</summary>
    /// <exception cref="ArgumentException">Text that can't be written as UTF-8.</exception>
    private protected abstract void Format(T record, IBufferWriter<byte> line);

    /// <summary>Whether the record is written at once and not with others.</summary>
    private protected virtual bool IsUrgent(T record) => false;

    /// <summary>A file begins.</summary>
    private protected virtual void Opened()
    {
    }

    /// <summary>The record goes to the open file.</summary>
    private protected virtual void Noted(T record)
    {
    }

    /// <summary>The file ended.</summary>
    private protected virtual void Closed(string name)
    {
    }

    private readonly record struct Entry(T? Record, TaskCompletionSource? Flushed);

    private sealed class OpenFile(string name, IDiskFile file, DateTimeOffset openedAt)
    {
        public string Name => name;
        public IDiskFile File => file;
        public DateTimeOffset OpenedAt => openedAt;
        public long Bytes { get; set; }
    }

    /// <summary>Appends a record, or drops and counts it.</summary>
    public void Append(T record)
    {
        if (!_queue.Writer.TryWrite(new Entry(record, null)))
            Interlocked.Increment(ref _droppedInQueue);
        else if (IsUrgent(record))
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
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task WriteAsync()
    {
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // Records gather for a while, so that a write holds many.
            var wake = _wake.Task;
            if (!_stop.IsCancellationRequested && !wake.IsCompleted)
            {
                await Task.WhenAny(Task.Delay(JournalKeep.FlushInterval, _time, _stop.Token), wake)
                    .ConfigureAwait(false);
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
            _words.QueueWasFull(lost);
        }
        List<TaskCompletionSource>? flushed = null;
        var batch = 0;
        var mayOpen = true;
        for (var i = 0; i < _queueMax && _queue.Reader.TryRead(out var entry); i++)
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
            _retention.Apply(Keep, ReserveBytes, _time.GetUtcNow());
        }
        catch (IOException e)
        {
            Fail(e, 0);
        }
    }

    private bool TryFormat(T record)
    {
        try
        {
            Format(record, _buffer);
            if (_file is not null)
                Noted(record);
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
                _words.WritesAgain();
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
    private long FileBytes => Math.Clamp(Keep.Bytes / 16, FileBytesMin, FileBytesMax);

    private long ReserveBytes => FileBytes + BatchBytes + IndexBytesMax;

    private OpenFile? OpenNext()
    {
        var now = _time.GetUtcNow();
        try
        {
            _disk.CreateDirectory(_files.Directory);
            _retention.Apply(Keep, ReserveBytes, now);
            for (var number = 0; number < 10_000; number++)
            {
                var name = EvidenceFiles.Name(now, number);
                if (_disk.Exists(_files.PathOf(name)))
                    continue;
                var file = new OpenFile(name, _disk.Open(_files.PathOf(name), DiskOpenMode.CreateNew), now);
                Opened();
                return file;
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
        Closed(file.Name);
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
            _words.WriteFailed(e);
        _isFailing = true;
        // Part of the batch may stand in the file: the next one begins in a file of its own.
        if (records > 0)
            CloseFile();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
