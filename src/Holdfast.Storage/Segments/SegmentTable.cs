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

    public Segment[] InOrder()
    {
        var all = _segments.Values.ToArray();
        Array.Sort(all, static (a, b) => a.Number.CompareTo(b.Number));
        return all;
    }
}
