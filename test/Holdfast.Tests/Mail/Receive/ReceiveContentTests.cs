using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveContentTests
{
    [Theory]
    [InlineData("\n.\n")]
    [InlineData("\n.\r\n")]
    [InlineData("\r\n.\n")]
    [InlineData("\r.\r")]
    [InlineData("\r.\r\n")]
    [InlineData("\r\n.\r")]
    [InlineData("\n.\r")]
    [InlineData("\r\n\0.\r\n")]
    [InlineData("\r\r\n.\r\r\n")]
    public async Task A_smuggled_end_of_data_ends_nothing(string fake)
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.SendAsync($"first{fake}MAIL FROM:<evil@example.org>\r\nRCPT TO:<x@example.com>\r\nDATA\r\nsecond\r\n.\r\n");
        var reply = await client.ReadReplyAsync();
        if (fake.Contains('\0'))
            Assert.Contains("evil@example.org", bench.Spool.OnlyBody(), StringComparison.Ordinal);
        else
            Assert.StartsWith("550 5.5.2", reply, StringComparison.Ordinal);
        Assert.StartsWith("250", await client.SayAsync("NOOP"), StringComparison.Ordinal);
        Assert.DoesNotContain(bench.Spool.Messages, m => m.Envelope.Sender == "evil@example.org");
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task Bare_newlines_are_normalised_where_the_listener_says_so_and_still_end_nothing()
    {
        await using var bench = await ReceiveBench.StartAsync(o =>
            o.Listeners[0].BareNewlines = BareNewlineHandling.Normalise);
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.ExpectAsync(("one\n.\ntwo\rthree\r\n.", "250 2.0.0"));
        Assert.Equal("one\r\n.\r\ntwo\r\nthree\r\n", bench.Spool.OnlyBody());
    }

    [Fact]
    public async Task Stuffed_dots_are_taken_off_once_wherever_the_wire_cuts()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        foreach (var piece in "..a\r\n...\r\nb.\r\n\r\n.\r\n")
            await client.SendAsync(piece.ToString());
        Assert.StartsWith("250", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(".a\r\n..\r\nb.\r\n\r\n", bench.Spool.OnlyBody());
        Assert.True(bench.Spool.Messages.First().Envelope.Traits.HasFlag(ContentTraits.HasLeadingDot));
    }

    [Fact]
    public async Task A_message_of_the_largest_size_is_taken_and_one_octet_more_is_not()
    {
        const int max = 64 << 10;
        await using var bench = await ReceiveBench.StartAsync(o => o.MessageBytesMax = max);
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        var line = new string('x', 998) + "\r\n";
        var body = string.Concat(Enumerable.Repeat(line, max / 1000)) + new string('y', (max % 1000) - 2) + "\r\n";
        Assert.Equal(max, body.Length);
        await client.ExpectAsync((body + ".", "250 2.0.0"));
        await client.ExpectAsync(("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<b@example.com>", "250"), ("DATA", "354"),
            ("z" + body + ".", "552 5.3.4"));
        await client.ExpectAsync(($"MAIL FROM:<a@example.org> SIZE={max}", "250"), ("RSET", "250"),
            ($"MAIL FROM:<a@example.org> SIZE={max + 1}", "552 5.3.4"), ("NOOP", "250"));
        Assert.Single(bench.Spool.Messages);
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task A_client_that_sends_without_end_is_cut_off()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.MessageBytesMax = 64 << 10);
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        var reply = client.ReadReplyAsync();
        var block = new string('x', 998) + "\r\n";
        for (var i = 0; i < 1_000 && !reply.IsCompleted; i++)
            await client.SendAsync(block);
        Assert.StartsWith("552 5.3.4", await reply, StringComparison.Ordinal);
        Assert.Equal("", await client.ReadReplyAsync());
    }

    [Fact]
    public async Task A_message_that_came_over_too_many_hops_is_refused()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.ExpectAsync((string.Concat(Enumerable.Repeat("Received: x\r\n", 49)) + "\r\nReceived: not a hop\r\n.",
            "250 2.0.0"));
        await client.ExpectAsync(("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<b@example.com>", "250"), ("DATA", "354"),
            (string.Concat(Enumerable.Repeat("Received: x\r\n", 50)) + "\r\n.", "554 5.4.6"));
    }

    [Fact]
    public async Task Chunks_make_one_message_and_may_hold_anything()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"));
        await client.SendAsync("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nBDAT 8\r\nab\r\n.\r\ncBDAT 3\r\n\r\nd" +
            "BDAT 0 LAST\r\nMAIL FROM:<a@example.org>\r\nRSET\r\nQUIT\r\n");
        foreach (var expected in new[] { "250 2.1.0", "250 2.1.5", "250 2.0.0 Chunk", "250 2.0.0 Chunk", "250 2.0.0 Queued",
            "250 2.1.0", "250 2.0.0", "221" })
            Assert.StartsWith(expected, await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("ab\r\n.\r\nc\r\nd", bench.Spool.OnlyBody());
        Assert.True(bench.Spool.Messages.First().Envelope.Traits.HasFlag(ContentTraits.LacksFinalNewline));
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task Bare_newlines_in_chunks_are_refused_and_a_binary_body_is_not_taken()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<b@example.com>", "250"));
        await client.SendAsync("BDAT 3\r\na\nb");
        Assert.StartsWith("550 5.5.2", await client.ReadReplyAsync(), StringComparison.Ordinal);
        await client.SendAsync("BDAT 2 LAST\r\nxx");
        Assert.StartsWith("554 5.5.1", await client.ReadReplyAsync(), StringComparison.Ordinal);
        // It would leave by DATA, where "\n.\r\n" ends the message for some servers.
        Assert.DoesNotContain("BINARYMIME", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("MAIL FROM:<a@example.org> BODY=BINARYMIME", "5"));
        await client.SendAsync("BDAT 14 LAST\r\nx\n.\r\nMAIL FROM");
        Assert.StartsWith("503", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Empty(bench.Spool.Messages);
    }
}
