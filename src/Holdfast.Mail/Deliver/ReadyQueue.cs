using System.Numerics;

namespace Holdfast.Mail.Deliver;

/// <summary>What can be sent on one route now: by priority, fresh mail before backlog, tenants in turn.</summary>
internal sealed class ReadyQueue(ScheduleTable table)
{
    public const int Priorities = 6;
    private readonly Lanes?[] _fresh = new Lanes?[Priorities];
    private readonly Lanes?[] _backlog = new Lanes?[Priorities];
    private uint _freshMask;
    private uint _backlogMask;

    public int Count { get; private set; }

    /// <summary>Best priority with fresh mail, or <see cref="Priorities"/>.</summary>
    public int BestFresh => _freshMask == 0 ? Priorities : BitOperations.TrailingZeroCount(_freshMask);
    public int BestBacklog => _backlogMask == 0 ? Priorities : BitOperations.TrailingZeroCount(_backlogMask);

    public bool HasFresh(int priority) => (_freshMask & (1u << priority)) != 0;

    public int Peek(bool backlog, int priority) => (backlog ? _backlog : _fresh)[priority]!.Peek();

    public void Add(int index, bool front)
    {
        ref var entry = ref table[index];
        var isBacklog = (entry.Flags & EntryFlags.Backlog) != 0;
        ref var lanes = ref (isBacklog ? _backlog : _fresh)[entry.Priority];
        lanes ??= new Lanes(table);
        if (front)
            lanes.PushFront(index);
        else
            lanes.PushBack(index);
        if (isBacklog)
            _backlogMask |= 1u << entry.Priority;
        else
            _freshMask |= 1u << entry.Priority;
        Count++;
    }

    public void Remove(int index, bool served)
    {
        ref var entry = ref table[index];
        var isBacklog = (entry.Flags & EntryFlags.Backlog) != 0;
        var lanes = (isBacklog ? _backlog : _fresh)[entry.Priority]!;
        lanes.Remove(index, served);
        Count--;
        if (!lanes.IsEmpty)
            return;
        if (isBacklog)
            _backlogMask &= ~(1u << entry.Priority);
        else
            _freshMask &= ~(1u << entry.Priority);
    }
}
