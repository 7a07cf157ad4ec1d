using System.Net;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>What a request's header says of its importance and its time: the binary, real targets, real sockets.</summary>
public sealed class WebClassTests
{
    [Fact]
    public async Task Clients_that_are_in_a_hurry_close_no_target()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(select: """ "DeadlineHeader": "X-Timeout", """));
        Array.ForEach(web.Targets, t => t.Mood = WebMood.Silent);
        // One after the other: a machine that stalls makes no more than one of them overdue.
        for (var i = 0; i < 15; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, web.Address);
            request.Headers.Add("X-Timeout", "100");
            using var response = await web.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        }
        Array.ForEach(web.Targets, t => t.Mood = WebMood.Healthy);
        var states = (await web.Gateway.GetAsync("/api/v1/sites")).EnumerateArray()
            .Where(s => s.GetProperty("service").GetString() == "web")
            .SelectMany(s => s.GetProperty("targets").EnumerateArray())
            .Select(t => t.GetProperty("verdict").GetProperty("state").GetString());
        Assert.DoesNotContain("Closed", states);
        using var after = await web.Client.GetAsync(web.Address);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task The_class_of_a_signed_in_user_gives_the_priority_if_a_trusted_proxy_says_it()
    {
        const string Classes = """
            "ClassHeader": "X-Groups", "Classes": [ { "Name": "staff", "Priority": 1 } ],
            """;
        foreach (var (proxies, expected) in new[] { ("\"TrustedProxies\": [ \"127.0.0.0/8\" ],", "1"), ("", "3") })
        {
            await using var web = new WebGateway(new Workspace(expected));
            await web.StartAsync(web.Configuration(accept: proxies, select: Classes));
            using var request = new HttpRequestMessage(HttpMethod.Get, web.Address);
            request.Headers.Add("X-Groups", "guests, staff");
            using var response = await web.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(expected == "1", web.Targets.Any(t => t.LastHeaders.ContainsKey("X-Groups")));
            await Eventually.HoldsAsync(() => Directory.Exists(Path.Combine(web.Gateway.DataDirectory, "access"))
                && Directory.GetFiles(Path.Combine(web.Gateway.DataDirectory, "access")).Any(f => File.ReadAllText(f)
                    .Contains($"\"priority\":{expected},", StringComparison.Ordinal)),
                TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        }
    }
}
