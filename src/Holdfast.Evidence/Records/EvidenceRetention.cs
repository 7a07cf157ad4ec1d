using Holdfast.Storage.Disk;

namespace Holdfast.Evidence.Records;

/// <summary>Deletes the oldest closed files, by age and by bytes.</summary>
/// <remarks>A file is as old as the one after it began, so no record goes before its time.</remarks>
internal sealed class EvidenceRetention(EvidenceFiles files)
{
    private readonly List<(string Name, long Bytes)> _closed = [];
    private bool _isLoaded;

    public long Bytes { get; private set; }
    public int Files => _closed.Count;

    public void Add(string name, long bytes)
    {
        _closed.Add((name, bytes));
        Bytes += bytes;
    }

    /// <summary>To be called when no file is open: what lies in the directory is closed.</summary>
    /// <param name="reserve">Bytes that the next file may take.</param>
    public void Apply(EvidenceOptions options, long reserve, DateTimeOffset now)
    {
        if (!_isLoaded)
        {
            foreach (var name in files.List())
                Add(name, files.Bytes(name));
            _isLoaded = true;
        }
        while (_closed.Count > 0 && (Bytes + reserve > options.KeepBytes || EndedBefore(now - options.KeepFor, now)))
        {
            var (name, bytes) = _closed[0];
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

    private bool EndedBefore(DateTimeOffset limit, DateTimeOffset now)
    {
        var end = _closed.Count == 1 ? now : EvidenceFiles.TryReadName(_closed[1].Name, out var at) ? at : now;
        return end < limit;
    }
}
