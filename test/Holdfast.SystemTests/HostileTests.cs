using System.Net;
using System.Net.Sockets;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Senders that mean harm or don't know better, against the real binary.</summary>
public class HostileTests
{
    /// <summary>Ends of data that aren't CRLF.CRLF; each is followed by a smuggled transaction.</summary>
    public static TheoryData<string> FalseEnds =>
    [
        "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r.\n", "\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n. \r\n",
        "\r\r\n.\r\r\n", "\n\r\n.\n", "\r\n.\r\r\n",
    ];

    [Theory]
    [MemberData(nameof(FalseEnds))]
    public async Task A_false_end_of_data_smuggles_nothing(string end)
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await gateway.StartAsync();
        using var raw = await RawClient.ConnectAsync(gateway.SmtpPort);
        await raw.SayAsync("EHLO x.test\r\n");
        await raw.SayAsync("MAIL FROM:<a@a.test>\r\n");
        await raw.SayAsync("RCPT TO:<b@b.test>\r\n");
        Assert.StartsWith("354", await raw.SayAsync("DATA\r\n"), StringComparison.Ordinal);
        var answer = await raw.SayAsync("Subject: outer\r\nX-Marker: outer\r\n\r\nbody" + end
            + "MAIL FROM:<evil@a.test>\r\nRCPT TO:<victim@b.test>\r\nDATA\r\nX-Marker: smuggled\r\n\r\nevil\r\n.\r\n");
        Assert.True(answer.StartsWith("250", StringComparison.Ordinal) || answer.StartsWith("550 5.5.2", StringComparison.Ordinal),
            answer);
        await raw.SayAsync("QUIT\r\n");
        if (answer.StartsWith("250", StringComparison.Ordinal))
            await Eventually.HoldsAsync(() => na.DeliveredCount > 0, TimeSpan.FromSeconds(10), () => gateway.Log);
        Assert.True(na.DeliveredCount <= 1);
        Assert.True(na.Rcpts <= 1, "the smuggled RCPT reached the target");
    }

    [Fact]
    public async Task Overlong_lines_and_garbage_get_a_reply_and_harm_nobody()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await gateway.StartAsync();
        using (var raw = await RawClient.ConnectAsync(gateway.SmtpPort))
        {
            Assert.StartsWith("5", await raw.SayAsync(new string('A', 100_000) + "\r\n"), StringComparison.Ordinal);
        }
        using (var raw = await RawClient.ConnectAsync(gateway.SmtpPort))
        {
            await raw.SayAsync("EHLO x\r\n");
            Assert.StartsWith("5", await raw.SayAsync("MAIL FROM:<a\0b@c>\r\n"), StringComparison.Ordinal);
            Assert.StartsWith("5", await raw.SayAsync("MAIL FROM:<a@b.test> SIZE=99999999999999999999\r\n"),
                StringComparison.Ordinal);
            Assert.StartsWith("552", await raw.SayAsync("MAIL FROM:<a@b.test> SIZE=999999999999\r\n"), StringComparison.Ordinal);
            Assert.StartsWith("5", await raw.SayAsync("RCPT TO:<x@y>\r\n"), StringComparison.Ordinal);
            Assert.StartsWith("250", await raw.SayAsync("NOOP\r\n"), StringComparison.Ordinal);
        }
        var random = new Random(7);
        for (var i = 0; i < 50; i++)
        {
            using var raw = await RawClient.ConnectAsync(gateway.SmtpPort);
            var garbage = new byte[random.Next(1, 5000)];
            random.NextBytes(garbage);
            await raw.SendAsync(garbage);
        }
        var sender = new MarkedSender(gateway.SmtpPort, "ok");
        await sender.RunAsync(5, default);
        Assert.Equal(5, sender.AcknowledgedCount);
    }

    [Fact]
    public async Task Thousands_of_idle_connections_cost_little_and_mail_still_flows()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        gateway.Configure(gateway.TwoSites("\"ConnectionsPerAddressMax\": 6000,"));
        await using var na = new ScriptedTarget(gateway.HomePort);
        await gateway.StartAsync();
        var before = gateway.ResidentBytes();
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 4000; i++)
            {
                var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, gateway.SmtpPort);
                idle.Add(client);
            }
            var sender = new MarkedSender(gateway.SmtpPort, "busy");
            await sender.RunAsync(50, default);
            Assert.Equal(50, sender.AcknowledgedCount);
            var grown = gateway.ResidentBytes() - before;
            Assert.True(grown < 200L << 20, $"4000 idle connections cost {grown >> 20} MiB");
        }
        finally
        {
            idle.ForEach(c => c.Dispose());
        }
    }
}
