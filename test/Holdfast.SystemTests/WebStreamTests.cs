using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.SystemTests;

/// <summary>What streams through the gateway: events, calls, uploads, downloads and sockets, and what becomes of them
/// when their region is lost.</summary>
public sealed class WebStreamTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    /// <summary>What "at once" means on a busy machine; a forwarder without our means waits 100 s.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(20);
    private int _slowUnderWay;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Events_come_when_they_are_sent_and_not_when_all_are_there(bool isHttp2)
    {
        var mayGoOn = new SemaphoreSlim(0);
        await using var web = await StartAsync(isHttp2, async context =>
        {
            if (context.Request.Path != "/events")
                return false;
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 5; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await mayGoOn.WaitAsync(context.RequestAborted);
            }
            return true;
        });
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        using var request = Request(HttpMethod.Get, web, "/events", isHttp2);
        using var response = await web.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
        for (var i = 0; i < 5; i++)
        {
            // The next is not sent before this one was read.
            Assert.Equal($"data: {i}", await reader.ReadLineAsync(limit.Token));
            Assert.Equal("", await reader.ReadLineAsync(limit.Token));
            mayGoOn.Release();
        }
        Assert.Null(await reader.ReadLineAsync(limit.Token));
        Assert.Equal(0, await web.Gateway.StopAsync());
    }

    [Fact]
    public async Task A_gRPC_call_streams_both_ways_at_once_and_ends_with_its_trailers()
    {
        await using var web = await StartAsync(isHttp2: true, EchoCallAsync);
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        // Longer than a slow client may take for a body: a stream may be silent.
        using var call = new Call(web) { Silence = TimeSpan.FromSeconds(7) };
        await call.OpenAsync(1, limit.Token);
        Assert.Equal("application/grpc", call.Response!.Content.Headers.ContentType!.MediaType);
        for (byte i = 2; i <= 10; i++)
            Assert.Equal(i, await call.SayAsync(i, limit.Token));
        call.Complete();
        Assert.Equal(0, await call.Answers!.ReadAsync(new byte[1], limit.Token));
        Assert.Equal("0", call.Response.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Equal("done", call.Response.TrailingHeaders.GetValues("grpc-message").Single());
        Assert.Equal("trailers", web.Targets.Single(t => t.Requests > 0).LastHeaders["TE"]);
    }

    [Fact]
    public async Task When_a_region_is_lost_its_uploads_downloads_and_sockets_end_at_once_and_readers_are_moved()
    {
        await using var web = await StartAsync(isHttp2: false, StreamAsync);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        // The retry budget is a tenth of what was asked.
        Assert.All(await web.AskAsync(100, TimeSpan.FromSeconds(2)), a => Assert.Equal(200, a.Status));
        using var socket = await SocketAsync(web, limit.Token);
        using var upload = new Upload(web.Port);
        using var download = await web.Client.GetAsync(new Uri(web.Address, "/down"),
            HttpCompletionOption.ResponseHeadersRead, limit.Token);
        await using var body = await download.Content.ReadAsStreamAsync(limit.Token);
        var buffer = new byte[64 << 10];
        Assert.True(await body.ReadAsync(buffer, limit.Token) > 0);
        await Eventually.HoldsAsync(() => upload.Sent > 1 << 20, Limit, () => web.Gateway.Log);
        var readers = Enumerable.Range(0, 5)
            .Select(_ => web.Client.GetAsync(new Uri(web.Address, "/slow"), limit.Token)).ToArray();
        await Eventually.HoldsAsync(() => Volatile.Read(ref _slowUnderWay) == 5, Limit, () => web.Gateway.Log);
        Assert.Equal(0, web.Targets[2].Requests);

        var lost = Stopwatch.StartNew();
        var load = web.AskAsync(50, TimeSpan.FromSeconds(6));
        await Task.WhenAll(web.Targets[0].LoseAsync(), web.Targets[1].LoseAsync());
        // A download that broke off is never made to look whole.
        await BreaksOffAsync(body, limit.Token);
        var downloadEnded = lost.Elapsed;
        // Nobody knows what of the upload was done: it is told so, and not repeated.
        Assert.StartsWith("HTTP/1.1 502 ", await upload.Answer, StringComparison.Ordinal);
        var uploadEnded = lost.Elapsed;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(buffer, limit.Token));
        var socketEnded = lost.Elapsed;
        var words = $"download {downloadEnded}, upload {uploadEnded}, socket {socketEnded}\n{web.Gateway.Log}";
        Assert.True(downloadEnded < AtOnce && uploadEnded < AtOnce && socketEnded < AtOnce, words);
        // Who only waited for an answer gets it from the other region.
        foreach (var reader in readers)
        {
            using var answer = await reader;
            Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {words}");
            Assert.Equal("eu", answer.Headers.GetValues("X-Target").Single());
        }
        await load;
        // And everything new goes there.
        using var again = await SocketAsync(web, limit.Token);
        using var sent = await web.Client.PostAsync(new Uri(web.Address, "/up"),
            new ByteArrayContent(new byte[1 << 20]), limit.Token);
        Assert.EndsWith($" {1 << 20}", await sent.Content.ReadAsStringAsync(limit.Token), StringComparison.Ordinal);
        Assert.All(await web.AskAsync(50, TimeSpan.FromSeconds(1)), a => Assert.Equal(200, a.Status));
    }

    [Fact]
    public async Task When_a_region_is_lost_a_gRPC_call_there_ends_at_once_and_the_next_is_answered_by_the_other()
    {
        await using var web = await StartAsync(isHttp2: true, EchoCallAsync);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var call = new Call(web);
        await call.OpenAsync(6, limit.Token);
        Assert.Equal(7, await call.SayAsync(7, limit.Token));
        Assert.Equal(0, web.Targets[2].Requests);
        var lost = Stopwatch.StartNew();
        await Task.WhenAll(web.Targets[0].LoseAsync(), web.Targets[1].LoseAsync());
        // No end that looks like one: neither a last message nor a status.
        await BreaksOffAsync(call.Answers!, limit.Token);
        Assert.True(lost.Elapsed < AtOnce, $"{lost.Elapsed}\n{web.Gateway.Log}");
        await Eventually.HoldsAsync(async () =>
        {
            using var next = new Call(web);
            return await next.TryOpenAsync(8, limit.Token) && await next.SayAsync(9, limit.Token) == 9;
        }, Limit, () => web.Gateway.Log);
        Assert.True(web.Targets[2].Requests > 0);
    }

    /// <summary>Read to its end it fails: it doesn't end as if it were whole.</summary>
    private static Task BreaksOffAsync(Stream stream, CancellationToken abort) =>
        Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            var buffer = new byte[64 << 10];
            while (await stream.ReadAsync(buffer, abort) > 0)
            {
                // Sent before.
            }
        });

    private async Task<bool> StreamAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var buffer = new byte[1000];
            while (true)
            {
                var got = await socket.ReceiveAsync(buffer, context.RequestAborted);
                if (got.MessageType == WebSocketMessageType.Close)
                    return true;
                await socket.SendAsync(buffer.AsMemory(0, got.Count), got.MessageType, got.EndOfMessage, context.RequestAborted);
            }
        }
        switch (context.Request.Path.Value)
        {
            case "/down":
                var chunk = new byte[64 << 10];
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
                    await Task.Delay(Beat, TimeProvider.System, context.RequestAborted);
                }
                return true;
            case "/slow":
                Interlocked.Increment(ref _slowUnderWay);
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, context.RequestAborted);
                return false;
            default:
                return false;
        }
    }

    /// <summary>Gives each octet back as it comes, then a status in the trailers.</summary>
    private static async Task<bool> EchoCallAsync(HttpContext context)
    {
        if (context.Request.ContentType != "application/grpc")
            return false;
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.FlushAsync();
        var octet = new byte[1];
        while (await context.Request.Body.ReadAsync(octet, context.RequestAborted) > 0)
        {
            await context.Response.Body.WriteAsync(octet, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
        context.Response.AppendTrailer("grpc-status", "0");
        context.Response.AppendTrailer("grpc-message", "done");
        return true;
    }

    private static async Task<WebGateway> StartAsync(bool isHttp2, Func<HttpContext, Task<bool>> serve)
    {
        var web = new WebGateway(new Workspace());
        var configuration = web.Configuration(more: isHttp2
            ? ", \"Forward\": { \"Services\": [ { \"Service\": \"web\", \"Http2\": true } ] }" : "");
        if (isHttp2)
        {
            configuration = configuration.Replace($"\"Endpoint\": \"127.0.0.1:{web.Port}\" }}",
                $"\"Endpoint\": \"127.0.0.1:{web.Port}\", \"Protocols\": \"Http2\" }}", StringComparison.Ordinal);
        }
        await web.StartAsync(configuration, (_, target) => target.Serve = serve,
            listen => listen.Protocols = isHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        return web;
    }

    private static HttpRequestMessage Request(HttpMethod method, WebGateway web, string path, bool isHttp2) =>
        new(method, new Uri(web.Address, path))
        {
            Version = isHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

    private static async Task<ClientWebSocket> SocketAsync(WebGateway web, CancellationToken abort)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{web.Port}/live"), abort);
        await socket.SendAsync("word"u8.ToArray(), WebSocketMessageType.Text, true, abort);
        Assert.Equal(4, (await socket.ReceiveAsync(new byte[100], abort)).Count);
        return socket;
    }

    /// <summary>A call as gRPC makes it: one HTTP/2 request whose body goes on while its answer comes.</summary>
    private sealed class Call(WebGateway web) : HttpContent
    {
        private readonly Channel<byte> _words = Channel.CreateBounded<byte>(100);

        /// <summary>Before the first word.</summary>
        public TimeSpan Silence { get; init; }
        public HttpResponseMessage? Response { get; private set; }
        public Stream? Answers { get; private set; }

        /// <summary>With its first word: the forwarder sends an answer's header along with its first octet.</summary>
        public async Task OpenAsync(byte word, CancellationToken abort) =>
            Assert.True(await TryOpenAsync(word, abort), $"{Response!.StatusCode}\n{web.Gateway.Log}");

        /// <summary>False: it was refused.</summary>
        public async Task<bool> TryOpenAsync(byte word, CancellationToken abort)
        {
            var request = Request(HttpMethod.Post, web, "/service/Method", isHttp2: true);
            request.Content = this;
            Headers.ContentType = new("application/grpc");
            request.Headers.TE.Add(new("trailers"));
            var speaking = SpeakAsync(word, abort);
            Response = await web.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, abort);
            Answers = await Response.Content.ReadAsStreamAsync(abort);
            if (!Response.IsSuccessStatusCode)
                return false;
            await speaking;
            var octet = new byte[1];
            await Answers.ReadExactlyAsync(octet, abort);
            Assert.Equal(word, octet[0]);
            return true;
        }

        private async Task SpeakAsync(byte word, CancellationToken abort)
        {
            await Task.Delay(Silence, TimeProvider.System, abort);
            await _words.Writer.WriteAsync(word, abort);
        }

        public async Task<byte> SayAsync(byte word, CancellationToken abort)
        {
            await _words.Writer.WriteAsync(word, abort);
            var octet = new byte[1];
            await Answers!.ReadExactlyAsync(octet, abort);
            return octet[0];
        }

        public void Complete() => _words.Writer.Complete();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context,
            CancellationToken cancellationToken)
        {
            await stream.FlushAsync(cancellationToken);
            await foreach (var word in _words.Reader.ReadAllAsync(cancellationToken))
            {
                await stream.WriteAsync(new byte[] { word }, cancellationToken);
                await stream.FlushAsync(cancellationToken);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _words.Writer.TryComplete();
                Response?.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    /// <summary>An upload without end, 64 KiB a beat, that reads its answer meanwhile as browsers do.</summary>
    private sealed class Upload : IDisposable
    {
        private readonly TcpClient _client;
        private long _sent;

        public Upload(int port)
        {
            _client = new TcpClient("127.0.0.1", port);
            Answer = AnswerAsync(_client.GetStream());
            _ = SendAsync(_client.GetStream());
        }

        public long Sent => Volatile.Read(ref _sent);
        public Task<string> Answer { get; }

        private async Task SendAsync(NetworkStream stream)
        {
            try
            {
                await stream.WriteAsync("POST /up HTTP/1.1\r\nHost: store.example\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray());
                byte[] chunk = [.. "10000\r\n"u8, .. new byte[64 << 10], .. "\r\n"u8];
                while (!Answer.IsCompleted)
                {
                    await stream.WriteAsync(chunk);
                    Interlocked.Add(ref _sent, 64 << 10);
                    await Task.Delay(Beat, TimeProvider.System);
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The answer tells.
            }
        }

        private static async Task<string> AnswerAsync(NetworkStream stream)
        {
            var bytes = new byte[4096];
            return Encoding.ASCII.GetString(bytes, 0, await stream.ReadAsync(bytes));
        }

        public void Dispose() => _client.Dispose();
    }
}
