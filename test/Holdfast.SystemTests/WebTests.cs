using System.Net;
using System.Net.WebSockets;
using System.Text;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.SystemTests;

/// <summary>The web gateway as users meet it: the binary, real targets, real sockets.</summary>
public sealed class WebTests
{
    [Fact]
    public async Task A_healthy_home_answers_everything_and_nothing_leaves_it()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        var answers = await web.AskAsync(100, TimeSpan.FromSeconds(2));
        Assert.All(answers, a => Assert.Equal(200, a.Status));
        // The quicker of the two may get nearly all: one is enough for a hundred a second.
        Assert.True(web.Targets[0].Requests > 0, "na1 got nothing");
        Assert.True(web.Targets[1].Requests > 0, "na2 got nothing");
        Assert.Equal(0, web.Targets[2].Requests);
        Assert.Equal(0, await web.Gateway.StopAsync());
    }

    [Fact]
    public async Task Request_and_answer_pass_as_they_are_but_for_what_a_gateway_must_change()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(select: "\"UserHeader\": \"X-User\", \"PriorityHeader\": \"X-Priority\","));
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(web.Address, "/a%20b/c?q=1&r=%2F"));
        request.Headers.Host = "store.example";
        request.Headers.Add("X-Mine", "yes");
        request.Headers.Add("X-Forwarded-For", "203.0.113.9");
        request.Headers.Add("X-User", "the.boss");
        request.Headers.Add("X-Priority", "0");
        request.Headers.Add("Connection", "X-Hop");
        request.Headers.Add("X-Hop", "stays here");
        request.Content = new ByteArrayContent(new byte[100_000]);
        using var response = await web.Client.SendAsync(request);
        Assert.EndsWith(" PUT /a%20b/c?q=1&r=%2F 100000", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var seen = web.Targets.First(t => t.Requests > 0).LastHeaders;
        Assert.Equal("store.example", seen["Host"]);
        Assert.Equal("yes", seen["X-Mine"]);
        // Nobody vouched for the client's own claim.
        Assert.Equal("127.0.0.1", seen["X-Forwarded-For"]);
        Assert.Equal("http", seen["X-Forwarded-Proto"]);
        Assert.False(seen.ContainsKey("X-User") || seen.ContainsKey("X-Priority"), "an untrusted client's word was passed on");
        Assert.False(seen.ContainsKey("X-Hop"));
    }

    [Theory]
    [InlineData(nameof(WebMood.Failing))]
    [InlineData(nameof(WebMood.Resets))]
    [InlineData(nameof(WebMood.Busy))]
    public async Task One_target_that_fails_is_hardly_seen_by_readers(string mood)
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        Assert.All(await web.AskAsync(100, TimeSpan.FromSeconds(1)), a => Assert.Equal(200, a.Status));
        web.Targets[0].Mood = Enum.Parse<WebMood>(mood);
        var answers = await web.AskAsync(100, TimeSpan.FromSeconds(4));
        // The retry budget is a tenth of the requests: what fails before the verdict and finds none left is seen.
        var seen = answers.Count(a => a.Status != 200);
        Assert.True(seen <= 12, $"{seen} of {answers.Count} failed\n{web.Gateway.Log}");
        await AllEndedAsync(web);
    }

    /// <summary>What was answered is forgotten, also when it went from place to place before.</summary>
    private static async Task AllEndedAsync(WebGateway web)
    {
        using var client = new HttpClient();
        Assert.Matches(@"(?m)^holdfast_web_under_way\S* 0$",
            await client.GetStringAsync(new Uri($"http://127.0.0.1:{web.Gateway.HttpPort}/metrics")));
    }

    [Fact]
    public async Task A_black_hole_gets_a_few_requests_only_and_their_readers_are_moved()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        Assert.All(await web.AskAsync(50, TimeSpan.FromSeconds(2)), a => Assert.Equal(200, a.Status));
        // The one that gets most: the other might not be asked at all.
        var hole = web.Targets.MaxBy(t => t.Requests)!;
        hole.Mood = WebMood.Silent;
        var before = hole.Requests;
        var answers = await web.AskAsync(50, TimeSpan.FromSeconds(5));
        Assert.True(answers.Count(a => a.Status != 200) <= 8,
            $"{string.Join(' ', answers.GroupBy(a => a.Status).Select(g => $"{g.Key}: {g.Count()}"))}\n{web.Gateway.Log}");
        Assert.True(answers.Max(a => a.Took) < TimeSpan.FromSeconds(5), $"somebody waited {answers.Max(a => a.Took)}");
        Assert.InRange(hole.Requests - before, 1, 60);
        await AllEndedAsync(web);
    }

    [Fact]
    public async Task A_lost_region_is_served_by_the_other_and_gets_its_traffic_back()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        Assert.All(await web.AskAsync(100, TimeSpan.FromSeconds(1)), a => Assert.Equal(200, a.Status));
        web.Targets[0].Mood = web.Targets[1].Mood = WebMood.Failing;
        await web.AskAsync(100, TimeSpan.FromSeconds(3));
        var answers = await web.AskAsync(100, TimeSpan.FromSeconds(3));
        Assert.True(answers.Count(a => a.Status != 200) <= 4, $"not moved\n{web.Gateway.Log}");
        Assert.True(web.Targets[2].Requests > 250);
        web.Targets[0].Mood = web.Targets[1].Mood = WebMood.Healthy;
        var before = web.Targets[0].Requests + web.Targets[1].Requests;
        await web.AskAsync(100, TimeSpan.FromSeconds(20));
        Assert.True(web.Targets[0].Requests + web.Targets[1].Requests - before > 300, "nothing came back\n" + web.Gateway.Log);
    }

    [Fact]
    public async Task A_slow_answer_to_an_important_reader_is_hedged_within_the_budget()
    {
        await using var web = new WebGateway(new Workspace());
        var slow = 0;
        await web.StartAsync(web.Configuration(route: ", \"Priority\": 0"), (_, target) => target.Serve = async context =>
        {
            // One in a hundred, wherever it is asked first.
            if (Interlocked.Increment(ref slow) % 100 == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(700), TimeProvider.System, context.RequestAborted);
            return false;
        });
        await web.AskAsync(100, TimeSpan.FromSeconds(3));
        var answers = await web.AskAsync(100, TimeSpan.FromSeconds(6));
        Assert.All(answers, a => Assert.Equal(200, a.Status));
        Assert.True(answers.Count(a => a.Took > TimeSpan.FromMilliseconds(600)) <= 2,
            $"{answers.Count(a => a.Took > TimeSpan.FromMilliseconds(600))} slow answers were waited for");
        var asked = web.Targets.Sum(t => t.Requests);
        Assert.True(asked <= 900 * 1.03, $"{asked} attempts for 900 requests");
        await AllEndedAsync(web);
    }

    [Fact]
    public async Task What_is_not_safe_to_repeat_is_asked_once()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        foreach (var target in web.Targets)
            target.Mood = WebMood.Failing;
        using var response = await web.Client.PostAsync(web.Address, new StringContent("order one"));
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal(1, web.Targets.Sum(t => t.Requests));
        // Refused before it was done: another place may take it, with the very body.
        web.Targets[0].Mood = web.Targets[1].Mood = web.Targets[2].Mood = WebMood.Busy;
        var before = web.Targets.Sum(t => t.Requests);
        using var refused = await web.Client.PostAsync(web.Address, new StringContent("order two"));
        Assert.Equal(2, web.Targets.Sum(t => t.Requests) - before);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_not_made_to_look_whole()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        foreach (var target in web.Targets)
            target.Mood = WebMood.BreaksOff;
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => web.Client.GetStringAsync(web.Address));
    }

    [Fact]
    public async Task With_every_target_gone_clients_are_told_in_their_own_language_when_to_come_back()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(select: "\"WaitMax\": \"300ms\","));
        foreach (var target in web.Targets)
            target.Mood = WebMood.Resets;
        await web.AskAsync(40, TimeSpan.FromSeconds(3));
        using var script = await web.Client.GetAsync(web.Address);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, script.StatusCode);
        Assert.Equal("application/problem+json", script.Content.Headers.ContentType!.MediaType);
        Assert.Contains("No site of this service answers", await script.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.InRange(script.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 300);
        using var browser = new HttpRequestMessage(HttpMethod.Get, web.Address);
        browser.Headers.Add("Accept", "text/html,application/xhtml+xml");
        using var page = await web.Client.SendAsync(browser);
        Assert.Contains("<h1>", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beyond_its_capacity_a_service_sheds_with_503_and_never_pushes_a_target_over()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(capacity: 50));
        var answers = await web.AskAsync(300, TimeSpan.FromSeconds(6));
        Assert.All(answers, a => Assert.True(a.Status is 200 or 503, $"{a.Status}\n{web.Gateway.Log}"));
        // Two sites of 50 a second, bursts and exploring included.
        var served = answers.Count(a => a.Status == 200);
        Assert.InRange(served, 200, 900);
        Assert.True(answers.Count(a => a.Status == 503) > 600, "nothing was shed");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task WebSockets_pass_both_ways(bool isHttp2Here, bool isHttp2There)
    {
        await using var web = new WebGateway(new Workspace());
        var configuration = web.Configuration(more: isHttp2There
            ? ", \"Forward\": { \"Services\": [ { \"Service\": \"web\", \"Http2\": true } ] }" : "");
        if (isHttp2Here)
        {
            configuration = configuration.Replace($"\"Endpoint\": \"127.0.0.1:{web.Port}\" }}",
                $"\"Endpoint\": \"127.0.0.1:{web.Port}\", \"Protocols\": \"Http2\" }}", StringComparison.Ordinal);
        }
        await web.StartAsync(configuration, (_, target) => target.Serve = EchoAsync,
            listen => listen.Protocols = isHttp2There ? HttpProtocols.Http2 : HttpProtocols.Http1);
        using var socket = new ClientWebSocket();
        if (isHttp2Here)
        {
            // RFC 8441.
            socket.Options.HttpVersion = HttpVersion.Version20;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{web.Port}/live"), web.Client, limit.Token);
        var buffer = new byte[100];
        for (var i = 0; i < 10; i++)
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes($"word {i}"), WebSocketMessageType.Text, true, limit.Token);
            var result = await socket.ReceiveAsync(buffer, limit.Token);
            Assert.Equal($"word {i}", Encoding.UTF8.GetString(buffer, 0, result.Count));
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
    }

    private static async Task<bool> EchoAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
            return false;
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[1000];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer, context.RequestAborted);
            if (got.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
                return true;
            }
            await socket.SendAsync(buffer.AsMemory(0, got.Count), got.MessageType, got.EndOfMessage, context.RequestAborted);
        }
    }

    [Fact]
    public async Task Large_bodies_stream_both_ways_in_bounded_memory()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(prepare: (_, target) => target.Serve = async context =>
        {
            if (context.Request.Path != "/down")
                return false;
            var chunk = new byte[1 << 20];
            for (var i = 0; i < 200; i++)
                await context.Response.Body.WriteAsync(chunk);
            return true;
        });
        await web.Client.GetStringAsync(web.Address);
        var before = web.Gateway.PeakBytes();
        using var up = await web.Client.PostAsync(web.Address, new StreamContent(new Zeroes(200L << 20)));
        Assert.EndsWith($" {200L << 20}", await up.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        long length = 0;
        await using (var down = await web.Client.GetStreamAsync(new Uri(web.Address, "/down")))
        {
            var buffer = new byte[1 << 20];
            for (int read; (read = await down.ReadAsync(buffer)) > 0;)
                length += read;
        }
        Assert.Equal(200L << 20, length);
        Assert.True(web.Gateway.PeakBytes() - before < 100 << 20, $"{(web.Gateway.PeakBytes() - before) >> 20} MiB more");
    }

    [Fact]
    public async Task Routes_and_targets_change_without_a_restart_and_running_requests_end()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await web.Client.GetAsync(web.Address)).StatusCode);
        web.Gateway.Configure(web.Configuration(route: ", \"Path\": \"/only\""));
        await Eventually.HoldsAsync(async () => (await web.Client.GetAsync(web.Address)).StatusCode == HttpStatusCode.NotFound,
            TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        Assert.Equal(HttpStatusCode.OK, (await web.Client.GetAsync(new Uri(web.Address, "/only/x"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await web.Client.GetAsync(new Uri(web.Address, "/onlyx"))).StatusCode);
    }
}
