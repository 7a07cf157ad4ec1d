using System.Collections.Concurrent;

namespace Holdfast.Storage.Segments;

/// <summary>The segments that exist: read by many, changed by the writer and by deletion.</summary>
internal sealed class SegmentTable
{
    private readonly ConcurrentDictionary<uint, Segment> _segments = new();

    public void Add(Segment segment) => _segments[segment.Number] = segment;

    public Segment? Find(uint number) => _segments.GetValueOrDefault(number);

    public bool Remove(Segment segment) =>
        _segments.TryRemove(new KeyValuePair<uint, Segment>(segment.Number, segment));

    /// <summary>The highest number; 0 when there is none.</summary>
    public uint Newest
    {
        get
        {
            var newest = 0u;
            foreach (var (number, _) in _segments) newest = Math.Max(newest, number);
            return newest;
        }
    }

    public Segment[] InOrder()
    {
        var all = _segments.Values.ToArray();
        Array.Sort(all, static (a, b) => a.Number.CompareTo(b.Number));
        return all;
    }
}
