namespace Holdfast.Traffic.Health;

/// <summary>Counts distinct hashes up to three; 0 is no hash.</summary>
internal struct DistinctHashes
{
    private uint _first;
    private uint _second;

    public int Count { get; private set; }

    public void Add(uint hash)
    {
        if (hash == 0 || Count == 3 || (Count > 0 && hash == _first) || (Count > 1 && hash == _second))
            return;
        if (Count == 0)
            _first = hash;
        else if (Count == 1)
            _second = hash;
        Count++;
    }
}
