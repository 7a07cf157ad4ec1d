namespace Holdfast.Mail.Route;

/// <summary>The last good answer for each name, bounded; the least recently used goes first. Thread-safe.</summary>
/// <remarks>An answer that is due again is kept until a better one comes: while DNS fails, mail goes on flowing to
/// where it went last.</remarks>
internal sealed class LastAnswers<T>(int entriesMax) where T : class
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly LinkedList<Entry> _recent = new();

    /// <param name="DueAt">Monotonic time from which it should be asked for again.</param>
    /// <param name="AnsweredAt">Monotonic time of the answer.</param>
    internal sealed record Entry(string Name, T Answer, TimeSpan AnsweredAt, TimeSpan DueAt);

    public int Count
    {
        get
        {
            lock (_gate)
                return _byName.Count;
        }
    }

    public Entry? Find(string name)
    {
        lock (_gate)
        {
            if (!_byName.TryGetValue(name, out var node))
                return null;
            _recent.Remove(node);
            _recent.AddFirst(node);
            return node.Value;
        }
    }

    public void Set(Entry entry)
    {
        lock (_gate)
        {
            if (_byName.Remove(entry.Name, out var old))
                _recent.Remove(old);
            _byName[entry.Name] = _recent.AddFirst(entry);
            while (_byName.Count > Math.Max(1, entriesMax))
            {
                var last = _recent.Last!;
                _recent.RemoveLast();
                _byName.Remove(last.Value.Name);
            }
        }
    }

    /// <summary>Names due at or before now, for a refresh in the background.</summary>
    public List<string> DueNames(TimeSpan now, int namesMax)
    {
        lock (_gate)
            return [.. _recent.Where(e => e.DueAt <= now).Select(e => e.Name).Take(namesMax)];
    }
}
