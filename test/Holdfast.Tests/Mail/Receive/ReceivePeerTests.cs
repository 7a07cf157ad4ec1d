using System.Text;

namespace Holdfast.Tests.Mail.Receive;

public class ReceivePeerTests
{
    private static readonly string Header = Encoding.Latin1.GetString(
    [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12,
        198, 51, 100, 9, 192, 0, 2, 1, 0x9C, 0x40, 0, 25,
    ]);

    [Fact]
    public async Task A_listed_balancer_speaks_for_its_client_and_may_cut_its_header_anywhere()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].ProxyProtocolFrom = ["127.0.0.1"]);
        var client = bench.Open();
        foreach (var octet in Header)
            await client.SendAsync(octet.ToString());
        Assert.StartsWith("220", await client.ReadReplyAsync(), StringComparison.Ordinal);
        // The true client is no trusted network, though the balancer is in one.
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"),
            ("RCPT TO:<b@example.com>", "550 5.7.1"));
        Assert.Equal("198.51.100.9", bench.Evidence.Records.Single().Remote);
    }

    [Fact]
    public async Task A_listed_balancer_without_a_header_is_not_served()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].ProxyProtocolFrom = ["127.0.0.1"]);
        var client = bench.Open();
        await client.SendAsync("EHLO c\r\n");
        Assert.StartsWith("421", await client.ReadReplyAsync(), StringComparison.Ordinal);
        var silent = bench.Open();
        var reply = silent.ReadReplyAsync();
        for (var i = 0; i < 100_000 && !reply.IsCompleted; i++)
        {
            await Task.Yield();
            bench.Time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.StartsWith("421", await reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_header_of_anyone_else_is_noise()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].ProxyProtocolFrom = ["127.0.0.1"]);
        var client = await bench.ConnectAsync(from: "127.0.0.2");
        await client.SendAsync(Header + "\r\n");
        for (var i = 0; i < 4; i++)
            Assert.StartsWith("500", await client.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Xclient_of_a_listed_peer_changes_the_client_and_its_trust()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].XclientFrom = ["127.0.0.1"]);
        var client = await bench.ConnectAsync();
        Assert.Contains("XCLIENT ", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("XCLIENT ADDR=198.51.100.9 HELO=far.example", "220"), ("EHLO c", "250-"),
            ("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<b@example.com>", "550 5.7.1"),
            ("XCLIENT ADDR=127.0.0.1", "503"), ("RSET", "250"), ("XCLIENT ADDR=127.0.0.5", "220"), ("EHLO d", "250-"),
            ("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<b@example.com>", "250"), ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal("127.0.0.5", Assert.Single(bench.Spool.Messages).Envelope.ClientAddress);
        client = await bench.ConnectAsync(from: "127.0.0.2");
        await client.ExpectAsync(("EHLO c", "250-"), ("XCLIENT ADDR=127.0.0.1", "550 5.7.0"));
    }
}
