using Holdfast.Storage.Disk;

namespace Holdfast.Mail.Spool;

/// <summary>A content being received: in memory while it is small and the budget lasts, else streamed to its file.
/// </summary>
/// <remarks>A failure of disk or budget is kept; what is written after it is thrown away, so that the receiver may
/// drain its sender and answer 4yz. Used by one receiver at a time.</remarks>
internal sealed class SpoolDraft(BodyMemory memory, BodyFiles files, Offload offload, SpoolOptions options,
    long? declaredBytes, BodyUse use = BodyUse.Receiving) : MessageDraft
{
    /// <summary>Bytes gathered before one write to a body file.</summary>
    private const int WriteBytes = 256 * 1024;
    private const int ChunkMin = 4 * 1024;
    private const int DeclaredMin = 512;
    private const int ChunkMax = 64 * 1024;
    /// <summary>Room that a draft wants before it takes more data: a long line and then some.</summary>
    private const int RoomMin = 1024;

    private ContentChunks? _chunks = new(memory);
    private byte[]? _scrap;
    private long _length;
    private bool _isStarved;

    public override long Length => _length;
    /// <summary>What Append must answer instead of storing; null while all is well.</summary>
    public AppendResult? Failure { get; private set; }
    public BodyWriter? Body { get; private set; }
    public ContentChunks Chunks => _chunks ?? throw new InvalidOperationException("the draft was appended or disposed");

    public override bool NeedsFlush =>
        Failure is null && _chunks is not null && (_isStarved || _chunks.Length > InMemoryMax);

    private long InMemoryMax => Body is null ? options.InlineBytes : WriteBytes - 1;

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var wanted = Math.Max(sizeHint, 1);
        if (Failure is null && (Chunks.Room >= wanted || TryAddChunk(wanted)))
            return Chunks.FreeRoom();
        // Without memory and without a flush in between, the message cannot be kept: its bytes go to a scrap.
        Failure ??= AppendResult.TooBusy;
        if (_scrap is null || _scrap.Length < wanted)
            _scrap = new byte[Math.Max(wanted, ChunkMin)];
        return _scrap;
    }

    public override void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        _length += count;
        if (Failure is not null)
            return;
        Chunks.Advance(count);
        // Room for what comes next is taken ahead, so that the lack of it shows while the caller can still wait.
        if (Chunks.Room < RoomMin && Chunks.Length <= InMemoryMax
            && declaredBytes.GetValueOrDefault(long.MaxValue) > _length)
            _isStarved = !TryAddChunk(ChunkMin);
    }

    public override async ValueTask FlushAsync(CancellationToken abort)
    {
        if (!NeedsFlush)
            return;
        if (Chunks.Length > 0)
            await WriteOutAsync().ConfigureAwait(false);
        if (Failure is not null || Chunks.Room >= RoomMin)
        {
            _isStarved = false;
            return;
        }
        if (await memory.TakeAsync(ChunkMin, use, options.BodyWaitMax, abort).ConfigureAwait(false))
            Chunks.AddCharged(BodyMemory.Rent(ChunkMin), ChunkMin);
        else
            Failure = AppendResult.TooBusy;
        _isStarved = false;
        abort.ThrowIfCancellationRequested();
    }

    /// <summary>Completes a body file: bytes, name and directory are durable afterwards, or the failure is kept.
    /// </summary>
    public async ValueTask SealAsync(MessageId id)
    {
        if (Failure is null)
            await GuardAsync(() =>
            {
                if (Chunks.Length > 0)
                    Body!.Write(Chunks);
                Chunks.Clear();
                files.Seal(Body!, id);
            }).ConfigureAwait(false);
    }

    /// <summary>Hands the chunks over; the draft no longer frees them.</summary>
    public ContentChunks TakeChunks()
    {
        var chunks = Chunks;
        _chunks = null;
        return chunks;
    }

    /// <summary>The body file belongs to a stored message now.</summary>
    public void KeepBody() => Body = null;

    public override async ValueTask DisposeAsync()
    {
        var body = Body;
        Body = null;
        _chunks?.Release();
        _chunks = null;
        Failure ??= AppendResult.Failed;
        if (body is null)
            return;
        try
        {
            await offload(() =>
            {
                body.Close();
                files.DeletePath(body.Path);
            }).ConfigureAwait(false);
        }
        catch (DiskException)
        {
            // An orphan: the next start sweeps it.
        }
    }

    private Task WriteOutAsync() => GuardAsync(() =>
    {
        Body ??= files.Create();
        Body.Write(Chunks);
        Chunks.Clear();
    });

    private async Task GuardAsync(Action work)
    {
        try
        {
            await offload(work).ConfigureAwait(false);
        }
        catch (DiskException e)
        {
            Failure = e.Error == DiskError.NoSpace ? AppendResult.OutOfSpace : AppendResult.Failed;
            Chunks.Clear();
        }
    }

    private bool TryAddChunk(int atLeast)
    {
        // The declared size (RFC 1870) in one piece when it is small; else pieces that grow with the message.
        var left = declaredBytes is { } declared && declared > _length ? declared - _length : ChunkMin;
        var size = Math.Clamp(Math.Max(left, Chunks.Length), DeclaredMin, ChunkMax);
        var bytes = BodyMemory.PooledSize((int)Math.Max(size, atLeast));
        if (!memory.TryTake(bytes, use))
        {
            bytes = BodyMemory.PooledSize(Math.Max(atLeast, ChunkMin));
            if (!memory.TryTake(bytes, use))
                return false;
        }
        Chunks.AddCharged(BodyMemory.Rent(bytes), bytes);
        return true;
    }
}
