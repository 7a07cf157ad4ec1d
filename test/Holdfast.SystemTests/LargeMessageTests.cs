using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>The largest message that is announced, on both sides of the limit, through the real binary.</summary>
public class LargeMessageTests
{
    private const long LimitBytes = 157_286_400;
    private const string Head = "Subject: large\r\nFrom: a@example.org\r\n\r\n";

    [Fact]
    public async Task A_message_of_150_MiB_streams_through_bounded_memory_and_one_octet_more_is_refused()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        gateway.Configure(gateway.TwoSites(mail: """ "Spool": { "BodyMemoryBytes": "32MiB" }, """));
        await using var target = new BulkTarget(gateway.HomePort, Head);
        await gateway.StartAsync();
        var before = gateway.PeakBytes();

        using (var announced = await RawClient.ConnectAsync(gateway.SmtpPort))
        {
            Assert.StartsWith("250", await announced.SayAsync("EHLO large.test\r\n"), StringComparison.Ordinal);
            Assert.StartsWith("552 5.3.4", await announced.SayAsync($"MAIL FROM:<a@example.org> SIZE={LimitBytes + 1}\r\n"),
                StringComparison.Ordinal);
            Assert.StartsWith("250 2.1.0", await announced.SayAsync($"MAIL FROM:<a@example.org> SIZE={LimitBytes}\r\n"),
                StringComparison.Ordinal);
        }
        // Both at once: what one of them holds must not be the other's.
        var watch = Stopwatch.StartNew();
        var replies = await Task.WhenAll(SendAsync(gateway.SmtpPort, LimitBytes), SendAsync(gateway.SmtpPort, LimitBytes + 1));
        Assert.StartsWith("250 2.0.0", replies[0].Reply, StringComparison.Ordinal);
        Assert.StartsWith("552 5.3.4", replies[1].Reply, StringComparison.Ordinal);
        await Eventually.HoldsAsync(() => target.Taken > 0, TimeSpan.FromSeconds(60), () => gateway.Log);
        await Eventually.HoldsAsync(async () => await gateway.WaitingAsync() == 0, TimeSpan.FromSeconds(20), () => gateway.Log);
        var grown = gateway.PeakBytes() - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s, peak grew by {grown >> 20} MiB");
        Assert.Equal(1, target.Taken);
        Assert.Equal(LimitBytes, target.LastBytes);
        Assert.Equal(replies[0].Hash, target.LastHash);
        Assert.True(grown < 64L << 20, $"the peak grew by {grown >> 20} MiB for 150 MiB");
    }

    /// <summary>Sends so much content without saying so before; returns the last reply and the content's hash.</summary>
    private static async Task<(string Reply, string Hash)> SendAsync(int port, long bytes)
    {
        using var client = await RawClient.ConnectAsync(port);
        await client.SayAsync("EHLO large.test\r\n");
        await client.SayAsync("MAIL FROM:<a@example.org>\r\n");
        await client.SayAsync("RCPT TO:<b@example.net>\r\n");
        Assert.StartsWith("354", await client.SayAsync("DATA\r\n"), StringComparison.Ordinal);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // Octets, line ends and all, repeated; the last line takes what is left.
        var block = new byte[80 * 8192];
        new Random(150).NextBytes(block);
        for (var i = 0; i < block.Length; i++)
            block[i] = (i % 80) switch { 78 => (byte)'\r', 79 => (byte)'\n', _ => (byte)('a' + (block[i] % 26)) };
        await WriteAsync(Encoding.Latin1.GetBytes(Head));
        var left = bytes - Head.Length;
        while (left > block.Length + 80)
        {
            await WriteAsync(block);
            left -= block.Length;
        }
        while (left > 160)
        {
            await WriteAsync(block.AsMemory(0, 80));
            left -= 80;
        }
        await WriteAsync(Encoding.Latin1.GetBytes(new string('z', (int)left - 2) + "\r\n"));
        await client.SendAsync(".\r\n"u8.ToArray());
        return (await client.ReplyAsync(), Convert.ToHexString(hash.GetHashAndReset()));

        async Task WriteAsync(ReadOnlyMemory<byte> octets)
        {
            hash.AppendData(octets.Span);
            await client.Stream.WriteAsync(octets);
        }
    }
}
