using System.Buffers;
using System.Runtime.CompilerServices;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Storage.Segments;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Spool;

/// <summary>What a simulation replaces: threads. Production leaves everything at its default.</summary>
/// <param name="Offload">Null: disk work runs on threads of its own.</param>
/// <param name="Driver">Null: the log commits on a thread of its own.</param>
/// <param name="RunsUpkeep">False: the caller calls <see cref="MailSpool.UpkeepAsync"/>.</param>
/// <param name="Pause">Null: waits by the clock until the log tries again.</param>
/// <param name="MovesUnsynced">The mutant that the power-cut harness must catch: segments go before their survivors are
/// synced.</param>
internal sealed record SpoolSeams(
    Offload? Offload = null, CommitDriver? Driver = null, bool RunsUpkeep = true, Func<TimeSpan, Task>? Pause = null,
    bool MovesUnsynced = false);

/// <summary>Keeps accepted messages until every recipient is delivered, rejected or expired.</summary>
/// <remarks>
/// Promise: when <see cref="AppendAsync"/> returns Stored, the message survives process and power loss: one record of
/// envelope and content, or a synced body file and then its envelope record, under one shared fdatasync.
/// Progress and ends are written lazily: a crash repeats at most deliveries whose record was not yet synced.
/// When the disk is full or the bounds are reached, appends say so and nothing partial stays readable; progress,
/// notices and compaction go on from the reserve. Damage is set aside and reported, and stops nothing.
/// Limits: one process a directory (lock file); 2³⁰ messages of up to 65 535 recipients; about 70 bytes of memory a
/// waiting message. Files: <c>segments/</c>, <c>bodies/</c>, <c>damaged/</c>, <c>checkpoint</c>, <c>reserve</c>,
/// <c>format</c>, <c>lock</c>.
/// </remarks>
internal sealed partial class MailSpool : IMailSpool, IAsyncDisposable
{
    internal const string SegmentsDirectory = "segments";
    private const int ReservedTries = 4;
    /// <summary>Body files written, synced and read at once: beyond it a disk gains little.</summary>
    private const int DiskThreadsMax = 16;
    /// <summary>How soon the log tries again to make a segment.</summary>
    private static readonly TimeSpan LogRetryDelay = TimeSpan.FromMilliseconds(100);
    private readonly IDisk _disk;
    private readonly IOptionsMonitor<SpoolOptions> _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly IEvidenceJournal _journal;
    private readonly SpoolMetrics? _metrics;
    private readonly SegmentMetrics? _segmentMetrics;
    private readonly ILogger<MailSpool> _logger;
    private readonly SpoolSeams _seams;
    private readonly Offload _offload;
    private readonly SpoolLedger _ledger = new();
    private readonly AppendEpochs _epochs = new();
    private readonly AttemptSlots _attempts;
    private readonly LazyRecords _lazy;
    private readonly BodyMemory _memory;
    private readonly RecentContent _recent;
    private readonly BodyFiles _bodies;
    private readonly DamagedRecords _damagedRecords;
    private readonly DiskSpace _space;
    private readonly SpoolReader _reader;
    private readonly SpoolUpkeep _upkeep;
    private readonly ushort _node;
    private ulong _sequence;
    private SegmentLog? _log;
    private IDisposable? _lock;
    private byte _pressure;
    private long _recordBytesMax = long.MaxValue;
    private bool _isSettled;
    private bool _isClosed;

