using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Delivery beside a disk that fails or hangs.</summary>
public class DiskTroubleTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_drain_ends_at_its_deadline_though_an_attempt_waits_for_the_disk()
    {
        await using var world = new DeliveryWorld(o =>
        {
            o.DrainTimeout = TimeSpan.FromSeconds(5);
            o.KeptMessagesMax = 0;
        });
        world.Spool.Readable = new TaskCompletionSource().Task;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, world.Flow.Sessions);
        var drain = world.Flow.DrainAsync(CancellationToken.None);
        await world.PassAsync(TimeSpan.FromSeconds(4.9));
        Assert.False(drain.IsCompleted);
        await world.PassAsync(TimeSpan.FromSeconds(0.2));
        await drain;
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        Assert.DoesNotContain(world.Log.Lines, l => l.Contains("pump failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_drain_does_not_wait_for_messages_whose_routes_are_not_known_yet()
    {
        await using var world = new DeliveryWorld();
        world.Spool.AnnouncesLoaded = false;
        world.Spool.Readable = new TaskCompletionSource().Task;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        await world.Flow.DrainAsync(CancellationToken.None);
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        Assert.DoesNotContain(world.Log.Lines, l => l.Contains("pump failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_dot_goes_out_when_its_attempt_can_not_be_noted_and_the_message_goes_soon_after_it_can()
    {
        await using var world = new DeliveryWorld();
        world.Spool.TakesAttempts = false;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => !world.Spool.Attempts.IsEmpty && world.Flow.Sessions == 0, Soon);
        Assert.Empty(world.NaTarget.Mail);
        Assert.Empty(world.EuTarget.Mail);
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        world.Spool.TakesAttempts = true;
        await world.EndAsync(message, Soon);
        Assert.Single(world.NaTarget.Mail);
        Assert.DoesNotContain(world.Journal.Records, r => r.Kind == EvidenceKind.OutcomeUnknown);
    }
}
