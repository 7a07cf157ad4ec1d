using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

public class ScheduleTableTests
{
    [Fact]
    public void A_message_in_a_reused_slot_keeps_its_entries_when_the_ended_one_goes()
    {
        var table = new ScheduleTable();
        var old = table.Add(slot: 7, generation: 1);
        table[old].Flags |= EntryFlags.Claimed;
        var fresh = table.Add(slot: 7, generation: 2);
        Assert.Equal(old, table.HeadOf(new SpoolHandle(7, 1)));
        Assert.Equal(fresh, table.HeadOf(new SpoolHandle(7, 2)));
        Assert.Equal(-1, table[old].NextOfMessage);

        table.Remove(old);
        Assert.Equal(-1, table.HeadOf(new SpoolHandle(7, 1)));
        Assert.Equal(fresh, table.HeadOf(new SpoolHandle(7, 2)));
        Assert.Equal(default, table[fresh].Flags & EntryFlags.Claimed);
        table.Remove(fresh);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void An_older_message_with_several_routes_keeps_its_own_chain()
    {
        var table = new ScheduleTable();
        var first = table.Add(3, 1);
        var second = table.Add(3, 1);
        var fresh = table.Add(3, 2);
        var third = table.Add(3, 1);
        table[first].Flags |= EntryFlags.Claimed;
        Assert.Equal(second, table[first].NextOfMessage);
        Assert.Equal(third, table[second].NextOfMessage);

        table.Remove(first);
        Assert.Equal(second, table.HeadOf(new SpoolHandle(3, 1)));
        Assert.NotEqual(default, table[second].Flags & EntryFlags.Claimed);
        Assert.Equal(fresh, table.HeadOf(new SpoolHandle(3, 2)));
        table.Remove(second);
        table.Remove(third);
        Assert.Equal(-1, table.HeadOf(new SpoolHandle(3, 1)));
        Assert.Equal(fresh, table.HeadOf(new SpoolHandle(3, 2)));
    }
}
