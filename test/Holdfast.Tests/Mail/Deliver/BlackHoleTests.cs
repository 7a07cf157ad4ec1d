using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Targets that take connections and then say nothing, or say it late.</summary>
public class BlackHoleTests
{
    [Theory]
    [InlineData("silent")]
    [InlineData("mute")]
    public async Task A_black_hole_is_closed_after_about_a_second_and_its_mail_moves_soon(string fault)
    {
        await using var world = new DeliveryWorld();
        var messages = new List<SpooledMessage>();
        void Send()
        {
            for (var n = 0; n < 15; n++)
                messages.Add(world.Spool.Add($"s{messages.Count}@example.org", [$"r{messages.Count}@example.com"]));
        }

        // Open connections would go on past a greeting that never comes.
        for (var i = 0; i < 20 && fault == "mute"; i++)
        {
            Send();
            await world.PassAsync(TimeSpan.FromMilliseconds(100));
        }
        OutageTests.Darken(world.NaTarget, fault);
        var before = Asked(world, fault);
        for (var i = 0; i < 15; i++)
        {
            Send();
            await world.PassAsync(TimeSpan.FromMilliseconds(100));
        }
        Assert.Equal(VerdictState.Closed, world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites
            .Single(s => s.Site == "mail-na").Verdict.State);
        // Those that asked it are free again well before StallAfter, but for a canary or two.
        await world.UntilAsync(() => messages.Count(m => !m.Progress.IsFinal) <= 2, TimeSpan.FromSeconds(3.2));
        await world.UntilAsync(() => messages.TrueForAll(m => m.Progress.IsFinal), TimeSpan.FromSeconds(6));
        Assert.All(messages, m => Assert.Equal(RecipientState.Delivered, m.Progress.Recipients[0].State));
        // Two hundred came in that time; how many were at work when it went dark is the limit's affair.
        Assert.InRange(Asked(world, fault) - before, 1, 120);
    }

    private static int Asked(DeliveryWorld world, string fault) => fault == "silent" ? world.NaTarget.Connections
        : world.NaTarget.Commands.Count(c => c.StartsWith("MAIL", StringComparison.Ordinal));

    [Fact]
    public async Task A_target_that_takes_twelve_seconds_for_a_recipient_gets_its_mail_in_the_end()
    {
        await using var world = new DeliveryWorld(oneSite: true);
        world.NaTarget.Offers = ["8BITMIME"];
        world.NaTarget.Pause = l => l.StartsWith("RCPT", StringComparison.Ordinal)
            ? Task.Delay(TimeSpan.FromSeconds(12), world.Time) : Task.CompletedTask;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, TimeSpan.FromMinutes(3));
        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
    }

    [Fact]
    public async Task A_target_that_always_takes_two_seconds_for_a_recipient_stays_open()
    {
        await using var world = new DeliveryWorld(oneSite: true);
        world.NaTarget.Offers = ["8BITMIME"];
        world.NaTarget.Pause = l => l.StartsWith("RCPT", StringComparison.Ordinal)
            ? Task.Delay(TimeSpan.FromSeconds(2), world.Time) : Task.CompletedTask;
        for (var i = 0; i < 60; i++)
        {
            world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"]);
            await world.PassAsync(TimeSpan.FromSeconds(1));
        }
        Assert.True(world.NaTarget.Mail.Count > 40, $"{world.NaTarget.Mail.Count} of 60");
        var site = world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites[0];
        Assert.Equal(VerdictState.Healthy, site.Verdict.State);
        Assert.Equal(0, site.FailedPerSecond, 0.2);
    }

    [Fact]
    public async Task A_busy_machine_makes_no_target_look_slow()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = _ =>
        {
            // Real time, as when others have the processor: the test's clock must wait for it.
            SpinWait.SpinUntil(static () => false, TimeSpan.FromMilliseconds(4));
            return null;
        };
        for (var i = 0; i < 30; i++)
        {
            world.Spool.Add($"s{i}@example.org", [$"r{i}@example.com"]);
            await world.PassAsync(TimeSpan.FromMilliseconds(100));
        }
        Assert.Equal(30, world.NaTarget.Mail.Count);
        Assert.All(world.Journal.Records, r => Assert.Null(r.Took));
    }

    [Fact]
    public async Task A_site_that_is_silent_after_the_dot_is_closed_and_its_messages_are_not_sent_twice_meanwhile()
    {
        await using var world = new DeliveryWorld();
        var messages = new List<SpooledMessage>();
        world.NaTarget.Script = l => l == "." ? ScriptedTarget.Silence : null;
        for (var i = 0; i < 30; i++)
        {
            for (var n = 0; n < 5; n++)
                messages.Add(world.Spool.Add($"s{i}{n}@example.org", [$"r{i}{n}@example.com"]));
            await world.PassAsync(TimeSpan.FromMilliseconds(100));
        }
        Assert.Equal(VerdictState.Closed, world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites
            .Single(s => s.Site == "mail-na").Verdict.State);
        var dots = world.NaTarget.Commands.Count(c => c == ".");
        Assert.InRange(dots, 1, 60);
        // What may have been taken waits for its answer (RFC 1047); the rest went to the other site.
        Assert.Equal(150 - dots, world.EuTarget.Mail.Count);
        Assert.Equal(150 - dots, messages.Count(m => m.Progress.IsFinal));
    }

    [Theory]
    [InlineData(421, 4, 4, 2, true)]
    [InlineData(421, 4, 7, 0, true)]
    [InlineData(432, 4, 3, 2, true)]
    [InlineData(452, 4, 3, 1, true)]
    [InlineData(451, 4, 3, 2, true)]
    [InlineData(451, 4, 4, 5, true)]
    [InlineData(451, 4, 7, 500, true)]
    [InlineData(451, 4, 7, 699, true)]
    [InlineData(451, 4, 7, 499, false)]
    [InlineData(451, 4, 7, 700, false)]
    [InlineData(450, 4, 2, 1, false)]
    [InlineData(452, 4, 2, 2, false)]
    [InlineData(550, 5, 7, 500, false)]
    [InlineData(250, 2, 0, 0, false)]
    public void A_reply_that_asks_for_less_is_told_from_one_that_does_not(int code, byte kind, ushort subject,
        ushort detail, bool asksForLess) =>
        Assert.Equal(asksForLess, ReplyClassifier.IsPushBack(new Holdfast.Mail.Smtp.SmtpReply(code,
            new Holdfast.Mail.Smtp.EnhancedStatus(kind, subject, detail), "")));
}
