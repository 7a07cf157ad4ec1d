using System.Numerics;
using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Clockwork;

/// <summary>Something that happens at a time. What <see cref="A"/> and <see cref="B"/> mean, the kind says.</summary>
internal struct SimEvent
{
    public long Time;
    public int Kind;
    public int A;
    public int B;
}

/// <summary>Events in the order of (time, sequence of being pushed): a hierarchical timing wheel.</summary>
/// <remarks>
/// Three wheels of 4 096 slots: 51.2 µs, 0.2 s and 14 minutes wide; times are ticks of 100 ns, up to 40 days ahead.
/// Push
/// and pop touch one list each, whatever the number of events; a heap's logarithm of cache misses is what it saves.
/// The order needs no number beside the time: lists are emptied in the order in which they were filled, into slots that
/// nothing was pushed into before, and a slot is sorted stably when its turn comes.
/// </remarks>
internal sealed class EventQueue
{
    private const int Bits = 12;
    private const int Slots = 1 << Bits;
    private const int Mask = Slots - 1;
    private const int Shift0 = 9;
    private const int Shift1 = Shift0 + Bits;
    private const int Shift2 = Shift1 + Bits;
    private const int InsertionMax = 24;
    public const long TimeMax = 1L << (Shift2 + Bits - 1);

    private struct Node
    {
        public SimEvent Event;
        public int Next;
    }

    private readonly int[][] _heads = [NewSlots(), NewSlots(), NewSlots()];
    private readonly ulong[][] _used = [new ulong[Slots / 64], new ulong[Slots / 64], new ulong[Slots / 64]];
    private readonly int[] _counts = new int[1 << Shift0];
    private Node[] _nodes = new Node[1024];
    private int _free = -1;
    private int _fresh;
    /// <summary>The slot whose turn it is, sorted.</summary>
    private SimEvent[] _due = new SimEvent[64];
    private SimEvent[] _sorting = new SimEvent[64];
    private int _dueHead;
    private int _dueEnd;
    /// <summary>Number of the first wheel's slot whose turn it is, counted from time zero.</summary>
    private long _cursor;
    /// <summary>The next slot's node that was asked for last.</summary>
    private int _walked = -1;

    public int Count { get; private set; }

    public void Push(long time, int kind, int a, int b = 0)
    {
        Count++;
        var slot = time >> Shift0;
        if (slot <= _cursor)
        {
            Insert(time, kind, a, b);
            return;
        }
        var index = _free;
        if (index >= 0)
        {
            _free = _nodes[index].Next;
        }
        else
        {
            index = _fresh++;
            if (index == _nodes.Length)
                Array.Resize(ref _nodes, index * 2);
        }
        ref var node = ref _nodes[index];
        node.Event.Time = time;
        node.Event.Kind = kind;
        node.Event.A = a;
        node.Event.B = b;
        Link(index);
    }

    /// <summary>The next event; false when there is none.</summary>
    public bool TryPop(out SimEvent next)
    {
        while (_dueHead == _dueEnd)
        {
            if (Count == 0)
            {
                next = default;
                return false;
            }
            Advance();
        }
        next = _due[_dueHead++];
        Count--;
        return true;
    }

    /// <summary>An event that comes soon, unless something is pushed before it: for those who fetch ahead. False when
    /// it isn't known yet.</summary>
    public bool TryPeek(int ahead, out SimEvent later)
    {
        var at = _dueHead + ahead;
        if (at >= _dueEnd)
        {
            later = default;
            return false;
        }
        later = _due[at];
        return true;
    }

    /// <summary>An event of the slot that comes next, another at each call, for those who fetch ahead; its order says
    /// nothing. While the caller handles an event, the memory of the one after this comes.</summary>
    public bool TryWalk(out SimEvent later)
    {
        if (_walked < 0)
        {
            later = default;
            return false;
        }
        ref var node = ref _nodes[_walked];
        later = node.Event;
        _walked = node.Next;
        if (_walked >= 0)
            NearMemory.Ask(ref _nodes[_walked]);
        return true;
    }

    private void Link(int index)
    {
        ref var node = ref _nodes[index];
        var slot = Math.Min(node.Event.Time, TimeMax) >> Shift0;
        var apart = slot ^ _cursor;
        var level = apart < Slots ? 0 : apart < 1L << (2 * Bits) ? 1 : 2;
        var at = (int)(slot >> (level * Bits)) & Mask;
        node.Next = _heads[level][at];
        _heads[level][at] = index;
        _used[level][at >> 6] |= 1UL << (at & 63);
    }

    /// <summary>Into the slot whose turn it is: after everything that is not later.</summary>
    private void Insert(long time, int kind, int a, int b)
    {
        if (_dueHead == _dueEnd)
            _dueHead = _dueEnd = 0;
        if (_dueEnd == _due.Length)
            Array.Resize(ref _due, _due.Length * 2);
        var at = _dueEnd++;
        while (at > _dueHead && _due[at - 1].Time > time)
        {
            _due[at] = _due[at - 1];
            at--;
        }
        ref var place = ref _due[at];
        place.Time = time;
        place.Kind = kind;
        place.A = a;
        place.B = b;
    }

