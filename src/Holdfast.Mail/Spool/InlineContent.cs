using System.Buffers;

namespace Holdfast.Mail.Spool;

/// <summary>Content that is in memory, verified when it was read or received.</summary>
internal sealed class InlineContent(ContentChunks chunks) : MessageContent
{
    private ContentChunks? _chunks = chunks;
    private ReadOnlySequence<byte> _rest = chunks.AsSequence();

    public override long Length { get; } = chunks.Length;

    public override bool TryGetAll(out ReadOnlySequence<byte> content)
    {
        ObjectDisposedException.ThrowIf(_chunks is null, this);
        content = _chunks.AsSequence();
        return true;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort)
    {
        ObjectDisposedException.ThrowIf(_chunks is null, this);
        var count = (int)Math.Min(buffer.Length, _rest.Length);
        _rest.Slice(0, count).CopyTo(buffer.Span);
        _rest = _rest.Slice(count);
        return new ValueTask<int>(count);
    }

    public override ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _chunks, null)?.Release();
        _rest = default;
        return default;
    }
}
