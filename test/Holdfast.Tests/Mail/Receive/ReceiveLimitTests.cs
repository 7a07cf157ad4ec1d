using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveLimitTests
{
    [Fact]
    public async Task One_recipient_too_many_gets_452_and_the_others_their_mail()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.RecipientsMax = 100);
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"));
        for (var i = 0; i < 100; i++)
            await client.ExpectAsync(($"RCPT TO:<r{i}@example.com>", "250"));
        await client.ExpectAsync(("RCPT TO:<r100@example.com>", "452 4.5.3"), ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal(100, Assert.Single(bench.Spool.Messages).Envelope.Recipients.Count);
        Assert.Contains(" more", bench.Evidence.Records.Last().Recipient + " more", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_connections_are_told_421_and_places_come_back()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.ConnectionsMax = 2);
        var first = await bench.ConnectAsync();
        await bench.ConnectAsync();
        var third = bench.Open();
        Assert.StartsWith("421 4.3.2", await third.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("", await third.ReadReplyAsync());
        await first.ExpectAsync(("QUIT", "221"));
        await first.Connection.Disposed;
        while (bench.Server.Status().Sessions > 1)
            await Task.Yield();
        await bench.ConnectAsync();
    }

    [Fact]
    public async Task Too_many_connections_of_one_address_are_told_421_but_trusted_relays_are_not_bounded()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.ConnectionsPerAddressMax = 2);
        await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.1");
        var second = await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.1");
        Assert.StartsWith("421 4.7.0", await bench.Open(ReceiveBench.Inbound, "198.51.100.1").ReadReplyAsync(),
            StringComparison.Ordinal);
        await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.2");
        await second.ExpectAsync(("QUIT", "221"));
        await second.Connection.Disposed;
        await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.1");
        for (var i = 0; i < 5; i++)
            await bench.ConnectAsync();
    }

    [Fact]
    public async Task A_silent_client_is_told_421_when_its_time_is_up_and_not_before()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        var reply = client.ReadReplyAsync();
        await bench.UntilWaitingAsync();
        await bench.AdvanceAsync(TimeSpan.FromSeconds(299));
        Assert.False(reply.IsCompleted);
        await bench.AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.StartsWith("421 4.4.2", await reply, StringComparison.Ordinal);
        await client.Connection.Disposed;
    }

    [Fact]
    public async Task A_byte_now_and_then_does_not_prolong_a_command()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        var reply = client.ReadReplyAsync();
        await bench.UntilWaitingAsync();
        for (var i = 0; i < 7 && !reply.IsCompleted; i++)
        {
            await client.SendAsync("N");
            await bench.UntilWaitingAsync();
            await bench.AdvanceAsync(TimeSpan.FromSeconds(59));
        }
        Assert.StartsWith("421 4.4.2", await reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_below_the_least_rate_is_cut_off_after_its_grace()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.DataRateMin = 100);
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        var reply = client.ReadReplyAsync();
        await bench.UntilWaitingAsync();
        // 150 bytes a second are fast enough, however long it takes.
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync(new string('x', 1498) + "\r\n");
            await bench.UntilWaitingAsync();
            await bench.AdvanceAsync(TimeSpan.FromSeconds(10));
            Assert.False(reply.IsCompleted);
        }
        await bench.AdvanceAsync(TimeSpan.FromSeconds(110));
        Assert.StartsWith("421 4.4.2", await reply, StringComparison.Ordinal);
        Assert.Empty(bench.Spool.Messages);
        await client.Connection.Disposed;
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task Under_stress_idle_clients_have_ten_seconds()
    {
        await using var bench = await ReceiveBench.StartAsync(o => (o.ConnectionsMax, o.StressShare) = (4, 0.5));
        var first = await bench.ConnectAsync();
        var reply = first.ReadReplyAsync();
        await bench.UntilWaitingAsync();
        await bench.AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.False(reply.IsCompleted);
        await bench.ConnectAsync();
        await bench.AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.StartsWith("421 4.4.2", await reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_too_many_errors_the_session_ends()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.ErrorsMax = 3);
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("X", "500"), ("X", "500"), ("X", "500"), ("X", "500"));
        Assert.StartsWith("421 4.7.0", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("", await client.ReadReplyAsync());
    }

    [Fact]
    public async Task Commands_that_do_nothing_become_errors_in_the_end()
    {
        await using var bench = await ReceiveBench.StartAsync(o => (o.ErrorsMax, o.IdleCommandsMax) = (1, 5));
        var client = await bench.ConnectAsync();
        for (var i = 0; i < 7; i++)
            await client.ExpectAsync(("NOOP", "250"));
        Assert.StartsWith("421 4.7.0", await client.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(510, "500 5.5.2 Command")]
    [InlineData(511, "500 5.5.2 Line")]
    [InlineData(100_000, "500 5.5.2 Line")]
    public async Task A_line_that_is_too_long_is_dropped_and_answered_once(int length, string expected)
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.ExpectAsync((new string('X', length), expected), ("NOOP", "250"));
    }

    [Fact]
    public async Task Lines_must_end_in_cr_lf()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.SendAsync("NOOP\nNOOP\rNOOP\r\nNOOP\r\n");
        Assert.StartsWith("500 5.5.2", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("500 5.5.2", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_talks_before_the_greeting_is_refused_and_who_waits_is_greeted()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.GreetingDelay = TimeSpan.FromSeconds(2));
        var early = bench.Open(ReceiveBench.Inbound, "198.51.100.1");
        await early.SendAsync("EHLO spam\r\n");
        Assert.StartsWith("554 5.5.1", await early.ReadReplyAsync(), StringComparison.Ordinal);
        var patient = bench.Open(ReceiveBench.Inbound, "198.51.100.1");
        var greeting = patient.ReadReplyAsync();
        while (!greeting.IsCompleted)
        {
            await Task.Yield();
            bench.Time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.StartsWith("220 mx.example.org", await greeting, StringComparison.Ordinal);
        // A relay's trusted networks don't wait.
        await bench.ConnectAsync();
    }

    [Fact]
    public async Task A_browser_is_shown_the_door()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@example.org>\r\n");
        Assert.StartsWith("421 4.7.0", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("", await client.ReadReplyAsync());
    }

    [Fact]
    public async Task On_inbound_nothing_may_follow_ehlo_in_its_group()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.1");
        await client.SendAsync("EHLO c\r\nMAIL FROM:<a@example.org>\r\n");
        Assert.StartsWith("554 5.5.0", await client.ReadReplyAsync(), StringComparison.Ordinal);
    }
}
