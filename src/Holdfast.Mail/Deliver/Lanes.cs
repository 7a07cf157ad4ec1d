namespace Holdfast.Mail.Deliver;

/// <summary>Ready entries of one priority, first in first out within a tenant, the tenants in turn.</summary>
/// <remarks>Tenants are hash buckets (stochastic fair queueing): a million senders cost no more than a thousand.
/// Links are in the entries themselves.</remarks>
internal sealed class Lanes(ScheduleTable table)
{
    private struct Lane
    {
        public ushort Tenant;
        public int First;
        public int Last;
    }

    private readonly Dictionary<ushort, int> _laneOf = [];
    private Lane[] _lanes = new Lane[4];
    private int _count;
    private int _cursor;

    public bool IsEmpty => _count == 0;

    /// <summary>The entry whose turn it is.</summary>
    public int Peek() => _lanes[_cursor].First;

    public void PushBack(int index)
    {
        ref var lane = ref LaneFor(table[index].Tenant);
        ref var entry = ref table[index];
        entry.Previous = lane.Last;
        entry.Next = -1;
        if (lane.Last >= 0)
            table[lane.Last].Next = index;
        else
            lane.First = index;
        lane.Last = index;
    }

    public void PushFront(int index)
    {
        ref var lane = ref LaneFor(table[index].Tenant);
        ref var entry = ref table[index];
        entry.Next = lane.First;
        entry.Previous = -1;
        if (lane.First >= 0)
            table[lane.First].Previous = index;
        else
            lane.Last = index;
        lane.First = index;
    }

    /// <summary>Takes an entry out, wherever it stands; <paramref name="served"/> passes the turn on.</summary>
    public void Remove(int index, bool served)
    {
        ref var entry = ref table[index];
        var at = _laneOf[entry.Tenant];
        ref var lane = ref _lanes[at];
        if (entry.Previous >= 0)
            table[entry.Previous].Next = entry.Next;
        else
            lane.First = entry.Next;
        if (entry.Next >= 0)
            table[entry.Next].Previous = entry.Previous;
        else
            lane.Last = entry.Previous;
        entry.Next = entry.Previous = -1;

        if (lane.First < 0)
        {
            _laneOf.Remove(lane.Tenant);
            var last = --_count;
            if (at != last)
            {
                _lanes[at] = _lanes[last];
                _laneOf[_lanes[at].Tenant] = at;
            }
            if (_cursor >= _count)
                _cursor = 0;
        }
        else if (served)
        {
            _cursor = (_cursor + 1) % _count;
        }
    }

    private ref Lane LaneFor(ushort tenant)
    {
        if (_count == 1 && _lanes[0].Tenant == tenant)
            return ref _lanes[0];
        if (_laneOf.TryGetValue(tenant, out var at))
            return ref _lanes[at];
        if (_count == _lanes.Length)
            Array.Resize(ref _lanes, _count * 2);
        _lanes[_count] = new Lane { Tenant = tenant, First = -1, Last = -1 };
        _laneOf[tenant] = _count;
        return ref _lanes[_count++];
    }
}
