using Holdfast.Mail.Spool;
using Holdfast.Sim;

namespace Holdfast.Tests.Mail.Spool;

public class SpoolMemoryTests
{
    private static SpoolOptions Tight() => new()
    {
        InlineBytesMax = 64 * 1024,
        SegmentBytes = 1024 * 1024,
        BodyMemoryBytes = 32 * 1024,
        DiskReserveBytes = 2 * 1024 * 1024,
        DiskFreeMin = 64 * 1024,
    };

    [Fact]
    public void The_budget_is_never_exceeded_and_a_draft_without_memory_goes_to_its_file_early()
    {
        var fixture = new SpoolFixture(options: Tight()).Opened();
        var draft = fixture.Spool.BeginDraft(null);
        var content = SpoolFixture.Bytes(60_000);
        for (var at = 0; at < content.Length;)
        {
            var room = draft.GetMemory();
            var count = Math.Min(room.Length, content.Length - at);
            content.AsSpan(at, count).CopyTo(room.Span);
            draft.Advance(count);
            at += count;
            Assert.InRange(fixture.Spool.BodyMemoryUsed, 0, 32 * 1024);
            if (draft.NeedsFlush)
                fixture.Sim.Run(draft.FlushAsync(CancellationToken.None).AsTask());
        }
        Assert.Single(fixture.Disk.List("bodies"));
        var envelope = fixture.NewEnvelope(content.Length);
        Assert.Equal(AppendResult.Stored,
            fixture.Sim.Run(fixture.Spool.AppendAsync(envelope, draft, CancellationToken.None)));
        fixture.Sim.Run(draft.DisposeAsync().AsTask());
        Assert.Equal(content, fixture.Content(fixture.Load(envelope.Id)!));
    }

    [Fact]
    public async Task A_draft_waits_for_memory_and_goes_on_when_there_is_some()
    {
        var fixture = new SpoolFixture(options: Tight()).Opened();
        // An eighth is for deliveries.
        var others = Enumerable.Range(0, 7).Select(_ => Started(fixture)).ToList();
        Assert.Equal(28 * 1024, fixture.Spool.BodyMemoryUsed);
        var draft = (SpoolDraft)fixture.Spool.BeginDraft(null);
        draft.GetMemory(1);
        Assert.Equal(AppendResult.TooBusy, draft.Failure);

        var waiting = others[0];
        waiting.Advance(waiting.GetMemory().Length);
        Assert.True(waiting.NeedsFlush);
        await others[1].DisposeAsync();
        await waiting.FlushAsync(CancellationToken.None);
        Assert.False(waiting.NeedsFlush);
        foreach (var other in others)
            await other.DisposeAsync();
        await draft.DisposeAsync();
        Assert.Equal(0, fixture.Spool.BodyMemoryUsed);
        Assert.Empty(fixture.Disk.List("bodies"));
    }

    private static MessageDraft Started(SpoolFixture fixture)
    {
        var draft = fixture.Spool.BeginDraft(null);
        draft.GetMemory(1);
        return draft;
    }

    [Fact]
    public async Task Receivers_that_hold_all_they_may_leave_deliveries_their_share()
    {
        var fixture = new SpoolFixture(options: Tight()).Opened();
        var (first, second) = (fixture.Append(SpoolFixture.Bytes(3000, 1)), fixture.Append(SpoolFixture.Bytes(3000, 2)));
        var receivers = Enumerable.Range(0, 7).Select(_ => Started(fixture)).ToList();
        var refused = (SpoolDraft)fixture.Spool.BeginDraft(null);
        refused.GetMemory(1);
        Assert.Equal(AppendResult.TooBusy, refused.Failure);
        // A receiver that waits in turn doesn't stand in a delivery's way.
        receivers[0].Advance(receivers[0].GetMemory().Length);
        var waits = receivers[0].FlushAsync(CancellationToken.None).AsTask();
        foreach (var message in new[] { first, second })
        {
            var open = fixture.Spool.OpenContentAsync(message, CancellationToken.None).AsTask();
            await Task.WhenAny(open, Task.Delay(TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None));
            Assert.True(open.IsCompleted, "the delivery waits behind receivers");
            Assert.Equal(3000, (await open)!.Length);
            await (await open)!.DisposeAsync();
        }
        foreach (var receiver in receivers)
            await receiver.DisposeAsync();
        await refused.DisposeAsync();
        await waits.WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
    }

    [Fact]
    public async Task The_share_of_deliveries_has_an_end_and_they_come_before_receivers()
    {
        var time = new SimulatedTime();
        var memory = new BodyMemory(() => 64, time);
        Assert.True(memory.TryTake(56, BodyUse.Receiving));
        Assert.False(memory.TryTake(1, BodyUse.Receiving));
        Assert.True(memory.TryTake(8, BodyUse.Delivering));
        Assert.False(memory.TryTake(1, BodyUse.Delivering));
        var receiving = memory.TakeAsync(8, BodyUse.Receiving, TimeSpan.FromSeconds(1), CancellationToken.None).AsTask();
        var delivering = memory.TakeAsync(8, BodyUse.Delivering, TimeSpan.FromSeconds(1), CancellationToken.None)
            .AsTask();
        memory.Give(8);
        Assert.True(await delivering.WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None));
        Assert.False(receiving.IsCompleted);
        memory.Give(16);
        Assert.True(await receiving.WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None));
        Assert.Equal(56, memory.UsedBytes);
    }

    [Fact]
    public void A_message_of_many_megabytes_passes_through_little_memory()
    {
        var fixture = new SpoolFixture(options: new SpoolOptions { SegmentBytes = 1 << 20, BodyMemoryBytes = 1 << 20 })
            .Opened();
        var content = SpoolFixture.Bytes(5_000_000);
        var draft = fixture.Spool.BeginDraft(content.Length);
        long most = 0;
        for (var at = 0; at < content.Length;)
        {
            var room = draft.GetMemory();
            var count = Math.Min(room.Length, content.Length - at);
            content.AsSpan(at, count).CopyTo(room.Span);
            draft.Advance(count);
            at += count;
            most = Math.Max(most, fixture.Spool.BodyMemoryUsed);
            if (draft.NeedsFlush)
                fixture.Sim.Run(draft.FlushAsync(CancellationToken.None).AsTask());
        }
        Assert.InRange(most, 1, 512 * 1024);
        var envelope = fixture.NewEnvelope(content.Length);
        Assert.Equal(AppendResult.Stored,
            fixture.Sim.Run(fixture.Spool.AppendAsync(envelope, draft, CancellationToken.None)));
        fixture.Sim.Run(draft.DisposeAsync().AsTask());
        fixture.Restart(isPowerCut: true);
        Assert.Equal(content, fixture.Content(fixture.Load(envelope.Id)!));
    }

    [Fact]
    public void Lately_received_content_gives_way_to_what_is_being_received()
    {
        var options = Tight();
        options.BodyMemoryBytes = 128 * 1024;
        var fixture = new SpoolFixture(options: options).Opened();
        for (var i = 0; i < 20; i++)
            fixture.Append(SpoolFixture.Bytes(3000, i));
        // An eighth of the budget, envelopes counted: three messages of 4 KiB and 1 KiB each.
        Assert.Equal(3 * 4096, fixture.Spool.BodyMemoryUsed);
        Assert.Equal(20, fixture.Spool.WaitingCount);
        foreach (var (waiting, _) in fixture.Sim.Arrivals.ToArray())
            Assert.Equal(3000, fixture.Content(fixture.Load(waiting.Id)!)!.Length);
    }
}
