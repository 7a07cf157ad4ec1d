using System.Diagnostics.Metrics;

namespace Holdfast.Evidence.Records;

/// <summary>Counts what a journal tells of itself; each journal gives its instruments' names.</summary>
public abstract class JournalMetrics : IJournalMetrics
{
    private long _bytes;
    private int _files;

    /// <summary>Records written.</summary>
    protected abstract Counter<long> Records { get; }
    /// <summary>Records lost, by <c>error.type</c>.</summary>
    protected abstract Counter<long> Lost { get; }
    protected long Bytes => Volatile.Read(ref _bytes);
    protected int Files => Volatile.Read(ref _files);

    public void Written(int records) => Records.Add(records);

    public void Dropped(long records, string why) =>
        Lost.Add(records, new KeyValuePair<string, object?>("error.type", why));

    public void Kept(long bytes, int files)
    {
        Volatile.Write(ref _bytes, bytes);
        Volatile.Write(ref _files, files);
    }
}