    /// <param name="node">This node's number, part of every id.</param>
    public MailSpool(IDisk disk, ushort node, IOptionsMonitor<SpoolOptions> options, TimeProvider time, Random random,
        IEvidenceJournal journal, SpoolMetrics? metrics, SegmentMetrics? segmentMetrics, ILogger<MailSpool> logger,
        SpoolSeams? seams = null)
    {
        _disk = disk;
        _options = options;
        _time = time;
        _random = random;
        _journal = journal;
        _metrics = metrics;
        _segmentMetrics = segmentMetrics;
        _logger = logger;
        _seams = seams ?? new SpoolSeams();
        _offload = _seams.Offload ?? new DiskThreads(DiskThreadsMax).RunAsync;
        _node = node;
        _sequence = (ulong)random.NextInt64();
        _memory = new BodyMemory(() => _options.CurrentValue.BodyMemoryBytes, time);
        _recent = new RecentContent(() => _options.CurrentValue.BodyMemoryBytes);
        _memory.DropOldest = _recent.DropOldest;
        _bodies = new BodyFiles(disk);
        _damagedRecords = new DamagedRecords(disk, () => _options.CurrentValue.DamagedBytesMax);
        _space = new DiskSpace(disk, () => _options.CurrentValue);
        _attempts = new AttemptSlots(disk);
        _lazy = new LazyRecords(_ledger, _epochs, _attempts, NoteFailure);
        _reader = new SpoolReader(_ledger, _lazy, _attempts, _memory, _recent, _bodies, _offload, SetAsideAsync);
        _upkeep = new SpoolUpkeep(this, disk, _ledger, _lazy, _epochs, _bodies, _space, _reader, options, time,
            metrics, logger, _offload, SetAsideAsync, _seams.MovesUnsynced);
    }

