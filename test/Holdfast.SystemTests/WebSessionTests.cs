using System.Collections.Concurrent;
using System.Net;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Sessions by a signed cookie: the binary, real targets, real sockets.</summary>
public sealed class WebSessionTests
{
    private const string Route = """, "AffinityCookie": "sid" """;

    private static async Task<(string Target, string? Cookie, HttpResponseMessage Response)> AskAsync(WebGateway web,
        string? cookie, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, web.Address);
        if (cookie is not null)
            request.Headers.TryAddWithoutValidation("Cookie", cookie);
        var response = await web.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var set = response.Headers.TryGetValues("Set-Cookie", out var values) ? values.Single() : null;
        return (response.Headers.GetValues("X-Target").Single(), set, response);
    }

    private static string NameAndValue(string? setCookie) => setCookie!.Split(';')[0];

    [Fact]
    public async Task A_session_stays_with_its_target_moves_when_that_goes_and_survives_a_restart()
    {
        var workspace = new Workspace();
        var keys = workspace.File("sessions.keys");
        await File.WriteAllTextAsync(keys, new string('k', 64) + "\n");
        await using var web = new WebGateway(workspace);
        await web.StartAsync(web.Configuration(route: Route, select: $""" "AffinityKeyFile": "{keys}", """,
            more: """, "Probes": { "Services": [ { "Service": "web", "Path": "/", "Interval": "0.2s" } ] }"""));
        var cookies = new ConcurrentQueue<string>();
        foreach (var target in web.Targets)
        {
            target.Serve = context =>
            {
                cookies.Enqueue(context.Request.Headers.Cookie.ToString());
                return Task.FromResult(false);
            };
        }
        var (first, set, response) = await AskAsync(web, null);
        Assert.Matches("^sid=[A-Za-z0-9_-]{40}; Path=/; HttpOnly; SameSite=Lax$", set);
        Assert.Contains("private", response.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        var cookie = NameAndValue(set);
        var moves = 0;
        for (var i = 0; i < 30; i++)
        {
            var (target, again, _) = await AskAsync(web, "theme=dark; " + cookie);
            // A machine that stalls may move it, and says so.
            if (again is null)
                Assert.Equal(first, target);
            else
                (first, cookie, moves) = (target, NameAndValue(again), moves + 1);
        }
        Assert.InRange(moves, 0, 2);
        // What we told the client is nothing to targets.
        Assert.Equal(["", "theme=dark"], cookies.Distinct().Order());
        // What isn't ours is none: it is bound anew, wherever it is answered.
        foreach (var other in new[] { "sid=na1", cookie + "x", cookie[..^1] + (cookie[^1] == 'A' ? 'B' : 'A'),
            "sid=" + new string('A', 8000) })
        {
            Assert.NotNull((await AskAsync(web, other)).Cookie);
        }
        // The gateway is another, the key is the same.
        await web.Gateway.StopAsync();
        await web.Gateway.StartAsync();
        await WebGateway.ListensAsync(web.Gateway, web.Port);
        var after = await AskAsync(web, cookie);
        Assert.Equal(first, after.Target);
        Assert.Null(after.Cookie);
        // The target goes, which probes see: its session is at another from then on.
        var index = first == "na1" ? 0 : first == "na2" ? 1 : 2;
        web.Targets[index].Mood = WebMood.Resets;
        await Eventually.HoldsAsync(async () => (await web.Gateway.GetAsync("/api/v1/sites")).EnumerateArray()
            .SelectMany(s => s.GetProperty("targets").EnumerateArray()).Any(t =>
                t.GetProperty("verdict").GetProperty("state").GetString() == "Closed"),
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
        string? moved = null;
        await Eventually.HoldsAsync(async () => (moved = (await AskAsync(web, cookie)).Cookie) is not null,
            TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        var next = await AskAsync(web, NameAndValue(moved));
        Assert.NotEqual(first, next.Target);
        Assert.Null(next.Cookie);
    }

    [Fact]
    public async Task Routes_without_sessions_set_no_cookie_and_a_key_by_lot_is_told()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(route: """, "Path": "/app", "AffinityCookie": "sid" }, { "Service": "web" """));
        Assert.Null((await AskAsync(web, null)).Cookie);
        using var response = await web.Client.GetAsync(new Uri(web.Address, "app/x"));
        Assert.Contains("Path=/app;", response.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
        Assert.Contains("AffinityKeyFile isn't set", web.Gateway.Log, StringComparison.Ordinal);
    }
}
