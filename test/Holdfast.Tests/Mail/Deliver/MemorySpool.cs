using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>A spool in memory for tests of delivery: what is recorded can be looked at.</summary>
internal sealed class MemorySpool(TimeProvider time) : IMailSpool
{
    private readonly ConcurrentDictionary<int, (SpooledMessage Message, byte[] Content)> _waiting = new();
    private int _slots;
    private long _ids;

    public ConcurrentDictionary<MessageId, MessageProgress> Last { get; } = new();
    public ConcurrentQueue<(Envelope Envelope, string Content)> Notices { get; } = new();
    public ConcurrentQueue<string> Attempts { get; } = new();
    public AppendResult NoticeResult { get; set; } = AppendResult.Stored;
    /// <summary>Thrown in place of a notice's result: a mistake of ours.</summary>
    public Exception? NoticeFault { get; set; }
    /// <summary>False: arrivals come without their envelope, as after a start.</summary>
    public bool AnnouncesLoaded { get; set; } = true;
    /// <summary>Time in new ids, where it isn't the clock's.</summary>
    public DateTimeOffset? IdTime { get; set; }
    public int Loads;

    public SpoolPressure Pressure => SpoolPressure.None;
    public long WaitingCount => _waiting.Count;
    public long WaitingBytes => 0;
    public Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }
    public MessageId NewId() => MessageId.Create(IdTime ?? time.GetUtcNow(), 1, (ulong)Interlocked.Increment(ref _ids));

    public SpooledMessage Add(string sender, string[] recipients, string content = "Subject: x\r\n\r\nhello\r\n",
        Func<Envelope, Envelope>? with = null, Action<MessageProgress>? progress = null)
    {
        var envelope = new Envelope
        {
            Id = NewId(), ReceivedAt = time.GetUtcNow(), Sender = sender,
            Recipients = [.. recipients.Select(r => new EnvelopeRecipient(r))], SizeBytes = content.Length,
            Tenant = sender, Listener = "relay",
        };
        if (with is not null)
            envelope = with(envelope);
        var stands = MessageProgress.ForNew(envelope.Recipients.Count);
        progress?.Invoke(stands);
        var slot = Interlocked.Increment(ref _slots);
        var message = new SpooledMessage(new SpoolHandle(slot, 1), envelope, stands);
        _waiting[slot] = (message, Encoding.Latin1.GetBytes(content));
        Arrived?.Invoke(new WaitingMessage(message.Handle, envelope.Id, envelope.Priority,
            (ushort)envelope.Recipients.Count, envelope.SizeBytes, stands.IsHeld, stands.AttemptOpenAt is not null),
            AnnouncesLoaded ? message : null);
        return message;
    }

    public ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content)
    {
        if (NoticeFault is { } fault)
            throw fault;
        if (NoticeResult == AppendResult.Stored)
            Notices.Enqueue((envelope, Encoding.Latin1.GetString(content.Span)));
        return ValueTask.FromResult(NoticeResult);
    }

    /// <summary>Loads wait for it, as for an evacuation.</summary>
    public Task Readable { get; set; } = Task.CompletedTask;

    public async ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort)
    {
        await Waits.ForAsync(Readable.WaitAsync(abort));
        return Load(handle);
    }

    /// <summary>Loads that wait.</summary>
    public PendingWaits Waits { get; } = new();

    private SpooledMessage? Load(SpoolHandle handle)
    {
        Interlocked.Increment(ref Loads);
        if (!_waiting.TryGetValue(handle.Slot, out var found))
            return null;
        foreach (var recipient in found.Message.Progress.Recipients)
        {
            // As the real one: an attempt without outcome is unknown.
            if (found.Message.Progress.AttemptOpenAt is null || recipient.IsFinal)
                continue;
            recipient.State = RecipientState.OutcomeUnknown;
            recipient.UnknownOutcomes++;
        }
        return found.Message;
    }

    public ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort) =>
        ValueTask.FromResult<MessageContent?>(_waiting.TryGetValue(message.Handle.Slot, out var found)
            ? new Bytes(found.Content) : null);

    /// <summary>False: no attempt can be noted, as when the disk fails.</summary>
    public bool TakesAttempts { get; set; } = true;

    public ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target)
    {
        Attempts.Enqueue($"{target} {string.Join(',', recipients.ToArray())}");
        return ValueTask.FromResult(TakesAttempts);
    }

    public void RecordProgress(SpooledMessage message)
    {
        message.Progress.Version++;
        Last[message.Envelope.Id] = message.Progress;
        if (message.Progress.IsFinal)
            _waiting.TryRemove(message.Handle.Slot, out _);
    }

    public ValueTask FlushAsync() => ValueTask.CompletedTask;
    public MessageDraft BeginDraft(long? declaredBytes) => new Draft();

    public ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort)
    {
        if (NoticeResult == AppendResult.Stored)
            Add(envelope.Sender, [], Encoding.Latin1.GetString(((Draft)draft).Written), _ => envelope);
        return ValueTask.FromResult(NoticeResult);
    }

    public Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort) => Task.CompletedTask;
    public IEnumerable<WaitingMessage> Enumerate() => _waiting.Values.Select(w => new WaitingMessage(w.Message.Handle,
        w.Message.Envelope.Id, w.Message.Envelope.Priority, (ushort)w.Message.Envelope.Recipients.Count,
        w.Message.Envelope.SizeBytes, w.Message.Progress.IsHeld, false));

    public bool TryFind(MessageId id, out SpoolHandle handle)
    {
        var found = _waiting.Values.FirstOrDefault(w => w.Message.Envelope.Id == id).Message;
        handle = found?.Handle ?? default;
        return found is not null;
    }

    private sealed class Draft : MessageDraft
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();
        public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;
        public override long Length => _bytes.WrittenCount;
        public override Memory<byte> GetMemory(int sizeHint = 0) => _bytes.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => _bytes.GetSpan(sizeHint);
        public override void Advance(int count) => _bytes.Advance(count);
        public override bool NeedsFlush => false;
        public override ValueTask FlushAsync(CancellationToken abort) => ValueTask.CompletedTask;
        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Bytes(byte[] content) : MessageContent
    {
        private int _at;
        public override long Length => content.Length;
        public override bool TryGetAll(out ReadOnlySequence<byte> all)
        {
            all = new ReadOnlySequence<byte>(content);
            return true;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort)
        {
            var length = Math.Min(buffer.Length, content.Length - _at);
            content.AsMemory(_at, length).CopyTo(buffer);
            _at += length;
            return ValueTask.FromResult(length);
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

internal sealed class MemoryJournal : IEvidenceJournal
{
    public ConcurrentQueue<EvidenceRecord> Records { get; } = new();
    public void Append(EvidenceRecord record) => Records.Enqueue(record);

    /// <summary>What a flush waits for.</summary>
    public Task Flushed { get; set; } = Task.CompletedTask;
    public Task FlushAsync(CancellationToken abort) => Waits.ForAsync(Flushed.WaitAsync(abort));
    /// <summary>Flushes that wait.</summary>
    public PendingWaits Waits { get; } = new();
}

/// <summary>What waits until the test lets it go on.</summary>
internal sealed class PendingWaits
{
    private readonly ConcurrentDictionary<Task, byte> _pending = new();
    public int Count => _pending.Keys.Count(t => !t.IsCompleted);

    public async Task ForAsync(Task wait)
    {
        if (wait.IsCompletedSuccessfully)
            return;
        _pending.TryAdd(wait, 0);
        try
        {
            await wait;
        }
        finally
        {
            _pending.TryRemove(wait, out _);
        }
    }
}
