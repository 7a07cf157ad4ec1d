using System.Runtime.CompilerServices;

using CsCheck;

using Holdfast.Mail;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Spool;

public class SpoolTableTests
{
    [Fact]
    public void Behaves_as_a_dictionary_whatever_is_added_and_removed()
    {
        Gen.Select(Gen.Bool, Gen.Int[0, 400]).Array[0, 3000].Sample(steps =>
        {
            var table = new SpoolTable();
            var model = new Dictionary<MessageId, SpoolHandle>();
            foreach (var (adds, number) in steps)
            {
                // Few high halves and low halves that collide in their low bits.
                var id = new MessageId((ulong)(number % 3), (ulong)number << 32);
                if (adds && !model.ContainsKey(id))
                {
                    model[id] = table.HandleOf(table.Add(id));
                }
                else if (!adds && model.Remove(id, out var handle))
                {
                    table.Remove(handle.Slot);
                    Assert.False(table.Has(handle));
                }
            }
            Assert.Equal(model.Count, table.Count);
            foreach (var (id, handle) in model)
            {
                Assert.True(table.TryFind(id, out var slot));
                Assert.Equal(handle, table.HandleOf(slot));
                Assert.True(table.Has(handle));
            }
        }, iter: 200);
    }

    [Fact]
    public void A_handle_of_an_ended_message_finds_nothing_in_its_reused_slot()
    {
        var table = new SpoolTable();
        var old = table.HandleOf(table.Add(new MessageId(1, 1)));
        table.Remove(old.Slot);
        var next = table.HandleOf(table.Add(new MessageId(1, 2)));
        Assert.Equal(old.Slot, next.Slot);
        Assert.False(table.Has(old));
        Assert.True(table.Has(next));
        Assert.False(table.Has(new SpoolHandle(-1, 0)));
        Assert.False(table.Has(new SpoolHandle(1000, 1)));
    }

    [Fact]
    public void A_waiting_message_costs_less_than_96_bytes()
    {
        Assert.InRange(Unsafe.SizeOf<SpoolRow>(), 1, 64);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var table = new SpoolTable();
        for (var i = 0; i < 200_000; i++)
            table.Add(new MessageId(7, (ulong)i));
        // What was allocated in all, growth and discarded index sizes included.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 200_000, 1, 96);
    }
}
