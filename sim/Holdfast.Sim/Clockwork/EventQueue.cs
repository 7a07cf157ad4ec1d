using System.Numerics;
using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Clockwork;

/// <summary>Something that happens at a time. What <see cref="A"/> and <see cref="B"/> mean, the kind says.</summary>
internal struct SimEvent
{
    public long Time;
    public int Kind;
    public int A;
    public int B;
    /// <summary>The queue's own: the next in its list.</summary>
    public int Next;
}

/// <summary>Events in the order of (time, sequence of being pushed): a hierarchical timing wheel.</summary>
/// <remarks>
/// Three wheels: 8 192 slots of 25.6 µs, 4 096 of 0.2 s and as many of 14 minutes; times are ticks of 100 ns, up to 40
/// days ahead. Push and pop touch one list each, whatever the number of events; a heap's logarithm of cache misses is
/// what it saves. A slot is as wide as holds a few dozen events of a simulation in a hurry: sorting is cheap then, and
/// there is enough of the future to fetch ahead.
/// The order needs no number beside the time: lists are emptied in the order in which they were filled, into slots that
/// nothing was pushed into before, and a slot is sorted stably when its turn comes.
/// </remarks>
internal sealed class EventQueue
{
    private const int Levels = 3;
    private const int Shift0 = 8;
    private const int Bits0 = 13;
    private const int Bits = 12;
    private const int InsertionMax = 32;
    public const long TimeMax = 1L << (Shift0 + Bits0 + 2 * Bits - 1);

    private readonly Wheel _near = new(0, Bits0);
    private readonly Wheel[] _wheels;
    private readonly int[] _counts = new int[1 << Shift0];
    private SimEvent[] _nodes = new SimEvent[1024];
    private int _free = -1;
    private int _fresh;
    /// <summary>The slot whose turn it is, sorted.</summary>
    private SimEvent[] _due = new SimEvent[64];
    private SimEvent[] _sorting = new SimEvent[64];
    private int _dueHead;
    private int _dueEnd;
    /// <summary>Number of the first wheel's slot whose turn it is, counted from time zero.</summary>
    private long _cursor;
    /// <summary>Up to here the due ones were told to who fetches ahead.</summary>
    private int _told;
    /// <summary>The next slot's node that was asked for last.</summary>
    private int _walked = -1;

    public EventQueue() => _wheels = [_near, new(Bits0, Bits), new(Bits0 + Bits, Bits)];

    /// <param name="shift">A slot's number in it is the first wheel's, without so many bits.</param>
    private sealed class Wheel(int shift, int bits)
    {
        public readonly int[] Heads = NewSlots(1 << bits);
        private readonly ulong[] _used = new ulong[1 << (bits - 6)];
        public readonly int Mask = (1 << bits) - 1;
        /// <summary>What is less than so many of the first wheel's slots apart fits.</summary>
        public readonly long Span = 1L << (shift + bits);

        public int At(long slot) => (int)(slot >> shift) & Mask;

        public long Cursor(long cursor, int at) => (((cursor >> shift) & ~(long)Mask) | (long)at) << shift;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Link(SimEvent[] nodes, int index, int at)
        {
            nodes[index].Next = Heads[at];
            Heads[at] = index;
            _used[at >> 6] |= 1UL << (at & 63);
        }

        /// <summary>The newest of a slot, which is empty then.</summary>
        public int Take(int at)
        {
            var head = Heads[at];
            Heads[at] = -1;
            _used[at >> 6] &= ~(1UL << (at & 63));
            return head;
        }

        /// <summary>The next slot that holds something, from this one on; −1: none.</summary>
        public int NextUsed(int from)
        {
            if (from > Mask)
                return -1;
            var word = from >> 6;
            var bits = _used[word] & (ulong.MaxValue << (from & 63));
            while (bits == 0)
            {
                if (++word == _used.Length)
                    return -1;
                bits = _used[word];
            }
            return (word << 6) + BitOperations.TrailingZeroCount(bits);
        }

        private static int[] NewSlots(int count)
        {
            var slots = new int[count];
            Array.Fill(slots, -1);
            return slots;
        }
    }

    public int Count { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
        node.Time = time;
        node.Kind = kind;
        node.A = a;
        node.B = b;
        Link(index, slot);
    }

    /// <summary>The next event; false when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

    /// <summary>An event that comes soon, each once, unless something is pushed before it: for those who fetch ahead.
    /// False when all that is known up to <paramref name="ahead"/> was told.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTell(int ahead, out SimEvent later)
    {
        if (_told < _dueHead)
            _told = _dueHead;
        if (_told >= Math.Min(_dueEnd, _dueHead + ahead))
        {
            later = default;
            return false;
        }
        later = _due[_told++];
        return true;
    }

