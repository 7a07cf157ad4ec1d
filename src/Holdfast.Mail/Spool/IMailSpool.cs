using System.Buffers;

namespace Holdfast.Mail.Spool;

/// <summary>Slot of a waiting message in the spool's table. Reused after the message ends; the generation tells.
/// </summary>
internal readonly record struct SpoolHandle(int Slot, uint Generation);

/// <summary>What a waiting message costs in memory and what the scheduler knows without touching the disk.</summary>
internal readonly record struct WaitingMessage(
    SpoolHandle Handle, MessageId Id, byte Priority, ushort RecipientCount, long SizeBytes, bool IsHeld,
    bool AttemptWasOpen);

/// <summary>How much the spool can still take.</summary>
internal enum SpoolPressure : byte
{
    None = 0,
    /// <summary>Over the soft bound: refuse the lowest priorities with 451 4.3.2 before DATA.</summary>
    Elevated = 1,
    /// <summary>Backlog or memory bound reached: 451 4.3.2 for all but the top priority.</summary>
    High = 2,
    /// <summary>Out of (unreserved) disk space: 452 4.3.1.</summary>
    OutOfSpace = 3,
    /// <summary>Writes fail: 451 4.3.0 and /readyz 503.</summary>
    Failed = 4,
}

internal enum AppendResult : byte { Stored = 0, OutOfSpace = 1, Failed = 2, TooBusy = 3 }

/// <summary>Content of a message that is being received. Small ones stay in pooled memory, counted in one shared
/// budget; beyond the threshold they stream to a file of their own.</summary>
internal abstract class MessageDraft : IBufferWriter<byte>, IAsyncDisposable
{
    public abstract long Length { get; }
    public abstract Memory<byte> GetMemory(int sizeHint = 0);
    public abstract Span<byte> GetSpan(int sizeHint = 0);
    public abstract void Advance(int count);
    /// <summary>True when the caller must await <see cref="FlushAsync"/> before it writes on.</summary>
    public abstract bool NeedsFlush { get; }
    /// <summary>Writes out what must not stay in memory, or waits for budget. A failure is kept and returned by
    /// Append; the caller may go on reading the sender's data and discard it.</summary>
    public abstract ValueTask FlushAsync(CancellationToken abort);
    /// <summary>Frees memory and file unless the draft was appended.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A message loaded for an attempt or for showing.</summary>
internal sealed class SpooledMessage(SpoolHandle handle, Envelope envelope, MessageProgress progress)
{
    public SpoolHandle Handle { get; } = handle;
    public Envelope Envelope { get; } = envelope;
    public MessageProgress Progress { get; } = progress;
    /// <summary>Attempts whose outcome no RecordProgress has told yet. The spool's.</summary>
    internal int OpenAttempts { get; set; }
}

/// <summary>Content opened for reading; verified against its checksum before the last byte is handed out.</summary>
internal abstract class MessageContent : IAsyncDisposable
{
    public abstract long Length { get; }
    /// <summary>All of the content when it is in memory (small messages); otherwise read with
    /// <see cref="ReadAsync"/>.</summary>
    public abstract bool TryGetAll(out ReadOnlySequence<byte> content);
    /// <summary>Next bytes; 0 at the end. Throws RecordDamagedException when the checksum fails: before the caller has
    /// sent the last chunk, so that it can break the transaction off.</summary>
    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort);
    public abstract ValueTask DisposeAsync();
}

/// <summary>Keeps accepted messages until every recipient is delivered, rejected or expired.</summary>
/// <remarks>
/// Promise: when <see cref="AppendAsync"/> returns Stored, the message survives process and power loss. Progress is
/// written lazily: a crash repeats at most attempts whose outcome was unknown. Nothing here blocks delivery when the
/// disk is full: space for progress, one compaction segment and notices is reserved.
/// </remarks>
internal interface IMailSpool
{
    SpoolPressure Pressure { get; }
    long WaitingCount { get; }
    long WaitingBytes { get; }

    MessageId NewId();

    /// <summary>Starts a content of the given declared size, or null when unknown.</summary>
    MessageDraft BeginDraft(long? declaredBytes);

    /// <summary>Makes the message durable and announces it to <see cref="Arrived"/>. Not cancellable once committed to:
    /// the abort token is honoured only before the append starts. Takes the draft over on success.</summary>
    ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft, CancellationToken abort);

    /// <summary>Appends a message of our own (a notice) that must not be refused for lack of unreserved space.
    /// </summary>
    ValueTask<AppendResult> AppendReservedAsync(Envelope envelope, ReadOnlyMemory<byte> content);

    /// <summary>Called for each message that becomes available: at open for those replayed, then after each append.
    /// Called on the spool's threads, several at once: must only enqueue. Set once, before <see cref="OpenAsync"/>.
    /// </summary>
    Action<WaitingMessage, SpooledMessage?>? Arrived { get; set; }

    /// <summary>Recovers the directory (checkpoint, tail scan, orphans) and announces what waits.</summary>
    Task OpenAsync(IProgress<SpoolOpenProgress>? progress, CancellationToken abort);

    /// <summary>Loads envelope and progress; null when the message has ended. A damaged one is set aside, reported as
    /// evidence, and null is returned, also when it has to stay because no copy of it can be made.</summary>
    ValueTask<SpooledMessage?> LoadAsync(SpoolHandle handle, CancellationToken abort);

    /// <summary>Opens the content of a loaded message; null when the message has ended.</summary>
    ValueTask<MessageContent?> OpenContentAsync(SpooledMessage message, CancellationToken abort);

    /// <summary>Notes, unsynced, that the final dot is about to be sent to the target for these recipients. Completes
    /// when the end of this process can't take the note. False: it could be put nowhere, so the dot must not be sent;
    /// the caller records progress all the same.</summary>
    ValueTask<bool> RecordAttemptAsync(SpooledMessage message, ReadOnlySpan<int> recipients, string target);

    /// <summary>Writes the progress (version + 1), unsynced. When every recipient is final the message ends and its
    /// space becomes reclaimable.</summary>
    void RecordProgress(SpooledMessage message);

    /// <summary>Completes when all progress so far is on stable storage.</summary>
    ValueTask FlushAsync();

    /// <summary>Every waiting message without touching the disk, for queue commands; a snapshot is not taken.</summary>
    IEnumerable<WaitingMessage> Enumerate();

    bool TryFind(MessageId id, out SpoolHandle handle);

    /// <summary>Where on disk a message is, in words for people.</summary>
    string Locate(SpoolHandle handle) => $"spool slot {handle.Slot}";
}

internal readonly record struct SpoolOpenProgress(long DoneBytes, long TotalBytes, long Messages);
