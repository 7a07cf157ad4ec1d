using Holdfast.Mail.Spool;
using Holdfast.Sim.Disks;

namespace Holdfast.Tests.Mail.Spool;

public class AttemptSlotsTests
{
    private static readonly SpoolHandle First = new(1, 1);
    private static readonly SpoolHandle Second = new(2, 1);

    [Fact]
    public void A_mark_is_with_the_disk_when_the_call_returns()
    {
        var disk = new SimulatedDisk();
        var slots = Opened(disk);
        Assert.True(slots.TryWrite(First, 3, "one"u8));
        Assert.True(slots.TryWrite(Second, 1, "two"u8));
        // No close, no sync: this is what a killed process leaves.
        var found = new AttemptSlots(disk).Open();
        Assert.Equal(["one", "two"], found.Select(m => System.Text.Encoding.ASCII.GetString(m.Mark)));
    }

    [Fact]
    public void A_later_mark_of_a_message_takes_the_place_of_the_earlier()
    {
        var disk = new SimulatedDisk();
        var slots = Opened(disk);
        Assert.True(slots.TryWrite(First, 1, "a longer first mark"u8));
        Assert.True(slots.TryWrite(First, 2, "second"u8));
        Assert.Equal("second"u8.ToArray(), Assert.Single(new AttemptSlots(disk).Open()).Mark);
    }

    [Fact]
    public void A_slot_is_free_once_the_log_knows_as_much_and_not_before()
    {
        var disk = new SimulatedDisk();
        var slots = Opened(disk);
        slots.TryWrite(First, 5, "first"u8);
        slots.Settle(First, 4);
        Assert.NotNull(slots.Find(First, 4));
        slots.TryWrite(Second, 1, "second"u8);
        Assert.Equal(2, new AttemptSlots(disk).Open().Count);

        slots.Settle(First, 6);
        Assert.Null(slots.Find(First, 4));
        slots.TryWrite(new SpoolHandle(3, 1), 1, "third"u8);
        Assert.Equal(["third", "second"],
            new AttemptSlots(disk).Open().Select(m => System.Text.Encoding.ASCII.GetString(m.Mark)));
    }

    [Fact]
    public void A_mark_as_long_as_a_slot_fits_and_a_longer_one_is_refused()
    {
        var slots = Opened(new SimulatedDisk());
        Assert.True(slots.TryWrite(First, 1, new byte[AttemptSlots.MarkBytesMax]));
        Assert.False(slots.TryWrite(Second, 1, new byte[AttemptSlots.MarkBytesMax + 1]));
    }

    [Fact]
    public void Bytes_that_do_not_fit_their_sum_are_no_mark()
    {
        var disk = new SimulatedDisk();
        Opened(disk).TryWrite(First, 1, "mark"u8);
        disk.Node(AttemptSlots.FileName).Flip(9, 3);
        Assert.Empty(new AttemptSlots(disk).Open());
    }

    [Fact]
    public void A_mark_found_at_open_stands_until_it_is_adopted_and_settled()
    {
        var disk = new SimulatedDisk();
        Opened(disk).TryWrite(First, 7, "left over"u8);
        var slots = new AttemptSlots(disk);
        var (slot, _) = Assert.Single(slots.Open());
        slots.Adopt(First, slot, 7);
        slots.TryWrite(Second, 1, "new"u8);
        Assert.Equal(2, new AttemptSlots(disk).Open().Count);
        slots.Settle(First, 7);
        slots.TryWrite(new SpoolHandle(9, 1), 1, "newer"u8);
        Assert.Equal(2, new AttemptSlots(disk).Open().Count);
    }

    private static AttemptSlots Opened(SimulatedDisk disk)
    {
        var slots = new AttemptSlots(disk);
        Assert.Empty(slots.Open());
        return slots;
    }
}
