namespace Holdfast.Sim.Disks;

/// <summary>One file's bytes: as running programs see them, and what a power cut would leave of them.</summary>
internal sealed class SimulatedNode
{
    public const int SectorBytes = 512;

    private readonly List<Change> _unsynced = [];
    private byte[] _bytes;
    private byte[] _durable;
    private int _durableLength;

    public SimulatedNode(byte[]? content = null)
    {
        _bytes = content ?? [];
        _durable = (byte[])_bytes.Clone();
        Length = _durableLength = _bytes.Length;
    }

    public int Length { get; private set; }
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public int Read(long offset, Span<byte> to)
    {
        if (offset >= Length) return 0;
        var n = (int)Math.Min(to.Length, Length - offset);
        _bytes.AsSpan((int)offset, n).CopyTo(to);
        return n;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return;
        Grow((int)offset + data.Length);
        data.CopyTo(_bytes.AsSpan((int)offset));
        _unsynced.Add(new Change((int)offset, data.ToArray(), 0));
    }

    public void SetLength(long length)
    {
        if (length > Length)
        {
            Grow((int)length);
        }
        else
        {
            _bytes.AsSpan((int)length, Length - (int)length).Clear();
            Length = (int)length;
        }
        _unsynced.Add(new Change(0, null, (int)length));
    }

    public void Sync()
    {
        foreach (var change in _unsynced) Apply(change, ref _durable, ref _durableLength);
        _unsynced.Clear();
    }

    /// <summary>After a failed sync the kernel may count pages as clean that never reached the disk: whatever was
    /// unsynced will not be written by a later sync either.</summary>
    public void LoseUnsynced() => _unsynced.Clear();

    /// <summary>The bytes after a power cut: each unsynced sector may have reached the disk or not.</summary>
    public SimulatedNode Cut(Random random, bool tearsInsideSectors)
    {
        var bytes = (byte[])_durable.Clone();
        var length = _durableLength;
        // Most real cuts lose everything or nothing of what was under way; the mixed ones are the mean ones.
        var mode = random.Next(4);
        foreach (var change in _unsynced)
        {
            if (mode == 0) break;
            if (change.Data is null)
            {
                if (mode == 1 || random.Next(2) == 0) Apply(change, ref bytes, ref length);
                continue;
            }
            for (var at = 0; at < change.Data.Length;)
            {
                var sectorEnd = ((change.Offset + at) / SectorBytes + 1) * SectorBytes;
                var n = Math.Min(change.Data.Length - at, sectorEnd - change.Offset - at);
                if (mode == 1 || random.Next(2) == 0)
                {
                    var kept = tearsInsideSectors && random.Next(4) == 0 ? random.Next(n + 1) : n;
                    Apply(new Change(change.Offset + at, change.Data.AsSpan(at, kept).ToArray(), 0), ref bytes,
                        ref length);
                }
                at += n;
            }
        }
        return new SimulatedNode(bytes.AsSpan(0, length).ToArray());
    }

    /// <summary>Flips one bit where it counts at once: the disk went bad, no program did it.</summary>
    public void Flip(int offset, int bit)
    {
        _bytes[offset] ^= (byte)(1 << bit);
        if (offset < _durableLength) _durable[offset] ^= (byte)(1 << bit);
    }

    private void Grow(int length)
    {
        if (length > _bytes.Length) Array.Resize(ref _bytes, Math.Max(length, _bytes.Length * 2));
        Length = Math.Max(Length, length);
    }

    private static void Apply(Change change, ref byte[] bytes, ref int length)
    {
        if (change.Data is null)
        {
            if (change.Length > bytes.Length) Array.Resize(ref bytes, change.Length);
            if (change.Length < length) bytes.AsSpan(change.Length, length - change.Length).Clear();
            length = change.Length;
            return;
        }
        var end = change.Offset + change.Data.Length;
        if (end > bytes.Length) Array.Resize(ref bytes, Math.Max(end, bytes.Length * 2));
        change.Data.CopyTo(bytes, change.Offset);
        length = Math.Max(length, end);
    }

    /// <summary>A write, or (Data null) a change of length.</summary>
    private readonly record struct Change(int Offset, byte[]? Data, int Length);
}
