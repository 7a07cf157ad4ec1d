using System.Runtime.CompilerServices;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>A progress or done record between its call and the log: the truth for a load meanwhile, and what is
/// written again when the log failed.</summary>
internal sealed class PendingRecord(LazyRecords owner, SpoolRecordKind kind, MessageId id, SpoolHandle handle,
    uint version, RecordWriter encoded)
{
    private readonly byte[] _buffer = encoded.Buffer;
    private ConfiguredValueTaskAwaitable<RecordLocation>.ConfiguredValueTaskAwaiter _append;

    public SpoolRecordKind Kind => kind;
    public MessageId Id => id;
    public SpoolHandle Handle => handle;
    public uint Version => version;
    public ReadOnlyMemory<byte> Bytes { get; } = encoded.Written;
    public int Epoch { get; set; }
    /// <summary>Segment of the ended message's latest copy (Done only).</summary>
    public uint HomeSegment { get; private set; }
    public bool HasBodyFile { get; set; }
    /// <summary>Told whether the first write reached the kernel, where somebody waits for that.</summary>
    public TaskCompletionSource<bool>? IsWritten { get; init; }

    public void SetHome(uint segment)
    {
        HomeSegment = segment;
        DoneRecord.PatchHome(_buffer, segment);
    }

    public void Write(ISegmentLog log)
    {
        try
        {
#pragma warning disable CA2012 // Its awaiter is kept, and its result taken exactly once: in Complete.
            _append = log.AppendAsync((byte)kind, Bytes, ReadOnlyMemory<byte>.Empty, Durability.Lazy)
                .ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
        }
        catch (Exception e) when (e is DiskException or ObjectDisposedException)
        {
            owner.Failed(this, e);
            IsWritten?.TrySetResult(false);
            return;
        }
        if (_append.IsCompleted)
            Complete();
        else
            _append.UnsafeOnCompleted(Complete);
    }

    public void Return() => System.Buffers.ArrayPool<byte>.Shared.Return(_buffer);

    private void Complete()
    {
        RecordLocation location;
        try
        {
            location = _append.GetResult();
        }
        catch (Exception e) when (e is DiskException or ObjectDisposedException or IOException)
        {
            owner.Failed(this, e);
            IsWritten?.TrySetResult(false);
            return;
        }
        owner.Written(this, location);
        IsWritten?.TrySetResult(true);
    }
}
