using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>HTTP/2 rapid reset (CVE-2023-44487): requests that are taken back as soon as they are sent.</summary>
public sealed class WebRapidResetTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>GET http://store.example/ by the static table (RFC 7541 A) and one literal.</summary>
    private static readonly byte[] Fields = [0x82, 0x86, 0x84, 0x41, 13, .. "store.example"u8];

    [Fact]
    public async Task Whoever_resets_streams_in_a_flood_is_sent_away_and_others_are_served()
    {
        await using var web = new WebGateway(new Workspace());
        var port = Workspace.FreePort();
        await web.StartAsync(web.Configuration().Replace($"\"Endpoint\": \"127.0.0.1:{web.Port}\" }}",
            $"\"Endpoint\": \"127.0.0.1:{web.Port}\" }}, {{ \"Name\": \"h2c\", \"Endpoint\": \"127.0.0.1:{port}\", "
            + "\"Protocols\": \"Http2\" }", StringComparison.Ordinal));
        await Eventually.HoldsAsync(() => web.Gateway.Log.Contains(" is ready.", StringComparison.Ordinal), Limit,
            () => web.Gateway.Log);
        // Targets that take their time, so that what was reset is still under way there.
        foreach (var target in web.Targets)
        {
            target.Serve = async context =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, context.RequestAborted);
                return false;
            };
        }
        Assert.All(await web.AskAsync(50, TimeSpan.FromSeconds(2)), a => Assert.Equal(200, a.Status));
        using var over = new CancellationTokenSource();
        var floods = Enumerable.Range(0, 4).Select(_ => FloodAsync(port, over.Token)).ToArray();
        var others = await web.AskAsync(50, TimeSpan.FromSeconds(5));
        await over.CancelAsync();
        var sent = await Task.WhenAll(floods);
        var served = others.Count(a => a.Status == 200);
        var slow = others.Select(a => a.Took).Order().ElementAt((int)(others.Count * 0.95));
        var words = $"{served} of {others.Count} served, 95 % within {slow.TotalMilliseconds:0} ms; "
            + $"{sent.Sum(s => s.Connections)} connections, {sent.Sum(s => s.Streams)} streams, targets saw "
            + $"{web.Targets.Sum(t => t.Requests)}";
        TestContext.Current.TestOutputHelper?.WriteLine(words);
        Assert.True(served >= others.Count * 0.99, words);
        Assert.True(slow < TimeSpan.FromSeconds(1), words);
        // Connections of the flood were ended, not suffered for ever.
        Assert.All(sent, s => Assert.True(s.Connections > 1, words));
        // The log tells of it in a few lines, whatever their number.
        Assert.DoesNotContain("exceeded the output", web.Gateway.Log, StringComparison.Ordinal);
        Assert.InRange(web.Gateway.Log.Split("Cut off ").Length - 1, 1, 10);
        // None of them keeps its place, though Kestrel never lets some go, nor holds a stop up.
        web.Client.Dispose();
        using var operatorClient = new HttpClient();
        var metrics = new Uri($"http://127.0.0.1:{web.Gateway.HttpPort}/metrics");
        await Eventually.HoldsAsync(async () => (await operatorClient.GetStringAsync(metrics)).Split('\n')
            .Any(l => l.StartsWith("holdfast_web_connections{", StringComparison.Ordinal)
                && l.EndsWith(" 0", StringComparison.Ordinal)), Limit, () => words);
        Assert.Equal(0, await web.Gateway.StopAsync());
    }

    /// <summary>HEADERS and RST_STREAM as fast as they are taken; a connection that is closed is made anew.</summary>
    private static async Task<(int Connections, int Streams)> FloodAsync(int port, CancellationToken over)
    {
        var (connections, streams) = (0, 0);
        while (!over.IsCancellationRequested)
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port, over);
                connections++;
                var stream = client.GetStream();
                await stream.WriteAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. RawHttp2.Frame(4, 0, 0, [])], over);
                var reading = DiscardAsync(stream, over);
                for (var id = 1; !over.IsCancellationRequested && !reading.IsCompleted; id += 200)
                {
                    var batch = new List<byte>();
                    for (var i = id; i < id + 200; i += 2)
                    {
                        batch.AddRange(RawHttp2.Frame(1, 0x5, i, Fields));
                        batch.AddRange(RawHttp2.Frame(3, 0, i, [0, 0, 0, 8]));
                        streams++;
                    }
                    await stream.WriteAsync(batch.ToArray(), over);
                }
                await reading;
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // Closed by the gateway, or the end.
            }
        }
        return (connections, streams);
    }

    /// <summary>Ends when the gateway says GOAWAY or closes.</summary>
    private static async Task DiscardAsync(NetworkStream stream, CancellationToken over)
    {
        var bytes = new byte[16384];
        while (true)
        {
            await stream.ReadExactlyAsync(bytes.AsMemory(0, 9), over);
            var length = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
            if (bytes[3] == 7)
                return;
            await stream.ReadExactlyAsync(bytes.AsMemory(0, length), over);
        }
    }
}
