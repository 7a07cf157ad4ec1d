using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Receive;

/// <summary>A message to a probe's address: its first 64 KiB are kept until it has come whole, the rest is dropped.
/// </summary>
internal sealed class ProbeDraft : MessageDraft
{
    public const int HeadMax = 64 * 1024;
    private byte[] _head = new byte[4 * 1024];
    private byte[] _scrap = [];
    private int _kept;
    private long _length;
    private bool _isScrap;

    public override long Length => _length;
    public ReadOnlySpan<byte> Head => _head.AsSpan(0, _kept);
    public override bool NeedsFlush => false;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var wanted = Math.Max(sizeHint, 512);
        _isScrap = _kept + wanted > HeadMax;
        if (_isScrap)
        {
            if (_scrap.Length < wanted)
                _scrap = new byte[wanted];
            return _scrap;
        }
        if (_head.Length - _kept < wanted)
            Array.Resize(ref _head, Math.Min(HeadMax, Math.Max(2 * _head.Length, _kept + wanted)));
        return _head.AsMemory(_kept);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        _length += count;
        if (!_isScrap)
            _kept += count;
    }

    public override ValueTask FlushAsync(CancellationToken abort) => default;
    public override ValueTask DisposeAsync() => default;
}
