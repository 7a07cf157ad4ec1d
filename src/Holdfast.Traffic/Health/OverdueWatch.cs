using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Health;

/// <summary>What is under way: a record a placement, and a wheel that tells which questions stand unanswered too long.
/// </summary>
/// <remarks>
/// Guards against black holes, which answer nothing that could be counted: what is outstanding longer than
/// max(p99.5 of the baseline, the caller's allowance, 1 s) lowers the target's limit. It counts as failed
/// as soon as that is also three times the slowest of the last seconds (10 s at most), where nothing else asked since
/// was answered; where answers still come the target is full, not gone.
/// Records live in one array that grows by doubling; a ticket carries a generation, so that giving one back twice or
/// late does nothing. One slot of the wheel is a control tick of 100 ms; what is due beyond its end goes round.
/// Known to do badly: more than a million at once (placements then carry no ticket and are never overdue).
/// </remarks>
internal sealed class OverdueWatch
{
    public const double TickSeconds = 0.1;
    private const int IndexBits = 20;
    private const int IndexMask = (1 << IndexBits) - 1;
    private const int GenerationMask = (1 << (30 - IndexBits)) - 1;
    private const int Slots = 1024;
    private Record[] _records = new Record[64];
    private readonly int[] _wheel = new int[Slots];
    private int _free = -1;
    private int _used;
    private long _tick;

    public OverdueWatch() => Array.Fill(_wheel, -1);

    internal struct Record
    {
        public int Target;
        public OperationClass Operation;
        public AttemptPhase Phase;
        public bool IsHeld;
        /// <summary>It counts as failed already.</summary>
        public bool IsOverdue;
        public bool IsExpected;
        public int Generation;
        public int Next;
        public int Previous;
        public int Slot;
        public double TakenAt;
        /// <summary>Its number among the target's placements.</summary>
        public uint Number;
        public double DueAt;
        public double Span;
    }

    /// <summary>Takes a record; -1 when there are too many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Take(TargetId target, OperationClass operation, uint number, double now)
    {
        var index = _free;
        if (index >= 0)
        {
            _free = _records[index].Next;
        }
        else
        {
            if (_used == _records.Length)
            {
                if (_used > IndexMask)
                    return -1;
                Array.Resize(ref _records, _used * 2);
            }
            index = _used++;
        }
        ref var record = ref _records[index];
        record.Target = target.Value;
        record.Operation = operation;
        record.IsHeld = true;
        record.TakenAt = now;
        record.Number = number;
        record.IsOverdue = record.IsExpected = false;
        return (record.Generation << IndexBits) | index;
    }

    /// <summary>False: the ticket is none, or was given back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsHeld(int ticket)
    {
        var index = ticket & IndexMask;
        return ticket >= 0 && index < _used && _records[index].IsHeld
            && _records[index].Generation == ticket >> IndexBits;
    }

    public ref Record this[int ticket] => ref _records[ticket & IndexMask];

    public void Fetch(int ticket)
    {
        if (ticket >= 0 && (ticket & IndexMask) < _records.Length)
            NearMemory.AskAll(ref _records[ticket & IndexMask]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void GiveBack(int ticket)
    {
        var index = ticket & IndexMask;
        ref var record = ref _records[index];
        Unlink(ref record);
        record.IsHeld = false;
        record.Generation = (record.Generation + 1) & GenerationMask;
        record.Next = _free;
        _free = index;
    }

    /// <summary>Waits for an answer from now on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Expect(int ticket, AttemptPhase phase, double span, double now)
    {
        var index = ticket & IndexMask;
        ref var record = ref _records[index];
        Unlink(ref record);
        record.Phase = phase;
        record.IsOverdue = false;
        record.Span = span;
        record.DueAt = now + span;
        Link(index, now);
    }

    /// <summary>An answer came. Returns true when it counted as failed already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Answer(int ticket)
    {
        ref var record = ref _records[ticket & IndexMask];
        Unlink(ref record);
        var was = record.IsOverdue;
        record.IsOverdue = false;
        return was;
    }

    /// <summary>Moves the wheel on and gives what is due to the engine.</summary>
    /// <param name="isVoid">Our own pause: what is due gets its whole time again.</param>
    public void Tick<TSink>(double now, bool isVoid, ref TSink sink)
        where TSink : struct, IOverdueSink
    {
        var end = (long)(now / TickSeconds);
        if (end - _tick > Slots)
            _tick = end - Slots;
        while (_tick < end)
        {
            var slot = (int)(++_tick % Slots);
            var index = _wheel[slot];
            _wheel[slot] = -1;
            while (index >= 0)
            {
                ref var record = ref _records[index];
                var next = record.Next;
                record.IsExpected = false;
                if (record.DueAt > now || isVoid)
                {
                    if (isVoid)
                        record.DueAt = now + record.Span;
                    Link(index, now);
                }
                else
                {
                    var more = sink.Overdue(record.Target, record.Operation, record.Phase,
                        record.DueAt - record.Span);
                    record.IsOverdue = more == 0;
                    if (more > 0)
                    {
                        record.Span += now + more - record.DueAt;
                        record.DueAt = now + more;
                        Link(index, now);
                    }
                }
                index = next;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(int index, double now)
    {
        ref var record = ref _records[index];
        var tick = Math.Max(_tick + 1, (long)(record.DueAt / TickSeconds) + 1);
        record.Slot = (int)(Math.Min(tick, Math.Max(_tick, (long)(now / TickSeconds)) + Slots - 1) % Slots);
        record.Previous = -1;
        record.Next = _wheel[record.Slot];
        if (record.Next >= 0)
            _records[record.Next].Previous = index;
        _wheel[record.Slot] = index;
        record.IsExpected = true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Unlink(ref Record record)
    {
        if (!record.IsExpected)
            return;
        record.IsExpected = false;
        if (record.Previous >= 0)
            _records[record.Previous].Next = record.Next;
        else
            _wheel[record.Slot] = record.Next;
        if (record.Next >= 0)
            _records[record.Next].Previous = record.Previous;
    }
}

/// <summary>Takes what is overdue; a struct, so that a tick costs no delegate.</summary>
internal interface IOverdueSink
{
    /// <summary>Returns after how many seconds to ask again; 0: it counts as failed; negative: it doesn't and won't.
    /// </summary>
    double Overdue(int target, OperationClass operation, AttemptPhase phase, double askedAt);
}
