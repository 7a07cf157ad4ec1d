namespace Holdfast.Mail.Spool;

/// <summary>Content of lately received small messages, so that a delivery at once needs no read. Oldest goes first.
/// </summary>
/// <remarks>Holds at most an eighth of the body memory, envelopes included: beyond the second or two that a delivery
/// takes it serves nobody. Thread-safe.</remarks>
internal sealed class RecentContent(Func<long> limit)
{
    private const int Share = 8;
    /// <summary>What an entry's envelope and bookkeeping take, about.</summary>
    private const int EntryBytes = 1024;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, LinkedListNode<Entry>> _bySlot = [];
    private readonly LinkedList<Entry> _order = [];
    private long _bytes;

    public long Bytes => Volatile.Read(ref _bytes);

    private readonly record struct Entry(SpoolHandle Handle, Envelope Envelope, ContentChunks Content, long Bytes);

    /// <summary>Takes over the caller's reference to the content.</summary>
    public void Add(SpoolHandle handle, Envelope envelope, ContentChunks content)
    {
        var max = limit() / Share;
        lock (_gate)
        {
            var node = _order.AddLast(new Entry(handle, envelope, content, content.ChargedBytes + EntryBytes));
            if (_bySlot.TryGetValue(handle.Slot, out var old))
                _order.Remove(old);
            _bySlot[handle.Slot] = node;
            _bytes += node.Value.Bytes - (old?.Value.Bytes ?? 0);
            content = old?.Value.Content!;
        }
        // Always outside the lock: giving memory back may call DropOldest.
        content?.Release();
        while (Volatile.Read(ref _bytes) > max && DropOldest())
        {
        }
    }

    /// <summary>The content with a reference for the caller, or null.</summary>
    public ContentChunks? Find(SpoolHandle handle)
    {
        lock (_gate)
            return _bySlot.TryGetValue(handle.Slot, out var node) && node.Value.Handle == handle
                && node.Value.Content.TryRetain() ? node.Value.Content : null;
    }

    public Envelope? FindEnvelope(SpoolHandle handle)
    {
        lock (_gate)
            return _bySlot.TryGetValue(handle.Slot, out var node) && node.Value.Handle == handle
                ? node.Value.Envelope : null;
    }

    public void Remove(SpoolHandle handle)
    {
        LinkedListNode<Entry>? node;
        lock (_gate)
        {
            if (!_bySlot.TryGetValue(handle.Slot, out node) || node.Value.Handle != handle)
                return;
            TakeOut(node);
        }
        node.Value.Content.Release();
    }

    public bool DropOldest()
    {
        LinkedListNode<Entry>? first;
        lock (_gate)
        {
            first = _order.First;
            if (first is null)
                return false;
            TakeOut(first);
        }
        first.Value.Content.Release();
        return true;
    }

    private void TakeOut(LinkedListNode<Entry> node)
    {
        _bySlot.Remove(node.Value.Handle.Slot);
        _order.Remove(node);
        _bytes -= node.Value.Bytes;
    }
}
