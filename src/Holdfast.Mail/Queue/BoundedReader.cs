namespace Holdfast.Mail.Queue;

/// <summary>Reads lines and blocks of a stream, never more than asked for.</summary>
internal sealed class BoundedReader(Stream source, int bufferBytes)
{
    private byte[] _buffer = new byte[bufferBytes];
    private int _start;
    private int _end;

    /// <summary>The next line without its LF; null when the stream ends first or the line is longer than allowed. Valid
    /// until the next read.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> LineAsync(int bytesMax, CancellationToken abort)
    {
        for (var seen = 0; ;)
        {
            var at = _buffer.AsSpan(_start + seen, _end - _start - seen).IndexOf((byte)'\n');
            if (at >= 0)
            {
                if (seen + at > bytesMax)
                    return null;
                var line = _buffer.AsMemory(_start, seen + at);
                _start += seen + at + 1;
                return line;
            }
            seen = _end - _start;
            if (seen > bytesMax || !await FillAsync(bytesMax, abort).ConfigureAwait(false))
                return null;
        }
    }

    /// <summary>The next bytes, at least one; empty at the end. Valid until the next read.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> SomeAsync(int bytesMax, CancellationToken abort)
    {
        if (_start == _end && !await FillAsync(bufferBytes, abort).ConfigureAwait(false))
            return default;
        var count = Math.Min(bytesMax, _end - _start);
        var some = _buffer.AsMemory(_start, count);
        _start += count;
        return some;
    }

    private async ValueTask<bool> FillAsync(int bytesMax, CancellationToken abort)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        // Grows by what really came, so a head that only claims to be long costs nothing.
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, (int)Math.Min(_buffer.Length * 2L, bytesMax + 2L));
        var read = await source.ReadAsync(_buffer.AsMemory(_end), abort).ConfigureAwait(false);
        _end += read;
        return read > 0;
    }
}
