using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>22 January with mail and web at one gateway: what both need in one region fails.</summary>
public sealed class CommonDependencyTests
{
    private const int Count = 60;

    [Fact]
    public async Task Mail_and_web_share_what_is_known_of_their_dependency_and_neither_starves_the_other()
    {
        await using var web = new WebGateway(new Workspace());
        await using var na = new ScriptedTarget(web.Gateway.HomePort);
        await using var eu = new ScriptedTarget(web.Gateway.AwayPort);
        await web.StartAsync(web.Configuration()
            .Replace("\"Name\": \"mail-na\",", "\"Name\": \"mail-na\", \"DependsOn\": [ \"locator-na\" ],", StringComparison.Ordinal)
            .Replace("{ \"Name\": \"web-na\",", $$"""
                { "Name": "mail-eu", "Service": "mail", "Region": "eu",
                  "Targets": [ { "Address": "127.0.0.1:{{web.Gateway.AwayPort}}" } ] },
                { "Name": "web-na", "DependsOn": [ "locator-na" ],
                """, StringComparison.Ordinal));
        var sender = new MarkedSender(web.Gateway.SmtpPort);
        async Task<int> ServeAsync(int count)
        {
            var mail = sender.RunAsync(count, default);
            var answers = await web.AskAsync(50, TimeSpan.FromSeconds(count / 50.0));
            await mail;
            return answers.Count(a => a.Status == 200);
        }
        Assert.InRange(await ServeAsync(Count), Count * 9 / 10, Count);

        // The locator goes: mail is refused for now, web answers 500, in one region.
        na.Mood = Mood.RefuseRcpt;
        web.Targets[0].Mood = web.Targets[1].Mood = WebMood.Failing;
        await Eventually.HoldsAsync(async () =>
        {
            await ServeAsync(5);
            var sites = await SitesAsync(web);
            return sites["mail-na"] == ("Closed", "locator-na") && sites["web-na"] == ("Closed", "locator-na")
                && sites["mail-eu"].Failing.Length == 0 && sites["web-eu"].Failing.Length == 0;
        }, TimeSpan.FromSeconds(40), () => web.Gateway.Log);
        var (mailBefore, webBefore) = (eu.DeliveredCount, web.Targets[2].Requests);
        var acknowledgedBefore = sender.AcknowledgedCount;
        // A request that serves as a canary may end with what it found.
        Assert.InRange(await ServeAsync(Count), Count * 9 / 10, Count);
        Assert.Equal(Count, sender.AcknowledgedCount - acknowledgedBefore);
        await Eventually.HoldsAsync(() => sender.Acknowledged.All(m => na.Has(m) || eu.Has(m)),
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
        Assert.True(eu.DeliveredCount - mailBefore >= Count * 9 / 10, $"{eu.DeliveredCount - mailBefore} of {Count} mails at eu");
        Assert.True(web.Targets[2].Requests - webBefore >= Count * 9 / 10);

        // It is back: both know it, each by its own canaries.
        na.Mood = Mood.Healthy;
        web.Targets[0].Mood = web.Targets[1].Mood = WebMood.Healthy;
        await Eventually.HoldsAsync(async () =>
        {
            await ServeAsync(5);
            var sites = await SitesAsync(web);
            return sites["mail-na"] is { State: not "Closed", Failing: "" }
                && sites["web-na"] is { State: not "Closed", Failing: "" };
        }, TimeSpan.FromSeconds(40), () => web.Gateway.Log);
        await Eventually.HoldsAsync(() => sender.Acknowledged.All(m => na.Has(m) || eu.Has(m)),
            TimeSpan.FromSeconds(30), () => web.Gateway.Log);
        Assert.Empty(sender.Refusals);
    }

    private static async Task<Dictionary<string, (string State, string Failing)>> SitesAsync(WebGateway web) =>
        (await web.Gateway.GetAsync("/api/v1/sites")).EnumerateArray().ToDictionary(
            s => s.GetProperty("site").GetString()!, s => (s.GetProperty("verdict").GetProperty("state").GetString()!,
                string.Join(' ', s.GetProperty("failingDependencies").EnumerateArray().Select(d => d.GetString()))),
            StringComparer.Ordinal);
}
