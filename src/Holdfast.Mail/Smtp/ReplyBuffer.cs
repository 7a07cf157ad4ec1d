using System.Buffers;

namespace Holdfast.Mail.Smtp;

/// <summary>A server's octets as they come in, and the replies that they make.</summary>
/// <remarks>Bounded: <see cref="ReplyScanner"/> refuses a reply beyond its bound before the buffer grows further. A
/// reply seen before costs no new object: most are the same for every message. One owner.</remarks>
internal sealed class ReplyBuffer : IDisposable
{
    private const int StartBytes = 4 * 1024;

    private readonly (byte[]? Bytes, SmtpReply? Reply)[] _known = new (byte[]?, SmtpReply?)[4];
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(StartBytes);
    private int _start;
    private int _end;
    private int _knownNext;

    /// <summary>True while it holds octets that no reply took.</summary>
    public bool HasUnread => _end > _start;

    /// <summary>Where the next octets go; never empty.</summary>
    public Memory<byte> Room()
    {
        if (_start == _end)
            _start = _end = 0;
        else if (_end == _bytes.Length)
            MakeRoom();
        return _bytes.AsMemory(_end);
    }

    public void Filled(int count) => _end += count;

    /// <summary>Takes the next reply out, if it is there whole.</summary>
    public ReplyScan TryTake(out SmtpReply? reply)
    {
        reply = null;
        if (!HasUnread)
            return ReplyScan.NeedsMore;
        var scan = ReplyScanner.Scan(_bytes.AsSpan(_start, _end - _start), out var code, out var length);
        if (scan != ReplyScan.Complete)
            return scan;
        reply = Known(_bytes.AsSpan(_start, length), code);
        _start += length;
        return scan;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _start = _end = 0;
    }

    private SmtpReply Known(ReadOnlySpan<byte> bytes, int code)
    {
        foreach (ref var known in _known.AsSpan())
        {
            if (known.Bytes is { } same && bytes.SequenceEqual(same))
                return known.Reply!;
        }
        var reply = ReplyScanner.Read(bytes, code);
        if (reply.IsPositive || reply.IsIntermediate)
        {
            _known[_knownNext] = (bytes.ToArray(), reply);
            _knownNext = (_knownNext + 1) % _known.Length;
        }
        return reply;
    }

    private void MakeRoom()
    {
        var length = _end - _start;
        if (_start > 0)
        {
            _bytes.AsSpan(_start, length).CopyTo(_bytes);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(_bytes.Length * 2);
            _bytes.AsSpan(0, length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        (_start, _end) = (0, length);
    }
}
