using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Ages rest on the wall clock once, at the start; a wrong clock tells no sender of a delay that wasn't.
/// </summary>
public class WallClockTests
{
    private static readonly TimeSpan After = TimeSpan.FromHours(4);

    private static DeliveryWorld Full()
    {
        var world = new DeliveryWorld(o => o.DelayNoticeAfter = After);
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        return world;
    }

    /// <summary>A message that a start finds, accepted at the time given.</summary>
    private static SpooledMessage Found(DeliveryWorld world, DateTimeOffset received)
    {
        world.Spool.AnnouncesLoaded = false;
        world.Spool.IdTime = received;
        return world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with { ReceivedAt = received });
    }

    [Fact]
    public async Task Mail_found_at_the_start_is_tried_before_its_sender_is_told_of_a_delay()
    {
        await using var world = Full();
        var message = Found(world, world.Time.GetUtcNow() - TimeSpan.FromHours(5));
        await world.PassAsync(TimeSpan.FromMinutes(14));
        Assert.True(message.Progress.Recipients[0].Attempts > 0);
        Assert.Empty(world.Spool.Notices);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Contains("4.4.7", Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_at_the_start_sends_no_notice_once_it_is_set_right()
    {
        await using var world = Full();
        var received = world.Time.GetUtcNow();
        world.StepWallClock(TimeSpan.FromHours(6));
        var message = Found(world, received);
        await world.PassAsync(TimeSpan.FromMinutes(10));
        world.StepWallClock(TimeSpan.Zero);
        await world.PassAsync(TimeSpan.FromMinutes(30));
        Assert.Empty(world.Spool.Notices);
        // Its true age reaches four hours in its time.
        await world.PassAsync(TimeSpan.FromMinutes(199));
        Assert.Empty(world.Spool.Notices);
        await world.PassAsync(TimeSpan.FromMinutes(3));
        Assert.Single(world.Spool.Notices);
        Assert.False(message.Progress.IsFinal);
    }

    [Fact]
    public async Task A_step_forward_makes_nothing_older()
    {
        await using var world = Full();
        Found(world, world.Time.GetUtcNow() - TimeSpan.FromHours(1));
        world.Spool.IdTime = null;
        world.Spool.AnnouncesLoaded = true;
        world.Spool.Add("a@example.org", ["c@example.com"]);
        await world.PassAsync(TimeSpan.FromMinutes(1));
        world.StepWallClock(TimeSpan.FromHours(10));
        await world.PassAsync(TimeSpan.FromMinutes(30));
        Assert.Empty(world.Spool.Notices);
    }

    [Fact]
    public async Task A_step_back_leaves_mail_of_this_run_as_old_as_it_is()
    {
        await using var world = Full();
        world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromMinutes(1));
        world.StepWallClock(TimeSpan.FromHours(-10));
        await world.PassAsync(TimeSpan.FromMinutes(238));
        Assert.Empty(world.Spool.Notices);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Single(world.Spool.Notices);
    }

    [Fact]
    public async Task What_would_have_expired_at_the_start_is_not_told_of_as_delayed()
    {
        await using var world = new DeliveryWorld(o =>
        {
            o.DelayNoticeAfter = After;
            o.RetryFor = TimeSpan.FromDays(1);
        });
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        Found(world, world.Time.GetUtcNow() - TimeSpan.FromDays(2));
        await world.PassAsync(TimeSpan.FromMinutes(40));
        Assert.Empty(world.Spool.Notices);
    }

    [Fact]
    public async Task A_step_of_the_wall_clock_is_reported_and_expires_nothing()
    {
        await using var world = new DeliveryWorld(o => o.RetryFor = TimeSpan.FromDays(1));
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(2));
        world.StepWallClock(TimeSpan.FromDays(30));
        await world.PassAsync(TimeSpan.FromMinutes(1));
        Assert.False(message.Progress.IsFinal);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.Alert);
    }

    [Fact]
    public async Task What_waited_while_we_were_down_is_tried_before_it_expires()
    {
        await using var world = new DeliveryWorld(o => o.RetryFor = TimeSpan.FromDays(1));
        world.Spool.AnnouncesLoaded = false;
        world.Spool.IdTime = world.Time.GetUtcNow() - TimeSpan.FromDays(2);
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"],
            with: e => e with { ReceivedAt = world.Time.GetUtcNow() - TimeSpan.FromDays(2) });
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.False(message.Progress.IsFinal);
        world.NaTarget.Script = _ => null;
        await world.EndAsync(message, TimeSpan.FromMinutes(30));
        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
    }

    [Fact]
    public async Task A_wall_clock_that_was_wrong_at_the_start_expires_nothing_once_it_is_right()
    {
        await using var world = new DeliveryWorld(o => o.RetryFor = TimeSpan.FromDays(1));
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        world.Spool.AnnouncesLoaded = false;
        var received = world.Time.GetUtcNow();
        world.Spool.IdTime = received;
        world.StepWallClock(TimeSpan.FromDays(400));
        var message = world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with { ReceivedAt = received });
        await world.PassAsync(TimeSpan.FromSeconds(20));
        world.StepWallClock(TimeSpan.Zero);
        await world.PassAsync(TimeSpan.FromMinutes(65));
        Assert.False(message.Progress.IsFinal);
        Assert.True(message.Progress.Recipients[0].Attempts > 1);
    }

    [Fact]
    public async Task A_wall_clock_set_back_far_delays_no_retry_for_long()
    {
        await using var world = new DeliveryWorld();
        world.Spool.AnnouncesLoaded = false;
        var message = world.Spool.Add("a@example.org", ["b@example.com"], progress: p =>
            p.Recipients[0].NextAttemptAt = world.Time.GetUtcNow() + TimeSpan.FromDays(3000));
        await world.PassAsync(TimeSpan.FromSeconds(1));
        var view = Assert.Single(world.Flow.Desk.Find(message.Handle));
        Assert.InRange(view.NextIn, TimeSpan.FromMinutes(1), TimeSpan.FromDays(1));
    }
}
