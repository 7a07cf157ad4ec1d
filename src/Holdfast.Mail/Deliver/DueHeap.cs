namespace Holdfast.Mail.Deliver;

/// <summary>Deferred entries of one route, the earliest due on top. An entry knows its place, so that any can be taken
/// out.</summary>
internal sealed class DueHeap(ScheduleTable table)
{
    private int[] _items = [];

    public int Count { get; private set; }

    public int Top => _items[0];

    public void Add(int index)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(16, _items.Length * 2));
        Up(Count++, index);
    }

    public void Remove(int index)
    {
        var at = table[index].Next;
        Invariant.Require(at >= 0 && at < Count && _items[at] == index, "a scheduled entry stands at its place");
        table[index].Next = -1;
        var last = _items[--Count];
        if (last == index)
            return;
        if (at > 0 && table[last].Due < table[_items[(at - 1) / 2]].Due)
            Up(at, last);
        else
            Down(at, last);
    }

    private void Up(int at, int index)
    {
        var due = table[index].Due;
        while (at > 0)
        {
            var parent = (at - 1) / 2;
            if (table[_items[parent]].Due <= due)
                break;
            Put(at, _items[parent]);
            at = parent;
        }
        Put(at, index);
    }

    private void Down(int at, int index)
    {
        var due = table[index].Due;
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && table[_items[child + 1]].Due < table[_items[child]].Due)
                child++;
            if (table[_items[child]].Due >= due)
                break;
            Put(at, _items[child]);
            at = child;
        }
        Put(at, index);
    }

    private void Put(int at, int index)
    {
        _items[at] = index;
        table[index].Next = at;
    }
}
