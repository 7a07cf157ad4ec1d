using Holdfast.Storage.Disk;

namespace Holdfast.Storage.Segments;

/// <summary>One segment file that exists, as the log knows it.</summary>
internal sealed class Segment(uint number, ulong generation, string path, long capacity) : IDisposable
{
    private readonly Lock _gate = new();
    private IDiskFile? _file;
    private bool _isDeleted;
    private long _writtenEnd = SegmentHeader.FirstRecordOffset;
    private long _syncedEnd = SegmentHeader.FirstRecordOffset;

    public uint Number => number;
    public ulong Generation => generation;
    public string Path => path;
    public long Capacity => capacity;
    /// <summary>Sequence number of the first record; 0 when not known.</summary>
    public ulong FirstSequence { get; set; }
    /// <summary>Where bytes of the file's earlier life may stand from; 0 when it began as zeroes.</summary>
    public uint StaleFrom { get; init; }
    /// <summary>Made by this process, so that its blocks are known to be there.</summary>
    public bool IsOurs { get; init; }
    public volatile bool IsClosed;
    public volatile bool IsPoisoned;

    /// <summary>End of the last batch that was written without error.</summary>
    public long WrittenEnd
    {
        get => Volatile.Read(ref _writtenEnd);
        set => Volatile.Write(ref _writtenEnd, value);
    }

    /// <summary>Up to here fdatasync has confirmed, without holes.</summary>
    public long SyncedEnd
    {
        get => Volatile.Read(ref _syncedEnd);
        set => Volatile.Write(ref _syncedEnd, value);
    }

    public SegmentEnd End => new(number, (uint)WrittenEnd, (uint)SyncedEnd, IsPoisoned);

    public void Attach(IDiskFile file) => _file = file;

    /// <summary>The open file; opened on first use and kept.</summary>
    public IDiskFile File(IDisk disk)
    {
        var file = Volatile.Read(ref _file);
        if (file is not null) return file;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDeleted, this);
            return _file ??= disk.Open(path, DiskOpenMode.OpenExisting);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDeleted = true;
            _file?.Dispose();
            _file = null;
        }
    }
}
