using System.Runtime.CompilerServices;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>All entries of the schedule in chunked arrays, and from a spool slot to its message's entries.</summary>
/// <remarks>Not thread-safe: the scheduler's lock guards it. Chunks are never moved, so growing copies nothing.
/// The spool may hand a slot to a new message before the session of the ended one has told us so: then both have
/// entries for a moment, and the older one's chain is kept aside under its generation.</remarks>
internal sealed class ScheduleTable
{
    private const int ChunkBits = 12;
    private const int ChunkSize = 1 << ChunkBits;
    private readonly List<ScheduleEntry[]> _chunks = [];
    private readonly List<int[]> _heads = [];
    private readonly Dictionary<SpoolHandle, int> _displaced = [];
    private int _free = -1;
    private int _used;

    /// <summary>Entries in use.</summary>
    public int Count { get; private set; }

    /// <summary>Indexes below this may be in use; for sweeps.</summary>
    public int HighMark => _used;

    public ref ScheduleEntry this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _chunks[index >> ChunkBits][index & (ChunkSize - 1)];
    }

    /// <summary>Takes an unused entry and puts it at the end of its message's chain.</summary>
    public int Add(int slot, uint generation)
    {
        int index;
        if (_free >= 0)
        {
            index = _free;
            _free = this[index].Next;
        }
        else
        {
            if (_used == _chunks.Count << ChunkBits)
                _chunks.Add(new ScheduleEntry[ChunkSize]);
            index = _used++;
        }
        Count++;
        ref var entry = ref this[index];
        entry = new ScheduleEntry
        {
            Slot = slot, Generation = generation, NextOfMessage = -1, Next = -1, Previous = -1, Avoid = -1, Prefer = -1,
            Route = -1, State = EntryState.Unrouted,
        };
        var handle = new SpoolHandle(slot, generation);
        var head = HeadOf(handle);
        if (head < 0)
        {
            var other = NewestOf(slot);
            if (other >= 0)
                _displaced[new SpoolHandle(slot, this[other].Generation)] = other;
            SetNewest(slot, index);
            return index;
        }
        while (this[head].NextOfMessage >= 0)
            head = this[head].NextOfMessage;
        this[head].NextOfMessage = index;
        return index;
    }

    /// <summary>Frees an entry that is in no queue. The claim mark moves to the message's next entry.</summary>
    public void Remove(int index)
    {
        ref var entry = ref this[index];
        var handle = new SpoolHandle(entry.Slot, entry.Generation);
        var head = HeadOf(handle);
        if (head == index)
        {
            if (NewestOf(entry.Slot) == index)
                SetNewest(entry.Slot, entry.NextOfMessage);
            else if (entry.NextOfMessage >= 0)
                _displaced[handle] = entry.NextOfMessage;
            else
                _displaced.Remove(handle);
            if (entry.NextOfMessage >= 0)
                this[entry.NextOfMessage].Flags |= entry.Flags & EntryFlags.Claimed;
        }
        else
        {
            while (this[head].NextOfMessage != index)
                head = this[head].NextOfMessage;
            this[head].NextOfMessage = entry.NextOfMessage;
        }
        entry = new ScheduleEntry { Next = _free, Slot = -1 };
        _free = index;
        Count--;
    }

    /// <summary>First entry of the message, or -1 when it has none.</summary>
    public int HeadOf(SpoolHandle handle)
    {
        var newest = handle.Slot < 0 ? -1 : NewestOf(handle.Slot);
        if (newest >= 0 && this[newest].Generation == handle.Generation)
            return newest;
        return _displaced.Count > 0 && _displaced.TryGetValue(handle, out var older) ? older : -1;
    }

    /// <summary>First entry of the message that the entry belongs to.</summary>
    public int HeadOf(in ScheduleEntry entry) => HeadOf(new SpoolHandle(entry.Slot, entry.Generation));

    /// <summary>First entry of the message that came to the slot last, or -1.</summary>
    private int NewestOf(int slot)
    {
        var chunk = slot >> ChunkBits;
        return chunk < _heads.Count ? _heads[chunk][slot & (ChunkSize - 1)] - 1 : -1;
    }

    private void SetNewest(int slot, int index)
    {
        var chunk = slot >> ChunkBits;
        while (_heads.Count <= chunk)
            _heads.Add(new int[ChunkSize]);
        // One is added, so that a new chunk's zeroes mean "none".
        _heads[chunk][slot & (ChunkSize - 1)] = index + 1;
    }
}
