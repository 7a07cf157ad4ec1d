using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>What becomes of recipients after single attempts.</summary>
public class OutcomeTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_refused_recipient_bounces_and_the_others_are_delivered()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<no@", StringComparison.Ordinal)
            ? "550 5.1.1 no such user" : null;
        var message = world.Spool.Add("a@example.org", ["no@example.com", "yes@example.com"]);
        await world.EndAsync(message, Soon);

        Assert.Equal([RecipientState.Failed, RecipientState.Delivered],
            message.Progress.Recipients.Select(r => r.State));
        Assert.Equal(["yes@example.com"], Assert.Single(world.NaTarget.Mail).Recipients);
        var notice = Assert.Single(world.Spool.Notices);
        Assert.Equal("", notice.Envelope.Sender);
        Assert.Equal("a@example.org", notice.Envelope.Recipients[0].Address);
        Assert.Contains("no@example.com", notice.Content, StringComparison.Ordinal);
        Assert.Contains("5.1.1", notice.Content, StringComparison.Ordinal);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.Bounced && r.Recipient == "no@example.com");
    }

    [Fact]
    public async Task A_full_mailbox_waits_and_is_tried_again_at_the_same_site()
    {
        await using var world = new DeliveryWorld();
        var full = true;
        world.NaTarget.Script = l => full && l.StartsWith("RCPT", StringComparison.Ordinal)
            ? "452 4.2.2 mailbox full" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].Attempts == 1 && world.Flow.Sessions == 0, Soon);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.Deferred);
        Assert.NotNull(message.Progress.Recipients[0].NextAttemptAt);
        Assert.Equal(1, world.Flow.Counts.Scheduled);
        full = false;
        await world.PassAsync(TimeSpan.FromSeconds(30));
        Assert.False(message.Progress.IsFinal, "it came back before its time");
        await world.EndAsync(message, TimeSpan.FromMinutes(2));
        Assert.Empty(world.EuTarget.Commands);
        Assert.Equal(2, message.Progress.Recipients[0].Attempts);
    }

    [Fact]
    public async Task Success_that_the_target_will_not_tell_is_told_by_us()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING"];
        var message = world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with
        {
            Recipients = [new EnvelopeRecipient("b@example.com", DsnNotify.Success)],
        });
        await world.EndAsync(message, Soon);
        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
        Assert.Contains("Action: relayed", Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Success_is_left_to_a_target_that_knows_DSN()
    {
        await using var world = new DeliveryWorld();
        var message = world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with
        {
            Recipients = [new EnvelopeRecipient("b@example.com", DsnNotify.Success, "rfc822;b+1@example.com")],
            EnvelopeId = "id=1", Return = DsnReturn.Headers,
        });
        await world.EndAsync(message, Soon);
        Assert.Empty(world.Spool.Notices);
        Assert.Contains("MAIL FROM:<a@example.org> SIZE=21 RET=HDRS ENVID=id+3D1", world.NaTarget.Commands);
        Assert.Contains("RCPT TO:<b@example.com> NOTIFY=SUCCESS ORCPT=rfc822;b+2B1@example.com",
            world.NaTarget.Commands);
    }

    [Theory]
    [InlineData(493, true)]
    [InlineData(494, false)]
    public async Task An_original_recipient_is_passed_on_whole_or_not_at_all(int length, bool isPassedOn)
    {
        await using var world = new DeliveryWorld();
        var original = new string('x', length - 12) + "@example.com";
        var message = world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with
        {
            Recipients = [new EnvelopeRecipient("b@example.com", DsnNotify.Never, $"rfc822;{original}")],
        });
        await world.EndAsync(message, Soon);
        Assert.Contains("RCPT TO:<b@example.com> NOTIFY=NEVER" + (isPassedOn ? $" ORCPT=rfc822;{original}" : ""),
            world.NaTarget.Commands);
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    public async Task An_envelope_id_is_passed_on_whole_or_not_at_all(int length, bool isPassedOn)
    {
        await using var world = new DeliveryWorld();
        var id = new string('i', length);
        var message = world.Spool.Add("a@example.org", ["b@example.com"], with: e => e with { EnvelopeId = id });
        await world.EndAsync(message, Soon);
        Assert.Contains("MAIL FROM:<a@example.org> SIZE=21" + (isPassedOn ? $" ENVID={id}" : ""),
            world.NaTarget.Commands);
    }

    [Fact]
    public async Task A_notice_that_cannot_be_delivered_is_held_and_reported()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
        var message = world.Spool.Add("", ["a@example.org"], with: e => e with { Listener = "notice" });
        await world.UntilAsync(() => world.Flow.Counts.Held == 1, Soon);
        Assert.True(message.Progress.IsHeld);
        Assert.False(message.Progress.IsFinal);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.Alert);
        Assert.Empty(world.Spool.Notices);
    }

    [Fact]
    public async Task A_bounce_from_elsewhere_that_is_refused_ends_without_another()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
        var message = world.Spool.Add("", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Empty(world.Spool.Notices);
        Assert.Contains("null sender",
            Assert.Single(world.Journal.Records, r => r.Kind == EvidenceKind.Bounced).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_stands_only_once_its_notice_is_stored()
    {
        await using var world = new DeliveryWorld();
        world.Spool.NoticeResult = AppendResult.Failed;
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].Attempts == 1 && world.Flow.Sessions == 0, Soon);
        Assert.False(message.Progress.IsFinal);
        world.Spool.NoticeResult = AppendResult.Stored;
        await world.EndAsync(message, TimeSpan.FromMinutes(2));
        Assert.Single(world.Spool.Notices);
    }

    [Fact]
    public async Task A_fault_of_ours_in_a_notice_does_not_deliver_the_others_again()
    {
        await using var world = new DeliveryWorld();
        world.Spool.NoticeFault = new InvalidOperationException("a mistake");
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<no@", StringComparison.Ordinal)
            ? "550 5.1.1 no such user" : null;
        var message = world.Spool.Add("a@example.org", ["no@example.com", "yes@example.com"]);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.False(message.Progress.IsFinal);
        Assert.Single(world.NaTarget.Mail);
        // Recorded, so that a load from the disk knows it too.
        Assert.True(world.Spool.Last.ContainsKey(message.Envelope.Id));
        world.Spool.NoticeFault = null;
        await world.EndAsync(message, TimeSpan.FromMinutes(2));
        Assert.Single(world.NaTarget.Mail);
        Assert.Single(world.Spool.Notices);
    }

    [Fact]
    public async Task A_message_expires_with_a_notice_when_its_time_has_run_out()
    {
        await using var world = new DeliveryWorld(o => o.RetryFor = TimeSpan.FromMinutes(1));
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(50));
        Assert.False(message.Progress.IsFinal);
        await world.EndAsync(message, TimeSpan.FromMinutes(2));
        Assert.Equal(RecipientState.Expired, message.Progress.Recipients[0].State);
        Assert.Contains("4.4.7", Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.Expired);
    }

    [Fact]
    public async Task Recipients_on_different_routes_go_their_own_ways_one_at_a_time()
    {
        await using var world = new DeliveryWorld(route: new RouteOptions
        {
            Rules =
            [
                new RouteRuleOptions { Name = "one", Domain = "one.example", Service = "mail" },
                new RouteRuleOptions { Name = "other", Domain = "*", Service = "mail" },
            ],
        });
        var message = world.Spool.Add("a@example.org", ["b@one.example", "c@example.com", "d@one.example"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(2, world.NaTarget.Mail.Count);
        Assert.Contains(world.NaTarget.Mail, m => m.Recipients.SequenceEqual(["b@one.example", "d@one.example"]));
        Assert.Contains(world.NaTarget.Mail, m => m.Recipients.SequenceEqual(["c@example.com"]));
    }

    [Fact]
    public async Task A_retry_reaches_the_recipients_of_each_route_whatever_the_other_waits_for()
    {
        await using var world = new DeliveryWorld(route: new RouteOptions
        {
            Rules =
            [
                new RouteRuleOptions { Name = "one", Domain = "one.example", Service = "mail" },
                new RouteRuleOptions { Name = "other", Domain = "*", Service = "mail" },
            ],
        });
        var wall = world.Time.GetUtcNow();
        world.Spool.AnnouncesLoaded = false;
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<b@", StringComparison.Ordinal)
            ? "452 4.2.2 mailbox full" : null;
        world.Spool.Add("a@example.org", ["b@one.example", "c@example.com"], progress: p =>
        {
            p.Recipients[0].NextAttemptAt = wall + TimeSpan.FromMinutes(10);
            p.Recipients[1].NextAttemptAt = wall + TimeSpan.FromMinutes(40);
        });
        await world.PassAsync(TimeSpan.FromSeconds(1));
        // The wall clock goes back after the times were stored: the schedule's own clock is what counts.
        world.StepWallClock(TimeSpan.FromHours(-5));
        await world.UntilAsync(() => world.NaTarget.Mail.Count == 1, TimeSpan.FromMinutes(45));
    }

    [Fact]
    public async Task More_recipients_than_a_transaction_takes_go_in_several()
    {
        await using var world = new DeliveryWorld();
        var message = world.Spool.Add("a@example.org",
            [.. Enumerable.Range(0, 250).Select(i => $"b{i}@example.com")]);
        await world.EndAsync(message, Soon);
        Assert.Equal([100, 100, 50], world.NaTarget.Mail.Select(m => m.Recipients.Count));
    }

    [Fact]
    public async Task Recipients_beyond_what_the_target_takes_go_in_another_transaction_at_once()
    {
        await using var world = new DeliveryWorld();
        var taken = 0;
        world.NaTarget.Script = l =>
        {
            taken = l.StartsWith("MAIL", StringComparison.Ordinal) ? 0 : taken;
            return l.StartsWith("RCPT", StringComparison.Ordinal) && ++taken > 2 ? "452 4.5.3 too many recipients" : null;
        };
        var message = world.Spool.Add("a@example.org", ["b@example.com", "c@example.com", "d@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal([2, 1], world.NaTarget.Mail.Select(m => m.Recipients.Count));
    }

    [Fact]
    public async Task A_target_that_takes_no_recipient_at_all_is_not_asked_in_a_circle()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal)
            ? "452 4.5.3 too many recipients" : null;
        world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(20));
        Assert.InRange(world.NaTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal)), 1, 2);
    }

    [Fact]
    public async Task Mail_that_no_rule_matches_waits()
    {
        await using var world = new DeliveryWorld(route: new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "example.com", Service = "mail" }],
        });
        var message = world.Spool.Add("a@example.org", ["b@elsewhere.example"]);
        await world.UntilAsync(() => world.Flow.Counts.Unrouted == 0, Soon);
        await world.PassAsync(TimeSpan.FromSeconds(5));
        Assert.False(message.Progress.IsFinal);
        var view = Assert.Single(world.Flow.Desk.Find(message.Handle));
        Assert.Contains("no rule", world.Flow.Desk.Why(view), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_replayed_is_delivered_too()
    {
        await using var world = new DeliveryWorld();
        world.Spool.AnnouncesLoaded = false;
        var messages = Enumerable.Range(0, 300)
            .Select(i => world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"])).ToList();
        await world.UntilAsync(() => messages.TrueForAll(m => m.Progress.IsFinal), Soon);
        Assert.Equal(300, world.NaTarget.Mail.Count);
    }

    [Fact]
    public async Task An_operator_holds_releases_retries_removes_and_expires()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        var all = Enumerable.Range(0, 3).Select(i => world.Spool.Add("a@example.org", [$"b{i}@example.com"])).ToList();
        await world.UntilAsync(() => world.Flow.Counts.Scheduled == 3, Soon);
        var desk = world.Flow.Desk;
        Assert.Equal(DeliveryActOutcome.Done, await desk.ActAsync(DeliveryAct.Hold, all[0].Handle, "wait", "uid 1"));
        Assert.Equal(DeliveryActOutcome.Unchanged, await desk.ActAsync(DeliveryAct.Hold, all[0].Handle, "wait", "uid 1"));
        Assert.Equal(EntryState.Held, desk.Find(all[0].Handle)[0].State);
        Assert.Equal(DeliveryActOutcome.Done, await desk.ActAsync(DeliveryAct.Remove, all[1].Handle, null, "uid 1"));
        Assert.Equal(RecipientState.Removed, all[1].Progress.Recipients[0].State);
        Assert.Equal(DeliveryActOutcome.Gone, await desk.ActAsync(DeliveryAct.Remove, all[1].Handle, null, "uid 1"));
        Assert.Equal(DeliveryActOutcome.Done, await desk.ActAsync(DeliveryAct.Expire, all[2].Handle, null, "uid 1"));
        Assert.Equal(RecipientState.Expired, all[2].Progress.Recipients[0].State);
        Assert.Single(world.Spool.Notices);
        world.NaTarget.Script = _ => null;
        Assert.Equal(DeliveryActOutcome.Done, await desk.ActAsync(DeliveryAct.Release, all[0].Handle, null, "uid 1"));
        await world.EndAsync(all[0], Soon);
        Assert.Single(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_drain_finishes_what_is_under_way_and_takes_nothing_new()
    {
        await using var world = new DeliveryWorld();
        var first = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(first, Soon);
        await world.Flow.DrainAsync(CancellationToken.None);
        var second = world.Spool.Add("a@example.org", ["c@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.False(second.Progress.IsFinal);
        Assert.Equal(0, world.Flow.Connections);
    }
}
