using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.SystemTests;

/// <summary>Who is slow, on purpose or not, costs little memory and holds nobody up.</summary>
public sealed class WebSlowTests
{
    private const int SlowCount = 10_000;
    private const int StreamBytes = 24 << 20;
    private const int StreamCount = 10;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Ten_thousand_clients_that_drip_headers_and_bodies_cost_little_while_traffic_flows()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(accept: "\"HeaderTimeout\": \"60s\", \"PaceBytesMin\": 1,",
            route: ", \"Deadline\": \"5m\""));
        await web.AskAsync(100, TimeSpan.FromSeconds(1));
        var before = web.Gateway.ResidentBytes();
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        // Half of them never end their header; of the others some have a body of known length, which is held for a
        // repeat, some one in chunks, which streams. From several addresses: one has not so many ports, and
        // ConnectionsPerAddressMax is 2 000.
        var slow = new List<SlowClient>();
        var chunked = Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (var i = 0; i < SlowCount; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + i % 8)]), 0));
            await socket.ConnectAsync(IPAddress.Loopback, web.Port, limit.Token);
            var (begin, drip) = i % 10 < 5 ? ("GET / HTTP/1.1\r\nHost: a\r\n", "X-Slow: 1\r\n")
                : i % 10 < 8 ? ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", new string('x', 1000))
                : ("", "3e8\r\n" + new string('x', 1000) + "\r\n");
            await socket.SendAsync(Encoding.ASCII.GetBytes(begin), limit.Token);
            slow.Add(new SlowClient(socket, Encoding.ASCII.GetBytes(drip)) { HasBegun = i % 10 < 8 });
        }
        using var over = new CancellationTokenSource();
        var dripping = DripAsync(slow, over.Token);
        // Uploads that stream begin 500 a second: thousands at once are load that may be shed, however slow.
        var meanwhile = web.AskAsync(100, TimeSpan.FromSeconds(4));
        var beginning = Stopwatch.StartNew();
        for (var i = 0; i < SlowCount; i++)
        {
            if (i % 10 < 8)
                continue;
            var due = TimeSpan.FromMilliseconds(i / 5.0 * 2) - beginning.Elapsed;
            if (due > TimeSpan.FromMilliseconds(10))
                await Task.Delay(due, TimeProvider.System, limit.Token);
            await slow[i].Socket.SendAsync(chunked, limit.Token);
            slow[i].HasBegun = true;
        }
        var first = await meanwhile;
        // A machine that is busy with all of this may shed for a while; whoever drips must not take the service down.
        var answers = new List<(int Status, TimeSpan Took)>();
        await Eventually.HoldsAsync(async () => (answers = await web.AskAsync(50, TimeSpan.FromSeconds(1)))
            .All(a => a.Status == 200), TimeSpan.FromSeconds(40), () => $"{Words(first)}; {Words(answers)}\n{web.Gateway.Log}");
        var more = web.Gateway.ResidentBytes() - before;
        using var operatorClient = new HttpClient();
        var metrics = await operatorClient.GetStringAsync(new Uri($"http://127.0.0.1:{web.Gateway.HttpPort}/metrics"), limit.Token);
        var words = $"first {Words(first)}; then {Words(answers)}; {more >> 20} MiB more\n" + string.Join('\n', metrics.Split('\n')
            .Where(l => l.StartsWith("holdfast_web_", StringComparison.Ordinal))) + web.Gateway.Log;
        TestContext.Current.TestOutputHelper?.WriteLine(words);
        var sites = await web.Gateway.GetAsync("/api/v1/sites");
        await over.CancelAsync();
        var rounds = await dripping;
        slow.ForEach(c => c.Socket.Dispose());
        Assert.True(rounds > 0, words);
        Assert.True(more < 400L << 20, words);
        Assert.True(Gauge(metrics, "holdfast_web_connections") >= 0.95 * SlowCount, words);
        // Nobody was blamed for it.
        Assert.DoesNotContain("Closed", sites.ToString(), StringComparison.Ordinal);
    }

    private static string Words(List<(int Status, TimeSpan Took)> answers) =>
        string.Join(", ", answers.GroupBy(a => a.Status).Select(g => $"{g.Count()} × {g.Key}"))
        + $", 95 % within {answers.Select(a => a.Took).Order().ElementAt((int)(answers.Count * 0.95)).TotalMilliseconds:0} ms";

    private static double Gauge(string metrics, string name) => double.Parse(metrics.Split('\n')
        .First(l => l.StartsWith(name + "{", StringComparison.Ordinal)).Split(' ')[^1],
        System.Globalization.CultureInfo.InvariantCulture);

    private sealed record SlowClient(Socket Socket, byte[] Drip)
    {
        public volatile bool HasBegun;
    }

    /// <summary>A drip each two seconds; returns how many rounds were done.</summary>
    private static async Task<int> DripAsync(List<SlowClient> slow, CancellationToken over)
    {
        var rounds = 0;
        try
        {
            for (; ; rounds++)
            {
                foreach (var client in slow.Where(c => c.HasBegun))
                {
                    try
                    {
                        await client.Socket.SendAsync(client.Drip, over);
                    }
                    catch (SocketException)
                    {
                        // It was cut off: the count of connections tells.
                    }
                }
                await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, over);
            }
        }
        catch (OperationCanceledException)
        {
            return rounds;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Large_HTTP2_streams_wait_for_who_reads_slowly_and_are_not_held_whole(bool isHttp2There)
    {
        long given = 0, taken = 0;
        var mayRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var web = new WebGateway(new Workspace());
        var configuration = web.Configuration(more: isHttp2There
            ? ", \"Forward\": { \"Services\": [ { \"Service\": \"web\", \"Http2\": true } ] }" : "");
        await web.StartAsync(configuration.Replace($"\"Endpoint\": \"127.0.0.1:{web.Port}\" }}",
            $"\"Endpoint\": \"127.0.0.1:{web.Port}\", \"Protocols\": \"Http2\" }}", StringComparison.Ordinal),
            (_, target) => target.Serve = async context =>
            {
                var buffer = new byte[64 << 10];
                if (context.Request.Path == "/down")
                {
                    for (var left = StreamBytes; left > 0; left -= buffer.Length)
                    {
                        await context.Response.Body.WriteAsync(buffer, context.RequestAborted);
                        Interlocked.Add(ref given, buffer.Length);
                    }
                    return true;
                }
                if (context.Request.Path != "/up")
                    return false;
                await mayRead.Task;
                for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
                    Interlocked.Add(ref taken, read);
                return true;
            }, listen => listen.Protocols = isHttp2There ? HttpProtocols.Http2 : HttpProtocols.Http1);
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        using (await web.Client.SendAsync(Request(HttpMethod.Get, web, "/"), limit.Token))
        {
            // The first one warms everything.
        }
        var before = web.Gateway.ResidentBytes();

        // Down: nobody reads.
        var downs = await Task.WhenAll(Enumerable.Range(0, StreamCount).Select(_ => web.Client.SendAsync(
            Request(HttpMethod.Get, web, "/down"), HttpCompletionOption.ResponseHeadersRead, limit.Token)));
        var held = await StandsStillAsync(() => Volatile.Read(ref given));
        var more = web.Gateway.PeakBytes() - before;
        Assert.True(held < (long)StreamCount * StreamBytes / 2, $"{held >> 20} MiB left the targets, {more >> 20} MiB more");
        Assert.True(more < 150 << 20, $"{more >> 20} MiB more");
        Assert.All(await Task.WhenAll(downs.Select(d => LengthAsync(d, limit.Token))), l => Assert.Equal(StreamBytes, l));

        // Up: the targets don't read.
        var bodies = Enumerable.Range(0, StreamCount).Select(_ => new Zeroes(StreamBytes)).ToArray();
        var ups = bodies.Select(body =>
        {
            var request = Request(HttpMethod.Post, web, "/up");
            request.Content = new StreamContent(body);
            return web.Client.SendAsync(request, limit.Token);
        }).ToArray();
        held = await StandsStillAsync(() => bodies.Sum(b => b.Position));
        more = web.Gateway.PeakBytes() - before;
        TestContext.Current.TestOutputHelper?.WriteLine($"{held >> 20} MiB were sent, {more >> 20} MiB more");
        Assert.True(held < (long)StreamCount * StreamBytes / 2, $"{held >> 20} MiB were sent, {more >> 20} MiB more");
        Assert.True(more < 150 << 20, $"{more >> 20} MiB more");
        mayRead.SetResult();
        Assert.All(await Task.WhenAll(ups), u => Assert.Equal(HttpStatusCode.OK, u.StatusCode));
        Assert.Equal((long)StreamCount * StreamBytes, taken);
    }

    /// <summary>Something moved, and then nothing for half a second.</summary>
    private static async Task<long> StandsStillAsync(Func<long> count)
    {
        var (seen, still) = (0L, 0);
        await Eventually.HoldsAsync(() =>
        {
            var now = count();
            still = now == seen ? still + 1 : 0;
            seen = now;
            return seen > 0 && still >= 25;
        }, Limit, () => $"{seen}");
        return seen;
    }

    private static async Task<long> LengthAsync(HttpResponseMessage response, CancellationToken abort)
    {
        using var _ = response;
        await using var stream = await response.Content.ReadAsStreamAsync(abort);
        var buffer = new byte[64 << 10];
        long length = 0;
        for (int read; (read = await stream.ReadAsync(buffer, abort)) > 0;)
            length += read;
        return length;
    }

    private static HttpRequestMessage Request(HttpMethod method, WebGateway web, string path) =>
        new(method, new Uri(web.Address, path))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
}
