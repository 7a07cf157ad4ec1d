using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>The outage that Holdfast is built against, as delivery meets it.</summary>
public class OutageTests
{
    private const string Outage = "451 4.3.2 Temporary server error. Please try again later";

    public static TheoryData<string> Faults => ["rcpt", "mail", "data", "dot", "reset", "refuse", "silent", "mute"];

    /// <summary>Makes the target dark in one of the ways in which they go dark.</summary>
    internal static void Darken(ScriptedTarget target, string fault)
    {
        switch (fault)
        {
            case "rcpt": target.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? Outage : null; break;
            case "mail": target.Script = l => l.StartsWith("MAIL", StringComparison.Ordinal) ? Outage : null; break;
            case "data": target.Script = l => l == "DATA" ? Outage : null; break;
            case "dot": target.Script = l => l == "." ? Outage : null; break;
            case "reset": target.Greeting = ScriptedTarget.Reset; break;
            case "refuse": target.Refuses = true; break;
            case "silent": target.Greeting = ScriptedTarget.Silence; break;
            default:
                target.Script = l => l.StartsWith("MAIL", StringComparison.Ordinal) ? ScriptedTarget.Silence : null;
                break;
        }
    }

    internal static void Lighten(ScriptedTarget target)
    {
        target.Refuses = false;
        target.Greeting = "220 target.example ESMTP";
        target.Script = _ => null;
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_dark_site_loses_its_mail_to_the_other_within_seconds(string fault)
    {
        await using var world = new DeliveryWorld();
        Darken(world.NaTarget, fault);
        var messages = new List<SpooledMessage>();
        for (var i = 0; i < 100; i++)
        {
            for (var n = 0; n < 3; n++)
                messages.Add(world.Spool.Add($"s{i}{n}@example.org", [$"r{i}{n}@example.com"]));
            await world.PassAsync(TimeSpan.FromMilliseconds(100));
        }
        await world.UntilAsync(() => messages.TrueForAll(m => m.Progress.IsFinal), TimeSpan.FromSeconds(10));

        Assert.All(messages, m => Assert.Equal(RecipientState.Delivered, m.Progress.Recipients[0].State));
        Assert.Equal(300, world.EuTarget.Mail.Count);
        Assert.Empty(world.NaTarget.Mail);
        Assert.InRange(world.NaTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal)), 0, 60);
        Assert.DoesNotContain(world.Journal.Records,
            r => r.Kind is EvidenceKind.Bounced or EvidenceKind.OutcomeUnknown);
    }

    [Fact]
    public async Task With_both_sites_dark_mail_waits_and_only_canaries_go_out()
    {
        await using var world = new DeliveryWorld();
        Darken(world.NaTarget, "rcpt");
        Darken(world.EuTarget, "rcpt");
        var messages = Enumerable.Range(0, 200)
            .Select(i => world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"])).ToList();
        await world.PassAsync(TimeSpan.FromSeconds(20));
        var before = world.NaTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal))
            + world.EuTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal));
        await world.PassAsync(TimeSpan.FromSeconds(60));
        var canaries = world.NaTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal))
            + world.EuTarget.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal)) - before;
        Assert.InRange(canaries, 60, 130);
        Assert.Equal(200, world.Flow.Counts.DestinationClosed + world.Flow.Counts.InDelivery);

        Lighten(world.EuTarget);
        await world.UntilAsync(() => messages.TrueForAll(m => m.Progress.IsFinal), TimeSpan.FromMinutes(3));
        Assert.Equal(200, world.EuTarget.Mail.Count);
        Assert.Equal(200, world.EuTarget.Mail.Select(m => m.Sender).Distinct().Count());
    }

    [Theory]
    [InlineData(80)]
    [InlineData(600)]
    public async Task Messages_that_were_canaries_of_a_long_outage_go_within_seconds_of_its_end(int seconds)
    {
        await using var world = new DeliveryWorld();
        Darken(world.NaTarget, "rcpt");
        Darken(world.EuTarget, "refuse");
        var messages = Enumerable.Range(0, 3)
            .Select(i => world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"])).ToList();
        await world.PassAsync(TimeSpan.FromSeconds(seconds));
        Assert.DoesNotContain(messages, m => m.Progress.IsFinal);
        Assert.Contains(messages, m => m.Progress.Recipients[0].WaitsForPlace);

        Lighten(world.NaTarget);
        Lighten(world.EuTarget);
        await world.UntilAsync(() => messages.TrueForAll(m => m.Progress.IsFinal), TimeSpan.FromSeconds(15));
        Assert.Equal(3, world.NaTarget.Mail.Count + world.EuTarget.Mail.Count);
    }

    [Fact]
    public async Task After_an_outage_who_was_deferred_for_himself_keeps_his_time_and_the_others_of_the_message_go()
    {
        await using var world = new DeliveryWorld(oneSite: true);
        // A busy mailbox first, then the site.
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<busy", StringComparison.Ordinal)
            ? "450 4.2.1 mailbox busy" : l.StartsWith("RCPT", StringComparison.Ordinal) ? Outage : null;
        var message = world.Spool.Add("a@example.org", ["busy@example.com", "other@example.com"]);
        var others = Enumerable.Range(0, 3)
            .Select(i => world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"])).ToList();
        var (busy, other) = (message.Progress.Recipients[0], message.Progress.Recipients[1]);
        await world.UntilAsync(() => busy.Attempts > 0 && other.WaitsForPlace, TimeSpan.FromSeconds(30));
        Darken(world.NaTarget, "refuse");
        await world.PassAsync(TimeSpan.FromSeconds(40));
        // They are the canaries in turn, whatever their own times.
        var tries = world.Journal.Records.Where(r => r.Kind == EvidenceKind.Deferred).CountBy(r => r.MessageId!).ToList();
        Assert.Equal(4, tries.Count);
        Assert.All(tries, t => Assert.InRange(t.Value, 3, tries.Sum(u => u.Value) / 2));

        Lighten(world.NaTarget);
        var tried = busy.Attempts;
        await world.UntilAsync(() => other.IsFinal && others.TrueForAll(m => m.Progress.IsFinal),
            TimeSpan.FromSeconds(15));
        Assert.Equal((false, tried), (busy.IsFinal, busy.Attempts));
        await world.EndAsync(message, TimeSpan.FromMinutes(8));
    }

    [Fact]
    public async Task A_message_that_waited_for_its_destination_before_a_restart_does_not_wait_after_it()
    {
        await using var world = new DeliveryWorld();
        world.Spool.AnnouncesLoaded = false;
        var next = world.Time.GetUtcNow() + TimeSpan.FromMinutes(5);
        var waited = world.Spool.Add("a@example.org", ["b@example.com"],
            progress: p => (p.Recipients[0].NextAttemptAt, p.Recipients[0].WaitsForPlace) = (next, true));
        var own = world.Spool.Add("a@example.org", ["b@example.com"],
            progress: p => p.Recipients[0].NextAttemptAt = next);
        await world.EndAsync(waited, TimeSpan.FromSeconds(5));
        Assert.False(own.Progress.IsFinal);
        await world.EndAsync(own, TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task When_a_site_returns_fresh_mail_goes_ahead_of_backlog()
    {
        await using var world = new DeliveryWorld(oneSite: true);
        Darken(world.NaTarget, "refuse");
        for (var i = 0; i < 500; i++)
            world.Spool.Add($"old{i}@example.org", [$"r{i}@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(30));
        Lighten(world.NaTarget);
        await world.UntilAsync(() => !world.NaTarget.Mail.IsEmpty, TimeSpan.FromMinutes(1));
        var fresh = world.Spool.Add("fresh@example.org", ["r@example.com"]);
        await world.UntilAsync(() => fresh.Progress.IsFinal, TimeSpan.FromSeconds(5));
        Assert.True(world.NaTarget.Mail.Count < 400, "the fresh message waited behind the backlog");
        await world.UntilAsync(() => world.NaTarget.Mail.Count == 501, TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task Retry_and_expiry_clocks_stand_still_while_the_destination_is_closed()
    {
        await using var world = new DeliveryWorld(o =>
        {
            o.RetryFor = TimeSpan.FromMinutes(2);
            o.DelayNoticeAfter = TimeSpan.FromMinutes(1);
        }, oneSite: true);
        Darken(world.NaTarget, "refuse");
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromMinutes(5));
        Assert.DoesNotContain(world.Log.Lines, l => !l.StartsWith("Destination", StringComparison.Ordinal));
        Assert.False(message.Progress.IsFinal);
        Assert.True(message.Progress.ClosedTime > TimeSpan.Zero);
        var notice = Assert.Single(world.Spool.Notices);
        Assert.Contains("Action: delayed", notice.Content, StringComparison.Ordinal);
        Assert.True(message.Progress.DelayNoticeSent);

        Lighten(world.NaTarget);
        await world.EndAsync(message, TimeSpan.FromMinutes(2));
        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
        Assert.Equal(1, message.Progress.Recipients[0].Attempts);
    }

    [Fact]
    public async Task A_closed_destination_says_why_and_when_it_is_tried_next()
    {
        await using var world = new DeliveryWorld();
        Darken(world.NaTarget, "rcpt");
        Darken(world.EuTarget, "refuse");
        var messages = Enumerable.Range(0, 50)
            .Select(i => world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"])).ToList();
        await world.PassAsync(TimeSpan.FromSeconds(20));
        var view = Assert.Single(world.Flow.Desk.Find(messages[49].Handle));
        var why = world.Flow.Desk.Why(view);
        Assert.Contains("mail-na closed since 17:45", why, StringComparison.Ordinal);
        Assert.Contains("451 4.3.2", why, StringComparison.Ordinal);
        Assert.Contains("mail-eu closed", why, StringComparison.Ordinal);
        Assert.Contains("next canary in", why, StringComparison.Ordinal);
    }
}
