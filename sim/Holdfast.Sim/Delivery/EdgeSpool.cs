using Holdfast.Mail;
using Holdfast.Mail.Spool;

namespace Holdfast.Sim.Delivery;

/// <summary>What waits at one edge, in memory: a run is about when mail goes where, not about the disk, which
/// <see cref="Disks"/> and <see cref="PowerCuts"/> are for.</summary>
/// <remarks>Everything completes at once. Contents don't exist; a notice of ours is counted and forgotten.</remarks>
internal sealed class EdgeSpool(ushort edge, TimeProvider time, Action<SpooledMessage> ended) : IMailSpool
{
    private SpooledMessage?[] _bySlot = [];
    private ulong _ids;

    public SpoolPressure Pressure => SpoolPressure.None;
    public long WaitingCount { get; private set; }
    public long WaitingBytes { get; private set; }
    public long Notices { get; private set; }
    public Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }

    public MessageId NewId() => MessageId.Create(time.GetUtcNow(), edge, _ids++);

    public void Put(SpooledMessage message)
    {
        var slot = message.Handle.Slot;
        if (slot >= _bySlot.Length)
            Array.Resize(ref _bySlot, Math.Max(1024, Math.Max(slot + 1, _bySlot.Length * 2)));
        _bySlot[slot] = message;
        WaitingCount++;
        WaitingBytes += message.Envelope.SizeBytes;
    }

    public SpooledMessage? Find(SpoolHandle handle) =>
        handle.Slot < _bySlot.Length && _bySlot[handle.Slot] is { } message && message.Handle == handle ? message
            : null;

    public ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort) => new(Find(handle));

    public ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort) =>
        new((MessageContent?)null);

    public ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target) =>
        new(true);

    public void RecordProgress(SpooledMessage message)
    {
        message.Progress.Version++;
        if (!message.Progress.IsFinal || Find(message.Handle) is null)
            return;
        _bySlot[message.Handle.Slot] = null;
        WaitingCount--;
        WaitingBytes -= message.Envelope.SizeBytes;
        ended(message);
    }

    public ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content)
    {
        Notices++;
        return new(AppendResult.Stored);
    }

    public ValueTask FlushAsync() => ValueTask.CompletedTask;
    public Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort) => Task.CompletedTask;
    public bool TryFind(MessageId id, out SpoolHandle handle)
    {
        handle = default;
        return false;
    }

    public IEnumerable<WaitingMessage> Enumerate() => [];

    /// <summary>Requests come from workloads, not through a listener.</summary>
    public MessageDraft BeginDraft(long? declaredBytes) => throw new NotSupportedException();

    public ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort) =>
        throw new NotSupportedException();
}
