using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>The dialogue on the wire, piece by piece.</summary>
public class TargetConnectionTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Envelope_and_content_take_two_writes()
    {
        await using var world = new DeliveryWorld();
        var message = world.Spool.Add("a@example.org", ["b@example.com", "c@example.com"], "Subject: x\r\n\r\n.\r\n");
        await world.EndAsync(message, Soon);
        Assert.Equal(
        [
            "EHLO holdfast.example\r\n",
            "MAIL FROM:<a@example.org> SIZE=17\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n",
            "Subject: x\r\n\r\n..\r\n.\r\n",
        ], world.NaTarget.Chunks);
    }

    [Fact]
    public async Task Without_PIPELINING_each_command_waits_for_its_answer()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["8BITMIME"];
        var message = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\ny\r\n");
        await world.EndAsync(message, Soon);
        Assert.Equal(
        [
            "EHLO holdfast.example\r\n", "MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n",
            "Subject: x\r\n\r\ny\r\n.\r\n",
        ], world.NaTarget.Chunks);
    }

    [Fact]
    public async Task A_server_that_knows_no_EHLO_gets_HELO()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("EHLO", StringComparison.Ordinal) ? "502 5.5.1 unknown" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(["EHLO holdfast.example", "HELO holdfast.example", "MAIL FROM:<a@example.org>",
            "RCPT TO:<b@example.com>", "DATA", "."], world.NaTarget.Commands);
    }

    [Fact]
    public async Task When_all_recipients_are_refused_and_DATA_is_not_a_lone_dot_ends_it()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user"
            : l == "DATA" ? "354 go on" : l == "." ? "554 5.5.1 no valid recipients" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(RecipientState.Failed, message.Progress.Recipients[0].State);
        Assert.Contains("no such user", message.Progress.Recipients[0].LastReply, StringComparison.Ordinal);
        Assert.Equal(".\r\n", world.NaTarget.Chunks.Last());
        Assert.Empty(world.Spool.Attempts);
    }

    [Fact]
    public async Task After_a_refused_envelope_the_connection_is_reset_and_used_again()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<no@", StringComparison.Ordinal) ? "550 5.1.1 no" : null;
        var refused = world.Spool.Add("a@example.org", ["no@example.com"]);
        await world.EndAsync(refused, Soon);
        var taken = world.Spool.Add("a@example.org", ["yes@example.com"]);
        await world.EndAsync(taken, Soon);
        Assert.Equal(1, world.NaTarget.Connections);
        Assert.StartsWith("RSET\r\nMAIL FROM:<a@example.org>", world.NaTarget.Chunks.Skip(2).First(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_idle_connection_that_the_target_closed_is_no_failure()
    {
        await using var world = new DeliveryWorld();
        var first = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(first, Soon);
        var drop = true;
        world.NaTarget.Script = l =>
        {
            if (!drop || !l.StartsWith("MAIL", StringComparison.Ordinal))
                return null;
            drop = false;
            return ScriptedTarget.Reset;
        };
        var second = world.Spool.Add("a@example.org", ["c@example.com"]);
        await world.EndAsync(second, Soon);
        Assert.Equal(2, world.NaTarget.Mail.Count);
        Assert.Equal(2, world.NaTarget.Connections);
        Assert.DoesNotContain(world.Journal.Records, r => r.Kind == Holdfast.Storage.Journal.EvidenceKind.Moved);
    }

    [Fact]
    public async Task Large_content_streams_through_a_bounded_buffer()
    {
        await using var world = new DeliveryWorld(o => o.GatherBytesMax = 4096);
        var content = "Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat("." + new string('x', 900) + "\r\n", 200));
        var message = world.Spool.Add("a@example.org", ["b@example.com"], content);
        await world.EndAsync(message, Soon);
        Assert.Equal(content, Assert.Single(world.NaTarget.Mail).Content);
    }

    [Fact]
    public async Task What_follows_the_answer_to_STARTTLS_in_clear_ends_the_connection()
    {
        await using var world = new DeliveryWorld(oneSite: true, route: new Holdfast.Mail.Route.RouteOptions
        {
            Rules = [new() { Domain = "*", Service = "mail", Tls = Holdfast.Mail.Route.TlsMode.Required }],
        });
        world.NaTarget.Offers = ["PIPELINING", "STARTTLS"];
        world.NaTarget.Script = l => l == "STARTTLS" ? "220 go\r\n250 injected" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].LastReply is not null, Soon);
        Assert.Contains("injection", message.Progress.Recipients[0].LastReply, StringComparison.Ordinal);
        Assert.DoesNotContain(world.NaTarget.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_TLS_is_required_and_not_offered_nothing_goes_in_clear()
    {
        await using var world = new DeliveryWorld(oneSite: true, route: new Holdfast.Mail.Route.RouteOptions
        {
            Rules = [new() { Domain = "*", Service = "mail", Tls = Holdfast.Mail.Route.TlsMode.Required }],
        });
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].LastReply is not null, Soon);
        Assert.Contains("STARTTLS is required", message.Progress.Recipients[0].LastReply, StringComparison.Ordinal);
        Assert.DoesNotContain(world.NaTarget.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Opportunistic_TLS_that_fails_before_any_mail_falls_back_to_clear()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING", "STARTTLS"];
        world.NaTarget.Script = l => l == "STARTTLS" ? "220 go\r\n250 injected" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Single(world.NaTarget.Mail);
        Assert.Equal(2, world.NaTarget.Connections);
    }
}
