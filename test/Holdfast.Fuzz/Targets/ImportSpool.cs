using System.Buffers;
using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Fuzz.Targets;

/// <summary>Takes the one message that an import stores, and hands it out again. Import asks nothing else of a spool.
/// </summary>
internal sealed class ImportSpool : IMailSpool, IEvidenceJournal
{
    public Envelope? Stored { get; private set; }
    public byte[] Content { get; private set; } = [];
    public bool DraftIsOpen { get; private set; }

    public SpoolPressure Pressure => SpoolPressure.None;
    public long WaitingCount => 0;
    public long WaitingBytes => 0;
    public Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }
    public MessageId NewId() => new(1, 1);

    public MessageDraft BeginDraft(long? declaredBytes)
    {
        DraftIsOpen = true;
        return new Draft(this);
    }

    public ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort)
    {
        Stored = envelope;
        Content = ((Draft)draft).Bytes.WrittenSpan.ToArray();
        return ValueTask.FromResult(AppendResult.Stored);
    }

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;

    public void Append(EvidenceRecord record)
    {
        // What evidence holds is bounded where it is written.
    }

    public ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content) =>
        throw new NotSupportedException();
    public Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort) =>
        throw new NotSupportedException();
    public ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort) =>
        throw new NotSupportedException();
    public ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort) =>
        throw new NotSupportedException();
    public ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target) =>
        throw new NotSupportedException();
    public void RecordProgress(SpooledMessage message) => throw new NotSupportedException();
    public ValueTask FlushAsync() => throw new NotSupportedException();
    public IEnumerable<WaitingMessage> Enumerate() => [];
    public bool TryFind(MessageId id, out SpoolHandle handle) => throw new NotSupportedException();

    private sealed class Draft(ImportSpool spool) : MessageDraft
    {
        public ArrayBufferWriter<byte> Bytes { get; } = new();
        public override long Length => Bytes.WrittenCount;
        public override bool NeedsFlush => false;
        public override Memory<byte> GetMemory(int sizeHint = 0) => Bytes.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => Bytes.GetSpan(sizeHint);
        public override void Advance(int count) => Bytes.Advance(count);
        public override ValueTask FlushAsync(CancellationToken abort) => ValueTask.CompletedTask;

        public override ValueTask DisposeAsync()
        {
            spool.DraftIsOpen = false;
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Content for an export of what was imported.</summary>
    internal sealed class Whole(byte[] content) : MessageContent
    {
        public override long Length => content.Length;

        public override bool TryGetAll(out ReadOnlySequence<byte> all)
        {
            all = new ReadOnlySequence<byte>(content);
            return true;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort) =>
            throw new NotSupportedException();
        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
