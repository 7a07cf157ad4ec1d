using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>A spool that keeps messages in a list and answers as it is told.</summary>
internal sealed class SpoolDouble(TimeProvider time) : IMailSpool
{
    private ulong _sequence;

    public ConcurrentQueue<(Envelope Envelope, byte[] Content)> Messages { get; } = new();
    public SpoolPressure Pressure { get; set; }
    public AppendResult Answer { get; set; }
    /// <summary>Appends wait for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;
    public int DraftsOpen;
    public int AppendsBegun;

    public long WaitingCount => Messages.Count;
    public long WaitingBytes => Messages.Sum(m => (long)m.Content.Length);
    public MessageId NewId() => MessageId.Create(time.GetUtcNow(), 1, Interlocked.Increment(ref _sequence));

    public MessageDraft BeginDraft(long? declaredBytes)
    {
        Interlocked.Increment(ref DraftsOpen);
        return new Draft(this);
    }

    public async ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort)
    {
        Interlocked.Increment(ref AppendsBegun);
        await Gate;
        if (Answer == AppendResult.Stored)
            Messages.Enqueue((envelope, ((Draft)draft).Bytes.WrittenSpan.ToArray()));
        return Answer;
    }

    /// <summary>Content of the only message, without our trace header.</summary>
    public string OnlyBody()
    {
        var text = Encoding.Latin1.GetString(Assert.Single(Messages).Content);
        return WithoutTrace(text);
    }

    public static string WithoutTrace(string text)
    {
        Assert.StartsWith("Received: from ", text, StringComparison.Ordinal);
        var end = text.IndexOf("+0000\r\n", StringComparison.Ordinal);
        return text[(end + 7)..];
    }

    public Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }
    public ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content) =>
        throw new NotSupportedException();
    public Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort) => Task.CompletedTask;
    public ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort) =>
        throw new NotSupportedException();
    public ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort) =>
        throw new NotSupportedException();
    public ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target) =>
        throw new NotSupportedException();
    public void RecordProgress(SpooledMessage message) => throw new NotSupportedException();
    public ValueTask FlushAsync() => ValueTask.CompletedTask;
    public IEnumerable<WaitingMessage> Enumerate() => [];
    public bool TryFind(MessageId id, out SpoolHandle handle)
    {
        handle = default;
        return false;
    }

    private sealed class Draft(SpoolDouble spool) : MessageDraft
    {
        private bool _disposed;
        public ArrayBufferWriter<byte> Bytes { get; } = new();
        public override long Length => Bytes.WrittenCount;
        public override bool NeedsFlush => false;
        public override void Advance(int count) => Bytes.Advance(count);
        public override Memory<byte> GetMemory(int sizeHint = 0) => Bytes.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => Bytes.GetSpan(sizeHint);
        public override ValueTask FlushAsync(CancellationToken abort) => ValueTask.CompletedTask;

        public override ValueTask DisposeAsync()
        {
            if (!_disposed)
                Interlocked.Decrement(ref spool.DraftsOpen);
            _disposed = true;
            return ValueTask.CompletedTask;
        }
    }
}

internal sealed class EvidenceDouble : IEvidenceJournal
{
    public ConcurrentQueue<EvidenceRecord> Records { get; } = new();
    public void Append(EvidenceRecord record) => Records.Enqueue(record);
    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
}