    /// <summary>Goes to the next slot that holds something.</summary>
    private void Advance()
    {
        while (true)
        {
            var next = NextUsed(0, (int)(_cursor & Mask) + 1);
            if (next >= 0)
            {
                _cursor = (_cursor & ~(long)Mask) | (long)next;
                TakeSlot(next);
                return;
            }
            next = NextUsed(1, (int)((_cursor >> Bits) & Mask) + 1);
            if (next >= 0)
            {
                _cursor = (((_cursor >> (2 * Bits)) << Bits) | (long)next) << Bits;
                Cascade(1, next);
            }
            else
            {
                next = NextUsed(2, (int)((_cursor >> (2 * Bits)) & Mask) + 1);
                if (next < 0)
                    throw new InvalidOperationException("The event queue has lost events.");
                _cursor = (long)next << (2 * Bits);
                Cascade(2, next);
            }
            if (_dueHead != _dueEnd)
                return;
        }
    }

    /// <summary>Spreads a slot over the wheels below, in the order in which it was filled.</summary>
    private void Cascade(int level, int at)
    {
        var index = Reverse(TakeList(level, at));
        while (index >= 0)
        {
            var next = _nodes[index].Next;
            ref var node = ref _nodes[index];
            if (node.Event.Time >> Shift0 <= _cursor)
            {
                Insert(node.Event.Time, node.Event.Kind, node.Event.A, node.Event.B);
                node.Next = _free;
                _free = index;
            }
            else
            {
                Link(index);
            }
            index = next;
        }
    }

    private int Reverse(int index)
    {
        var head = -1;
        while (index >= 0)
        {
            var next = _nodes[index].Next;
            _nodes[index].Next = head;
            head = index;
            index = next;
        }
        return head;
    }

    private int TakeList(int level, int at)
    {
        var head = _heads[level][at];
        _heads[level][at] = -1;
        _used[level][at >> 6] &= ~(1UL << (at & 63));
        return head;
    }

    private void TakeSlot(int at)
    {
        var index = TakeList(0, at);
        // Newest first in the list: fill from the back.
        var n = 0;
        for (var i = index; i >= 0; i = _nodes[i].Next)
            n++;
        if (n > _due.Length)
        {
            Array.Resize(ref _due, (int)BitOperations.RoundUpToPowerOf2((uint)n));
            Array.Resize(ref _sorting, _due.Length);
        }
        _dueHead = 0;
        _dueEnd = n;
        while (index >= 0)
        {
            ref var node = ref _nodes[index];
            _due[--n] = node.Event;
            var next = node.Next;
            node.Next = _free;
            _free = index;
            index = next;
        }
        if (_dueEnd <= InsertionMax)
            SortByInsertion();
        else
            SortByCounting();
        var then = NextUsed(0, at + 1);
        _walked = then < 0 ? -1 : _heads[0][then];
        if (_walked >= 0)
            NearMemory.Ask(ref _nodes[_walked]);
    }

    private void SortByInsertion()
    {
        for (var i = 1; i < _dueEnd; i++)
        {
            if (_due[i].Time >= _due[i - 1].Time)
                continue;
            var moving = _due[i];
            var at = i;
            do
            {
                _due[at] = _due[at - 1];
                at--;
            }
            while (at > 0 && _due[at - 1].Time > moving.Time);
            _due[at] = moving;
        }
    }

    /// <summary>A slot has 512 ticks: count how many events each has, then put them in their places.</summary>
    private void SortByCounting()
    {
        const int Ticks = 1 << Shift0;
        if (_sorting.Length < _due.Length)
            _sorting = new SimEvent[_due.Length];
        Array.Clear(_counts);
        for (var i = 0; i < _dueEnd; i++)
            _counts[(int)_due[i].Time & (Ticks - 1)]++;
        var sum = 0;
        for (var i = 0; i < Ticks; i++)
        {
            var count = _counts[i];
            _counts[i] = sum;
            sum += count;
        }
        for (var i = 0; i < _dueEnd; i++)
            _sorting[_counts[(int)_due[i].Time & (Ticks - 1)]++] = _due[i];
        (_due, _sorting) = (_sorting, _due);
    }

    private int NextUsed(int level, int from)
    {
        if (from >= Slots)
            return -1;
        var used = _used[level];
        var word = from >> 6;
        var bits = used[word] & (ulong.MaxValue << (from & 63));
        while (bits == 0)
        {
            if (++word == used.Length)
                return -1;
            bits = used[word];
        }
        return (word << 6) + BitOperations.TrailingZeroCount(bits);
    }

    private static int[] NewSlots()
    {
        var slots = new int[Slots];
        Array.Fill(slots, -1);
        return slots;
    }
}