    /// <summary>What comes next, unless something is pushed before it. False when it isn't known yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryPeek(out SimEvent next)
    {
        next = _dueHead < _dueEnd ? _due[_dueHead] : default;
        return _dueHead < _dueEnd;
    }

    /// <summary>An event of the slot that comes next, another at each call, for those who fetch ahead; its order says
    /// nothing. While the caller handles an event, the memory of the one after this comes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWalk(out SimEvent later)
    {
        if (_walked < 0)
        {
            later = default;
            return false;
        }
        later = _nodes[_walked];
        _walked = later.Next;
        if (_walked >= 0)
            NearMemory.Ask(ref _nodes[_walked]);
        return true;
    }

    private void Link(int index, long slot)
    {
        slot = Math.Min(slot, TimeMax >> Shift0);
        var apart = slot ^ _cursor;
        var wheel = apart < _near.Span ? _near : apart < _wheels[1].Span ? _wheels[1] : _wheels[2];
        wheel.Link(_nodes, index, wheel.At(slot));
    }

    /// <summary>Into the slot whose turn it is: after everything that is not later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Insert(long time, int kind, int a, int b)
    {
        if (_dueHead == _dueEnd)
            _dueHead = _dueEnd = _told = 0;
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
            var next = _near.NextUsed(_near.At(_cursor) + 1);
            if (next >= 0)
            {
                _cursor = _near.Cursor(_cursor, next);
                TakeSlot(next);
                return;
            }
            var level = 1;
            while ((next = _wheels[level].NextUsed(_wheels[level].At(_cursor) + 1)) < 0)
            {
                if (++level == Levels)
                    throw new InvalidOperationException("The event queue has lost events.");
            }
            _cursor = _wheels[level].Cursor(_cursor, next);
            Cascade(_wheels[level].Take(next));
            if (_dueHead != _dueEnd)
                return;
        }
    }

    /// <summary>Spreads a slot over the wheels below, in the order in which it was filled.</summary>
    private void Cascade(int newest)
    {
        var index = Reverse(newest);
        while (index >= 0)
        {
            ref var node = ref _nodes[index];
            var next = node.Next;
            if (next >= 0)
                NearMemory.Ask(ref _nodes[next]);
            var slot = node.Time >> Shift0;
            if (slot <= _cursor)
            {
                Insert(node.Time, node.Kind, node.A, node.B);
                node.Next = _free;
                _free = index;
            }
            else
            {
                Link(index, slot);
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

    private void TakeSlot(int at)
    {
        // Newest first in the list.
        var index = _near.Take(at);
        var n = 0;
        while (index >= 0)
        {
            if (n == _sorting.Length)
                Array.Resize(ref _sorting, n * 2);
            ref var node = ref _nodes[index];
            _sorting[n++] = node;
            var next = node.Next;
            node.Next = _free;
            _free = index;
            index = next;
        }
        if (_due.Length < n)
            _due = new SimEvent[_sorting.Length];
        _dueHead = _told = 0;
        _dueEnd = n;
        if (n <= InsertionMax)
            SortByInsertion();
        else
            SortByCounting();
        var then = _near.NextUsed(at + 1);
        _walked = then < 0 ? -1 : _near.Heads[then];
        if (_walked >= 0)
            NearMemory.Ask(ref _nodes[_walked]);
    }

    private void SortByInsertion()
    {
        for (int i = _dueEnd - 1, n = 0; i >= 0; i--, n++)
        {
            ref var moving = ref _sorting[i];
            var to = n;
            for (; to > 0 && _due[to - 1].Time > moving.Time; to--)
                _due[to] = _due[to - 1];
            _due[to] = moving;
        }
    }

    /// <summary>A slot has few ticks: count how many events each has, then put them in their places.</summary>
    private void SortByCounting()
    {
        const int Ticks = 1 << Shift0;
        Array.Clear(_counts);
        for (var i = 0; i < _dueEnd; i++)
            _counts[(int)_sorting[i].Time & (Ticks - 1)]++;
        var sum = 0;
        for (var i = 0; i < Ticks; i++)
        {
            var count = _counts[i];
            _counts[i] = sum;
            sum += count;
        }
        for (var i = _dueEnd - 1; i >= 0; i--)
            _due[_counts[(int)_sorting[i].Time & (Ticks - 1)]++] = _sorting[i];
    }
}
