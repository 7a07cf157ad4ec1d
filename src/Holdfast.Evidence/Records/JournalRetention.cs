using Holdfast.Storage.Disk;

namespace Holdfast.Evidence.Records;

/// <summary>How much of a journal is kept.</summary>
/// <param name="For">What is older goes.</param>
/// <param name="Bytes">Most bytes that its files may take.</param>
public readonly record struct JournalKeep(TimeSpan For, long Bytes)
{
    /// <summary>How long a record may stay in memory.</summary>
    public static TimeSpan FlushInterval { get; } = TimeSpan.FromMilliseconds(200);
}

/// <summary>Deletes the oldest closed files with their indexes, by age and by bytes.</summary>
/// <remarks>A file is as old as the one after it began, or as its closing, so no record goes before its time.</remarks>
internal sealed class JournalRetention(EvidenceFiles files)
{
    private readonly List<(string Name, long Bytes, DateTimeOffset End)> _closed = [];
    private bool _isLoaded;

    /// <summary>Of files and indexes.</summary>
    public long Bytes { get; private set; }
    public int Files => _closed.Count;

    /// <param name="name">Of a file that is closed.</param>
    /// <param name="bytes">With its index.</param>
    /// <param name="end">No record in it is later.</param>
    public void Add(string name, long bytes, DateTimeOffset end)
    {
        _closed.Add((name, bytes, end));
        Bytes += bytes;
    }

    /// <summary>The first call, when no file is open, takes what lies in the directory for closed.</summary>
    /// <param name="keep">How much is kept.</param>
    /// <param name="reserve">Bytes that the open file or the next may take, with its index.</param>
    /// <param name="now">Wall clock.</param>
    public void Apply(JournalKeep keep, long reserve, DateTimeOffset now)
    {
        if (!_isLoaded)
            Load(now);
        while (_closed.Count > 0 && (Bytes + reserve > keep.Bytes || _closed[0].End < now - keep.For))
        {
            var (name, bytes, _) = _closed[0];
            try
            {
                files.Delete(name);
            }
            catch (DiskException e) when (e.Error == DiskError.NotFound)
            {
                // Somebody else removed it.
            }
            _closed.RemoveAt(0);
            Bytes -= bytes;
        }
    }

    private void Load(DateTimeOffset now)
    {
        _closed.Clear();
        Bytes = 0;
        var names = files.List();
        for (var i = 0; i < names.Count; i++)
        {
            var end = i + 1 < names.Count && EvidenceFiles.TryReadName(names[i + 1], out var next) ? next : now;
            Add(names[i], files.BytesWithIndex(names[i]), end);
        }
        _isLoaded = true;
    }
}
