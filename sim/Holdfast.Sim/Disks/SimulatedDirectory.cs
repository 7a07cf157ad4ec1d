namespace Holdfast.Sim.Disks;

/// <summary>A directory's entries: as running programs see them, and which changes a power cut could lose.</summary>
internal sealed class SimulatedDirectory
{
    private readonly SortedDictionary<string, SimulatedNode> _durable;
    private readonly List<Action<SortedDictionary<string, SimulatedNode>>> _unsynced = [];

    public SimulatedDirectory() : this(new SortedDictionary<string, SimulatedNode>(StringComparer.Ordinal))
    {
    }

    private SimulatedDirectory(SortedDictionary<string, SimulatedNode> entries)
    {
        Entries = entries;
        _durable = new SortedDictionary<string, SimulatedNode>(entries, StringComparer.Ordinal);
    }

    public SortedDictionary<string, SimulatedNode> Entries { get; }

    public void Create(string name, SimulatedNode node) => Change(entries => entries[name] = node);

    public void Delete(string name) => Change(entries => entries.Remove(name));

    public void Rename(string from, string to) => Change(entries =>
    {
        var node = entries[from];
        entries.Remove(from);
        entries[to] = node;
    });

    public void Sync()
    {
        foreach (var change in _unsynced) change(_durable);
        _unsynced.Clear();
    }

    public SimulatedDirectory Cut(Random random, Func<SimulatedNode, SimulatedNode> cut)
    {
        var entries = new SortedDictionary<string, SimulatedNode>(_durable, StringComparer.Ordinal);
        var kept = random.Next(_unsynced.Count + 1);
        for (var i = 0; i < kept; i++) _unsynced[i](entries);

        var after = new SortedDictionary<string, SimulatedNode>(StringComparer.Ordinal);
        foreach (var (name, node) in entries) after[name] = cut(node);
        return new SimulatedDirectory(after);
    }

    private void Change(Action<SortedDictionary<string, SimulatedNode>> change)
    {
        change(Entries);
        _unsynced.Add(change);
    }
}
