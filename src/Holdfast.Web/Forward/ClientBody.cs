namespace Holdfast.Web.Forward;

/// <summary>A request's body on its way from the client: says how long we waited for the client, and whether it failed,
/// so that no target is blamed for either. Changes nothing.</summary>
internal sealed class ClientBody(Stream inner, TimeProvider time) : Stream
{
    /// <summary>What is shorter is no wait.</summary>
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(100);
    /// <summary>So much of it is read before a place is asked for, or so long.</summary>
    internal const int BeginBytes = 16 << 10;
    private static readonly TimeSpan s_beginMost = TimeSpan.FromMilliseconds(250);
    private readonly long _beganAt = time.GetTimestamp();
    private long _waited;
    /// <summary>Timestamp; 0: nobody waits now.</summary>
    private long _waitsSince;
    private volatile bool _hasFailed;
    private volatile bool _hasEnded;
    private byte[] _begin = [];
    private int _beginAt;
    private int _beginEnd;
    private Task<int>? _pending;

    /// <summary>The body couldn't be read: broken off, no body, too long or too slow.</summary>
    public bool HasFailed => _hasFailed;
    public bool HasEnded => _hasEnded;

    /// <summary>For most of the time it was the client that was waited for.</summary>
    public bool IsSlow
    {
        get
        {
            var waited = Volatile.Read(ref _waited);
            if (Volatile.Read(ref _waitsSince) is > 0 and var since)
                waited += time.GetTimestamp() - since;
            var wait = time.GetElapsedTime(0, waited);
            return wait >= s_least && wait >= time.GetElapsedTime(_beganAt) / 2;
        }
    }

    /// <summary>Reads its beginning, for a moment at most: afterwards it is known whether the client is slow. A read
    /// that is under way then goes on.</summary>
    public async ValueTask BeginAsync(CancellationToken left)
    {
        _begin = new byte[BeginBytes];
        var over = (Task?)null;
        while (_beginEnd < _begin.Length && !_hasEnded)
        {
            var pending = ReadInnerAsync(_begin.AsMemory(_beginEnd), left).AsTask();
            if (!pending.IsCompleted)
            {
                over ??= Task.Delay(s_beginMost, time, left);
                if (await Task.WhenAny(pending, over).ConfigureAwait(false) != pending)
                {
                    _pending = pending;
                    return;
                }
            }
            _beginEnd += await pending.ConfigureAwait(false);
        }
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _pending is null && _beginAt == _beginEnd ? ReadInnerAsync(buffer, cancellationToken)
            : ReadBeginAsync(buffer, cancellationToken);

    private async ValueTask<int> ReadBeginAsync(Memory<byte> buffer, CancellationToken abort)
    {
        if (_beginAt == _beginEnd && _pending is { } pending)
        {
            var more = await pending.WaitAsync(abort).ConfigureAwait(false);
            (_pending, _beginEnd) = (null, _beginEnd + more);
        }
        var given = Math.Min(buffer.Length, _beginEnd - _beginAt);
        _begin.AsSpan(_beginAt, given).CopyTo(buffer.Span);
        _beginAt += given;
        return given;
    }

    private async ValueTask<int> ReadInnerAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        Volatile.Write(ref _waitsSince, since);
        try
        {
            var read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            _hasEnded |= read == 0 && buffer.Length > 0;
            return read;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _hasFailed = true;
            throw;
        }
        finally
        {
            Volatile.Write(ref _waited, Volatile.Read(ref _waited) + time.GetTimestamp() - since);
            Volatile.Write(ref _waitsSince, 0);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
