using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>The schedule for readers outside.</summary>
internal sealed partial class DeliveryScheduler
{
    public IReadOnlyList<EntryView> View(SpoolHandle handle, TimeSpan now)
    {
        lock (_gate)
        {
            var head = _table.HeadOf(handle);
            if (head < 0)
                return [];
            var views = new List<EntryView>(1);
            for (var index = head; index >= 0; index = _table[index].NextOfMessage)
                views.Add(ViewOf(ref _table[index], now));
            return views;
        }
    }

    /// <summary>Adds the next entries from an index on. False: that was the end.</summary>
    public bool View(ref int from, List<EntryView> into, int most, TimeSpan now)
    {
        lock (_gate)
        {
            for (; from < _table.HighMark && into.Count < most; from++)
            {
                if (_table[from].State != EntryState.Free)
                    into.Add(ViewOf(ref _table[from], now));
            }
            return from < _table.HighMark;
        }
    }

    public DeliveryRoute? FindRoute(string key)
    {
        lock (_gate)
            return _routeByKey.GetValueOrDefault(key);
    }

    private EntryView ViewOf(ref ScheduleEntry entry, TimeSpan now)
    {
        var route = entry.Route >= 0 ? _routes[entry.Route] : null;
        var nextIn = entry.State == EntryState.Scheduled && route is not null
            ? TimeSpan.FromTicks(entry.Due) - route.TimeAt(now) : TimeSpan.Zero;
        return new EntryView(new SpoolHandle(entry.Slot, entry.Generation), entry.State,
            route?.Destination ?? "(not read yet)", route?.Key ?? "", route?.IsClosed ?? false, entry.Attempts,
            entry.Priority, TimeSpan.FromSeconds(SecondsAt(now) - entry.ReceivedAt),
            nextIn > TimeSpan.Zero ? nextIn : TimeSpan.Zero, (entry.Flags & EntryFlags.OutcomeUnknown) != 0);
    }
}
