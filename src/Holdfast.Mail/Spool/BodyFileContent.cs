using System.Buffers;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Content read from a body file; its checksum is known to fit before the last bytes are handed out.</summary>
internal sealed class BodyFileContent(IDiskFile file, long length, uint checksum, RecordLocation envelope,
    Offload offload, Func<string, ValueTask<bool>> setAside) : MessageContent
{
    private const int RereadBytes = 64 * 1024;
    private BodyChecksum _checksum = new();
    private long _at;

    public override long Length => length;

    public override bool TryGetAll(out ReadOnlySequence<byte> content)
    {
        content = default;
        return false;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        var wanted = (int)Math.Min(buffer.Length, length - _at);
        if (wanted == 0)
            return 0;
        var got = 0;
        await offload(() => got = file.Read(_at, buffer.Span[..wanted])).ConfigureAwait(false);
        if (got == 0)
            throw await DamagedAsync($"its body file ends at {_at} of {length} bytes").ConfigureAwait(false);
        _checksum.Add(buffer.Span[..got]);
        _at += got;
        if (_at == length && _checksum.Value != checksum)
            throw await DamagedAsync("its body file's checksum does not fit").ConfigureAwait(false);
        return got;
    }

    /// <summary>Found too late for the caller's transaction, which it must break off. The file is read once more before
    /// it is judged: what a disk or its cable garbled on the way may come whole the second time.</summary>
    private async ValueTask<RecordDamagedException> DamagedAsync(string what)
    {
        var isGood = false;
        await offload(() => isGood = IsGood()).ConfigureAwait(false);
        if (!isGood)
            await setAside(what).ConfigureAwait(false);
        return new RecordDamagedException(envelope, isGood ? what + " at first, and does now" : what);
    }

    private bool IsGood()
    {
        var sum = new BodyChecksum();
        var buffer = ArrayPool<byte>.Shared.Rent(RereadBytes);
        try
        {
            long at = 0;
            for (int got; at < length; at += got)
            {
                got = file.Read(at, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at)));
                if (got == 0)
                    return false;
                sum.Add(buffer.AsSpan(0, got));
            }
            return sum.Value == checksum;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override ValueTask DisposeAsync()
    {
        file.Dispose();
        return default;
    }
}
