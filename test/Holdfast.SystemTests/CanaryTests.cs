using System.Net;
using System.Text.Json;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>A site that accepts everything and processes nothing: no reply betrays it.</summary>
public class CanaryTests
{
    private const string Interval = "\"Interval\": \"00:00:01\", \"DeadlineMax\": \"00:00:10\",";

    private static string Verdict(JsonElement sites, string site) => sites.EnumerateArray()
        .Single(s => s.GetProperty("site").GetString() == site).GetProperty("verdict").GetProperty("state").GetString()!;

    private static async Task<bool> IsClosedAsync(Gateway gateway) =>
        string.Equals(Verdict(await gateway.GetAsync("/api/v1/sites"), "mail-na"), "closed",
            StringComparison.OrdinalIgnoreCase);

    /// <summary>Plays the site's mail flow behind its SMTP servers: hands on what came, while it works.</summary>
    private static async Task ProcessAsync(ScriptedTarget target, Func<bool> works, Func<string, Task> handOn,
        CancellationToken stop)
    {
        var done = 0;
        while (!stop.IsCancellationRequested)
        {
            foreach (var content in target.Contents.Skip(done).ToList())
            {
                done++;
                if (works() && content.Contains("X-Holdfast-Canary:", StringComparison.Ordinal))
                    await handOn(content);
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Lets the site process, then not, then again, under load. Hands each canary of a working site to
    /// <paramref name="handOn"/>; <paramref name="atReturn"/> is called when it begins to work again.</summary>
    private static async Task PlayAsync(Gateway gateway, Func<string, Task> handOn, Action atReturn, Func<Task> atEnd)
    {
        await using var na = new ScriptedTarget(gateway.HomePort) { KeepsContents = true };
        await using var eu = new ScriptedTarget(gateway.AwayPort) { KeepsContents = true };
        await gateway.StartAsync();
        var works = true;
        using var stop = new CancellationTokenSource();
        var processing = ProcessAsync(na, () => works, handOn, stop.Token);
        var sender = new MarkedSender(gateway.SmtpPort);
        var load = Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
            sender.RunAsync(int.MaxValue, stop.Token, TimeSpan.FromMilliseconds(100))));

        await Eventually.HoldsAsync(() => na.Contents.Count(c => c.Contains("X-Holdfast-Canary:",
            StringComparison.Ordinal)) >= 8, TimeSpan.FromSeconds(30), () => gateway.Log);
        Assert.False(await IsClosedAsync(gateway));
        Assert.Equal(0, eu.DeliveredCount);

        works = false;
        await Eventually.HoldsAsync(() => IsClosedAsync(gateway), TimeSpan.FromSeconds(40), () => gateway.Log);
        await Eventually.HoldsAsync(() => gateway.Log.Contains("end-to-end canaries", StringComparison.Ordinal),
            TimeSpan.FromSeconds(5), () => gateway.Log);
        var away = eu.DeliveredCount;
        await Eventually.HoldsAsync(() => eu.DeliveredCount > away + 10, TimeSpan.FromSeconds(15), () => gateway.Log);

        atReturn();
        works = true;
        await Eventually.HoldsAsync(async () => !await IsClosedAsync(gateway), TimeSpan.FromSeconds(40),
            () => gateway.Log);
        await stop.CancelAsync();
        await load;
        await processing;
        await atEnd();
        // Users' mail went on throughout, none of it twice, and no canary among it waits anywhere.
        await Eventually.HoldsAsync(() => sender.Acknowledged.All(m => na.Has(m) || eu.Has(m)),
            TimeSpan.FromSeconds(20), () => gateway.Log);
        Assert.Empty(sender.Refusals);
        Assert.Equal(0, await gateway.WaitingAsync());
        Assert.DoesNotContain("canary@", gateway.Evidence(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canaries_that_are_answered_close_and_open_a_site_that_never_processes()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        gateway.Configure(gateway.TwoSites(mail: $$"""
            "Canaries": { {{Interval}} "Probes": [ { "Site": "mail-na", "Recipient": "canary@tenant.example",
              "Sender": "probe@holdfast.test" } ] },
            """));
        var (answered, answeredBefore) = (0, 0);
        await PlayAsync(gateway, async content =>
        {
            var subject = content.Split("\r\n").First(l => l.StartsWith("Subject: ", StringComparison.Ordinal))[9..];
            using var client = await RawClient.ConnectAsync(gateway.SmtpPort);
            await client.SayAsync("EHLO tenant.example\r\n");
            await client.SayAsync("MAIL FROM:<>\r\n");
            Assert.StartsWith("250", await client.SayAsync("RCPT TO:<probe@holdfast.test>\r\n"),
                StringComparison.Ordinal);
            await client.SayAsync("DATA\r\n");
            Assert.StartsWith("250", await client.SayAsync($"Subject: Automatic reply: {subject}\r\n\r\nI got it.\r\n.\r\n"),
                StringComparison.Ordinal);
            answered++;
        }, () => answeredBefore = answered, () => Task.CompletedTask);
        Assert.True(answeredBefore > 0, "no canary was answered while the site worked");
        Assert.True(answered > answeredBefore, "the site opened without an answered canary");
    }

    [Fact]
    public async Task Canaries_that_are_read_by_imap_close_and_open_a_site_that_never_processes()
    {
        var workspace = new Workspace();
        var imapPort = Workspace.FreePort();
        await using var dovecot = new PrivateDovecot(workspace, imapPort);
        await dovecot.StartAsync();
        dovecot.Deliver("Subject: somebody else's\r\n\r\nIt stays.\r\n");
        await using var gateway = new Gateway(workspace);
        gateway.Environment["CANARY_PASSWORD"] = PrivateDovecot.Password;
        gateway.Configure(gateway.TwoSites(mail: $$"""
            "Canaries": { {{Interval}} "Probes": [ { "Site": "mail-na", "Recipient": "canary@tenant.example",
              "ReadBack": "Imap", "Imap": { "Endpoint": "{{IPAddress.Loopback}}:{{imapPort}}", "Tls": "None",
              "User": "canary", "PasswordVariable": "CANARY_PASSWORD" } } ] },
            """));
        await PlayAsync(gateway, content =>
        {
            dovecot.Deliver(content);
            return Task.CompletedTask;
        }, () => { }, async () =>
        {
            // Canaries are taken out as they are found; what isn't ours stays.
            await Eventually.HoldsAsync(() => dovecot.Count <= 3, TimeSpan.FromSeconds(10), () => dovecot.Log);
            Assert.True(dovecot.Count >= 1);
        });
        Assert.DoesNotContain(PrivateDovecot.Password, gateway.Log, StringComparison.Ordinal);
    }
}
