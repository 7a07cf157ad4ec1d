using System.Numerics;

namespace Holdfast.Mail.Spool;

/// <summary>The waiting messages: rows in chunks that never move, and an open-addressing index by id.</summary>
/// <remarks>
/// 60 bytes a row and at most 8 in the index; an index that doubles holds both sizes for a moment. Freed slots are
/// reused, their generation rises, so an old handle finds nothing. Limit: 2³⁰ messages. Not thread-safe: MailSpool's
/// lock guards it.
/// </remarks>
internal sealed class SpoolTable
{
    private const int ChunkBits = 12;
    private const int ChunkRows = 1 << ChunkBits;
    private const int ChunkMask = ChunkRows - 1;
    private const int Empty = 0;

    private SpoolRow[][] _chunks = [];
    /// <summary>Slots ever used.</summary>
    private int _used;
    private int _firstFree = -1;
    /// <summary>Slot + 1, or 0 for none; linear probing, at most ¾ full, deletion by shifting back.</summary>
    private int[] _index = new int[1024];

    public int Count { get; private set; }
    public int SlotsUsed => _used;

    public ref SpoolRow this[int slot] => ref _chunks[slot >> ChunkBits][slot & ChunkMask];

    /// <summary>True when the handle's message still waits.</summary>
    public bool Has(SpoolHandle handle) =>
        (uint)handle.Slot < (uint)_used && this[handle.Slot] is { InUse: true } row
        && row.Generation == handle.Generation;

    public SpoolHandle HandleOf(int slot) => new(slot, this[slot].Generation);

    public bool TryFind(MessageId id, out int slot)
    {
        var mask = _index.Length - 1;
        for (var i = Hash(id) & mask; _index[i] != Empty; i = (i + 1) & mask)
        {
            slot = _index[i] - 1;
            ref var row = ref this[slot];
            if (row.IdLow == id.Low && row.IdHigh == id.High)
                return true;
        }
        slot = -1;
        return false;
    }

    /// <summary>Adds a row for an id that isn't there yet; the caller fills the rest in.</summary>
    public int Add(MessageId id)
    {
        if ((Count + 1) * 4L > _index.Length * 3L)
            GrowIndex();
        int slot;
        if (_firstFree >= 0)
        {
            slot = _firstFree;
            // A free row keeps the next free slot where a used one keeps its offset.
            _firstFree = (int)this[slot].Offset - 1;
        }
        else
        {
            slot = _used++;
            if (slot >> ChunkBits == _chunks.Length)
                Array.Resize(ref _chunks, Math.Max(4, _chunks.Length * 2));
            _chunks[slot >> ChunkBits] ??= new SpoolRow[ChunkRows];
        }
        ref var row = ref this[slot];
        row = new SpoolRow { Generation = row.Generation + 1, Flags = SpoolRowFlags.InUse, Id = id };
        var mask = _index.Length - 1;
        var i = Hash(id) & mask;
        while (_index[i] != Empty)
            i = (i + 1) & mask;
        _index[i] = slot + 1;
        Count++;
        return slot;
    }

    public void Remove(int slot)
    {
        ref var row = ref this[slot];
        RemoveFromIndex(row.Id, slot);
        row = new SpoolRow { Generation = row.Generation + 1, Offset = (uint)(_firstFree + 1) };
        _firstFree = slot;
        Count--;
    }

    private void RemoveFromIndex(MessageId id, int slot)
    {
        var mask = _index.Length - 1;
        var hole = Hash(id) & mask;
        while (_index[hole] != slot + 1)
            hole = (hole + 1) & mask;
        // Shift back what would no longer be found over the hole.
        for (var i = (hole + 1) & mask; _index[i] != Empty; i = (i + 1) & mask)
        {
            var home = Hash(this[_index[i] - 1].Id) & mask;
            if (((i - home) & mask) < ((i - hole) & mask))
                continue;
            _index[hole] = _index[i];
            hole = i;
        }
        _index[hole] = Empty;
    }

    private void GrowIndex()
    {
        var old = _index;
        _index = new int[old.Length * 2];
        var mask = _index.Length - 1;
        foreach (var entry in old)
        {
            if (entry == Empty)
                continue;
            var i = Hash(this[entry - 1].Id) & mask;
            while (_index[i] != Empty)
                i = (i + 1) & mask;
            _index[i] = entry;
        }
    }

    /// <summary>Ids come from our own clock and sequence: spread them, nothing hostile chooses them.</summary>
    private static int Hash(MessageId id)
    {
        var h = (id.Low ^ BitOperations.RotateLeft(id.High, 32)) * 0x9E37_79B9_7F4A_7C15;
        return (int)(h >> 32);
    }
}