    public SpoolPressure Pressure => (SpoolPressure)Volatile.Read(ref _pressure);
    public long WaitingCount => _ledger.WaitingCount;
    public long WaitingBytes => _ledger.WaitingBytes;
    public long FreeBytes => _space.FreeBytes;
    public long BodyMemoryUsed => _memory.UsedBytes;
    public Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }
    internal SegmentLog? Log => _log;

    /// <summary>Unique whatever the clock does: the sequence begins at a random 63-bit number with each process.
    /// </summary>
    public MessageId NewId() =>
        MessageId.Create(_time.GetUtcNow(), _node, Interlocked.Increment(ref _sequence));

    public MessageDraft BeginDraft(long? declaredBytes) =>
        new SpoolDraft(_memory, _bodies, _offload, _options.CurrentValue, declaredBytes);

    public ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        var options = _options.CurrentValue;
        var refusal = Pressure switch
        {
            SpoolPressure.OutOfSpace => AppendResult.OutOfSpace,
            SpoolPressure.Failed => AppendResult.Failed,
            // Receive refuses at 100 %, but for the top priority; a tenth more is the end for that too.
            _ when WaitingCount > options.WaitingMessagesMax + options.WaitingMessagesMax / 10 => AppendResult.TooBusy,
            _ => AppendResult.Stored,
        };
        if (refusal == AppendResult.Stored)
            return AppendCoreAsync(envelope, (SpoolDraft)draft, isReserved: false);
        _metrics?.Refused(refusal);
        return new ValueTask<AppendResult>(refusal);
    }

    public async ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content)
    {
        var draft = new SpoolDraft(_memory, _bodies, _offload, _options.CurrentValue, content.Length,
            BodyUse.Delivering);
        await using (draft.ConfigureAwait(false))
        {
            while (content.Length > 0)
            {
                if (draft.NeedsFlush)
                    await draft.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                var room = draft.GetMemory();
                var count = Math.Min(room.Length, content.Length);
                content[..count].CopyTo(room);
                draft.Advance(count);
                content = content[count..];
            }
            if (draft.NeedsFlush)
                await draft.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            return await AppendCoreAsync(envelope, draft, isReserved: true).ConfigureAwait(false);
        }
    }

    // Hot path: 1. seal the body file, if any; 2. encode; 3. append synced; 4. table; 5. announce.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AppendResult> AppendCoreAsync(Envelope envelope, SpoolDraft draft, bool isReserved)
    {
        if (envelope.Recipients.Count is 0 or > EnvelopeCodec.RecipientsMax || envelope.Priority > 5)
            throw new ArgumentException("a message has 1 to 65 535 recipients and a priority of 0 to 5");
        var log = _log ?? throw new InvalidOperationException("the spool is not open");
        var body = draft.Body;
        if (body is not null)
            await draft.SealAsync(envelope.Id).ConfigureAwait(false);
        if (draft.Failure is { } failure)
            return Refuse(failure);

        var contentBytes = draft.Length;
        var encoded = EnvelopeCodec.Encode(envelope, body is not null, contentBytes, body?.Checksum ?? 0);
        var head = encoded.Written;
        var buffer = encoded.Buffer;
        var epoch = _epochs.Enter();
        try
        {
            // A longer text than any SMTP line can hold could not be read back: our mistake, not stored.
            if (encoded.IsTooLong)
                return Refuse(AppendResult.Failed);
            var location = isReserved
                ? await WriteReservedAsync(log, head, body is null ? draft.Chunks : null).ConfigureAwait(false)
                : await WriteAsync(log, head, body is null ? draft.Chunks : null).ConfigureAwait(false);
            Store(envelope, draft, body is not null, location, head);
            _metrics?.Appended();
            return AppendResult.Stored;
        }
        catch (DiskException e)
        {
            NoteFailure(e);
            return Refuse(e.Error == DiskError.NoSpace ? AppendResult.OutOfSpace : AppendResult.Failed);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
            _epochs.Leave(epoch);
        }
    }

    private static ValueTask<RecordLocation> WriteAsync(SegmentLog log, ReadOnlyMemory<byte> head,
        ContentChunks? content) => content switch
        {
            null => log.AppendAsync((byte)SpoolRecordKind.MessageWithBodyFile, head, ReadOnlyMemory<byte>.Empty,
                Durability.Synced),
            { Count: 0 } => log.AppendAsync((byte)SpoolRecordKind.Message, head, ReadOnlyMemory<byte>.Empty,
                Durability.Synced),
            { Count: 1 } => log.AppendAsync((byte)SpoolRecordKind.Message, head, content[0], Durability.Synced),
            _ => log.AppendAsync((byte)SpoolRecordKind.Message, head, content, Durability.Synced),
        };

    /// <summary>Gives the reserve up when there is no other space, and waits until the log has noticed.</summary>
    private async ValueTask<RecordLocation> WriteReservedAsync(SegmentLog log, ReadOnlyMemory<byte> head,
        ContentChunks? content)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await WriteAsync(log, head, content).ConfigureAwait(false);
            }
            catch (DiskException e) when (e.Error == DiskError.NoSpace && tries < ReservedTries)
            {
                NoteFailure(e);
            }
            await AwaitLogRetryAsync().ConfigureAwait(false);
        }
    }

    /// <summary>As long as the log takes to try again.</summary>
    internal Task AwaitLogRetryAsync() => _seams.Pause?.Invoke(LogRetryDelay) ?? Task.Delay(LogRetryDelay, _time);

    private void Store(Envelope envelope, SpoolDraft draft, bool hasBodyFile, RecordLocation location,
        ReadOnlyMemory<byte> head)
    {
        if (!MessageHead.TryRead(head.Span, location.Length, out var read))
            throw new InvalidOperationException("the record just written does not decode");
        WaitingMessage waiting;
        lock (_ledger.Gate)
            waiting = _ledger.Waiting(_ledger.Add(read, location));
        if (hasBodyFile)
            draft.KeepBody();
        else
            _recent.Add(waiting.Handle, envelope, draft.TakeChunks());
        Arrived?.Invoke(waiting,
            new SpooledMessage(waiting.Handle, envelope, MessageProgress.ForNew(envelope.Recipients.Count)));
    }

    private AppendResult Refuse(AppendResult result)
    {
        if (result == AppendResult.OutOfSpace)
        {
            _space.NoteShort();
            UpdatePressure();
        }
        _metrics?.Refused(result);
        return result;
    }

    public ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort) =>
        _reader.LoadAsync(handle, abort);

    public ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort) =>
        _reader.OpenContentAsync(message, abort);

    public ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target)
    {
        var progress = message.Progress;
        message.OpenAttempts++;
        progress.AttemptOpenAt = target;
        foreach (var index in recipients)
            progress.Recipients[index].OpenAttempt();
        return MarkAttemptAsync(message);
    }

    public void RecordProgress(SpooledMessage message)
    {
        var progress = message.Progress;
        var isLast = message.OpenAttempts <= 1;
        message.OpenAttempts = Math.Max(0, message.OpenAttempts - 1);
        foreach (var recipient in progress.Recipients)
            recipient.CloseAttempt(isLast);
        if (isLast)
            progress.AttemptOpenAt = null;
        if (!progress.IsFinal)
        {
            WriteProgress(message, SpoolRecordKind.Progress);
            return;
        }
        progress.Version++;
        var id = message.Envelope.Id;
        if (_lazy.WriteDone(new PendingRecord(_lazy, SpoolRecordKind.Done, id, message.Handle, progress.Version,
            new DoneRecord(id, 0).Encode())))
        {
            _recent.Remove(message.Handle);
            _metrics?.Ended();
        }
    }

    /// <summary>In the slots, where a kill can't take it; when they can't have it, in the log, once it stands there.
    /// </summary>
    private ValueTask<bool> MarkAttemptAsync(SpooledMessage message)
    {
        message.Progress.Version++;
        var encoded = EncodeProgress(message);
        if (_attempts.TryWrite(message.Handle, message.Progress.Version, encoded.Written.Span))
        {
            ArrayPool<byte>.Shared.Return(encoded.Buffer);
            return new ValueTask<bool>(true);
        }
        var written = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _lazy.WriteProgress(new PendingRecord(_lazy, SpoolRecordKind.Attempt, message.Envelope.Id,
            message.Handle, message.Progress.Version, encoded) { IsWritten = written })
            ? new ValueTask<bool>(written.Task) : new ValueTask<bool>(false);
    }

    private void WriteProgress(SpooledMessage message, SpoolRecordKind kind)
    {
        message.Progress.Version++;
        _lazy.WriteProgress(new PendingRecord(_lazy, kind, message.Envelope.Id, message.Handle,
            message.Progress.Version, EncodeProgress(message)));
    }

    /// <summary>Where thousands of recipients with replies of their own don't fit into a segment, the replies go: a
    /// record that can't be written would let the same recipients be tried again and again.</summary>
    private RecordWriter EncodeProgress(SpooledMessage message)
    {
        var encoded = ProgressCodec.Encode(message.Envelope.Id, message.Progress);
        if (encoded.Length <= _recordBytesMax)
            return encoded;
        ArrayPool<byte>.Shared.Return(encoded.Buffer);
        foreach (var recipient in message.Progress.Recipients)
            (recipient.LastReply, recipient.LastTarget) = (null, null);
        return ProgressCodec.Encode(message.Envelope.Id, message.Progress);
    }

    /// <summary>Not open yet: a stop came while it was being replayed, and nothing was written.</summary>
    public ValueTask FlushAsync() => _log is null ? default : _upkeep.FlushAsync();

    public IEnumerable<WaitingMessage> Enumerate()
    {
        const int atOnce = 1024;
        var some = new List<WaitingMessage>(atOnce);
        for (var slot = 0; CopySome(ref slot, some, atOnce); some.Clear())
        {
            foreach (var waiting in some)
                yield return waiting;
        }
    }

    private bool CopySome(ref int slot, List<WaitingMessage> some, int atOnce)
    {
        lock (_ledger.Gate)
        {
            var end = Math.Min(slot + atOnce, _ledger.Table.SlotsUsed);
            if (slot >= end)
                return false;
            for (; slot < end; slot++)
            {
                if (_ledger.Table[slot].InUse)
                    some.Add(_ledger.Waiting(slot));
            }
            return true;
        }
    }

    public string Locate(SpoolHandle handle)
    {
        lock (_ledger.Gate)
        {
            if (handle.Slot >= _ledger.Table.SlotsUsed || _ledger.Table.HandleOf(handle.Slot) != handle)
                return "ended";
            var at = _ledger.Table[handle.Slot].Location;
            return string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"segment {at.Segment}, offset {at.Offset}, {at.Length} bytes");
        }
    }

    public bool TryFind(MessageId id, out SpoolHandle handle)
    {
        lock (_ledger.Gate)
        {
            var found = _ledger.Table.TryFind(id, out var slot);
            handle = found ? _ledger.Table.HandleOf(slot) : default;
            return found;
        }
    }
}
