using System.Collections.Concurrent;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Http;

namespace Holdfast.SystemTests;

/// <summary>Probes and canaries of the web gateway: the binary, real targets, real sockets.</summary>
public sealed class WebProbeTests
{
    private const string Probes = """
        , "Probes": { "Services": [ { "Service": "web", "Path": "/healthz", "ExpectBody": "well", "Interval": "0.5s" } ] }
        """;

    private static void AnswersProbes(ScriptedWebTarget target) => target.Serve = async context =>
    {
        if (context.Request.Path != "/healthz")
            return false;
        await context.Response.WriteAsync("all is well", context.RequestAborted);
        return true;
    };

    private static async Task<string> VerdictAsync(WebGateway web, string site, int target)
    {
        var sites = await web.Gateway.GetAsync("/api/v1/sites");
        var one = sites.EnumerateArray().First(s => s.GetProperty("site").GetString() == site);
        return (target < 0 ? one : one.GetProperty("targets")[target]).GetProperty("verdict").GetProperty("state")
            .GetString()!;
    }

    [Fact]
    public async Task Nobody_meets_a_dead_target_that_probes_found_and_nobody_tries_it_when_it_is_back()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(more: Probes), (_, target) => AnswersProbes(target));
        await Eventually.HoldsAsync(() => web.Targets.All(t => t.Requests >= 2),
            TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        Assert.StartsWith("holdfast-probe/", web.Targets[0].LastHeaders["User-Agent"], StringComparison.Ordinal);
        web.Targets[0].Mood = WebMood.Resets;
        await Eventually.HoldsAsync(async () => await VerdictAsync(web, "web-na", 0) == "Closed",
            TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        Assert.Equal("Healthy", await VerdictAsync(web, "web-na", 1));
        // Users are spared: of what they ask nothing goes there.
        Assert.All(await web.AskAsync(50, TimeSpan.FromSeconds(2)), a => Assert.Equal(200, a.Status));
        web.Targets[0].Mood = WebMood.Healthy;
        await Eventually.HoldsAsync(async () => await VerdictAsync(web, "web-na", 0) is "Recovering" or "Healthy",
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
    }

    [Fact]
    public async Task Traffic_that_fails_closes_a_target_that_passes_its_probes_and_they_do_not_open_it()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(more: Probes), (i, target) => target.Serve = async context =>
        {
            if (context.Request.Path == "/healthz")
                await context.Response.WriteAsync("all is well", context.RequestAborted);
            else if (i == 0)
                context.Response.StatusCode = 500;
            else
                return false;
            return true;
        });
        await web.AskAsync(100, TimeSpan.FromSeconds(5));
        Assert.Equal("Closed", await VerdictAsync(web, "web-na", 0));
        var answers = await web.AskAsync(50, TimeSpan.FromSeconds(8));
        Assert.Equal("Closed", await VerdictAsync(web, "web-na", 0));
        Assert.All(answers, a => Assert.Equal(200, a.Status));
    }

    [Fact]
    public async Task A_site_that_takes_writes_and_loses_them_is_closed_and_its_requests_go_elsewhere()
    {
        var kept = new ConcurrentDictionary<string, string>();
        var keeps = true;
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(more: """
            , "Probes": { "Canaries": [ { "Site": "web-na", "WritePath": "/canary/na", "Interval": "1s" } ] }
            """), (i, target) => target.Serve = async context =>
        {
            if (context.Request.Path != "/canary/na" || i == 2)
                return false;
            if (context.Request.Method == "PUT")
            {
                using var reader = new StreamReader(context.Request.Body);
                var token = await reader.ReadToEndAsync(context.RequestAborted);
                if (Volatile.Read(ref keeps))
                    kept["na"] = token;
                context.Response.StatusCode = 204;
            }
            else
            {
                await context.Response.WriteAsync(kept.GetValueOrDefault("na", ""), context.RequestAborted);
            }
            return true;
        });
        Assert.All(await web.AskAsync(20, TimeSpan.FromSeconds(6)), a => Assert.Equal(200, a.Status));
        Assert.Contains("hfw-", kept["na"], StringComparison.Ordinal);
        Volatile.Write(ref keeps, false);
        var asking = web.AskAsync(20, TimeSpan.FromSeconds(18));
        await Eventually.HoldsAsync(async () => await VerdictAsync(web, "web-na", -1) == "Closed",
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
        Assert.All(await asking, a => Assert.Equal(200, a.Status));
        Assert.True(web.Targets[2].Requests > 0);
        Volatile.Write(ref keeps, true);
        await Eventually.HoldsAsync(async () => await VerdictAsync(web, "web-na", -1) is "Recovering" or "Healthy",
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
    }

    [Fact]
    public async Task The_secret_of_a_probe_is_sent_and_stands_in_no_log()
    {
        const string Secret = "Bearer dG9wLXNlY3JldA";
        var workspace = new Workspace();
        var file = workspace.File("probe.secret");
        await File.WriteAllTextAsync(file, Secret + "\nsecond line\n");
        await using var web = new WebGateway(workspace);
        await web.StartAsync(web.Configuration(more: $$"""
            , "Probes": { "Services": [ { "Service": "web", "Path": "/healthz", "Interval": "0.5s",
              "AuthorizationFile": "{{file}}", "ExpectStatus": "200-299" } ] }
            """));
        await Eventually.HoldsAsync(() => web.Targets.All(t => t.Requests >= 2),
            TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        Assert.Equal(Secret, web.Targets[0].LastHeaders["Authorization"]);
        // Of targets on this machine nothing is said; of one elsewhere it is, and nothing is refused for it.
        Assert.DoesNotContain("warning", (await Gateway.RunAsync("check", "--config", web.Gateway.ConfigurationFile)).Output,
            StringComparison.Ordinal);
        var elsewhere = workspace.File("elsewhere.json");
        await File.WriteAllTextAsync(elsewhere, (await File.ReadAllTextAsync(web.Gateway.ConfigurationFile))
            .Replace($"127.0.0.1:{web.Targets[2].Port}", "192.0.2.1:80", StringComparison.Ordinal));
        var (code, told) = await Gateway.RunAsync("check", "--config", elsewhere);
        Assert.Equal(0, code);
        Assert.Contains("the secret is sent to 192.0.2.1:80 without TLS", told, StringComparison.Ordinal);
        var status = (await web.Gateway.GetAsync("/api/v1/web")).EnumerateArray().Single();
        Assert.Equal("web", status.GetProperty("service").GetString());
        Assert.All(status.GetProperty("probes").EnumerateArray(), p => Assert.Equal("passed", p.GetProperty("fate").GetString()));
        Assert.DoesNotContain("dG9wLXNlY3JldA", web.Gateway.Log, StringComparison.Ordinal);
    }
}
