using System.Text.Json;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary><c>holdfast queue</c> as an operator uses it while both sites are dark and after they came back.</summary>
public class QueueCommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Looks_and_acts_mean_what_they_select_and_nothing_else()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort, Mood.RefuseRcpt) { KeepsContents = true };
        await using var eu = new ScriptedTarget(gateway.AwayPort, Mood.RefuseRcpt);
        await gateway.StartAsync();
        foreach (var (domain, count) in ((string, int)[])[("alpha", 6), ("beta", 3), ("gamma", 2)])
            await new MarkedSender(gateway.SmtpPort, domain).RunAsync(count, default);
        await Eventually.HoldsAsync(async () => await gateway.WaitingAsync() == 11, Limit, () => gateway.Log);

        // Looking.
        Assert.Equal(11, (await LinesAsync(gateway, "list", "--limit", "0")).Count);
        Assert.Equal(4, (await LinesAsync(gateway, "list", "--limit", "4")).Count);
        var beta = await LinesAsync(gateway, "list", "--recipient", "*@beta.test");
        Assert.Equal(3, beta.Count);
        Assert.All(beta, m => Assert.EndsWith("@beta.test", m.GetProperty("recipients")[0].GetString(), StringComparison.Ordinal));
        var both = Assert.Single(await LinesAsync(gateway, "list", "--sender", "s2@sender.test", "--destination", "gamma.test"));
        Assert.Equal("s2@sender.test", both.GetProperty("sender").GetString());
        Assert.Equal(11, (await LinesAsync(gateway, "list", "--younger", "1h")).Count);
        Assert.Empty(await LinesAsync(gateway, "list", "--older", "1h"));
        var shape = Assert.Single(await LinesAsync(gateway, "shape"));
        Assert.Equal(11, shape.GetProperty("rows").EnumerateArray().Sum(r => r.GetProperty("total").GetInt32()));
        var id = both.GetProperty("id").GetString()!;
        var shown = Assert.Single(await LinesAsync(gateway, "show", id));
        Assert.Equal("r2@gamma.test", shown.GetProperty("recipients")[0].GetProperty("address").GetString());
        Assert.Equal("relay", shown.GetProperty("listener").GetString());
        Assert.False(shown.GetProperty("isHeld").GetBoolean());
        var words = await gateway.CommandAsync("queue", "show", id);
        Assert.Contains("r2@gamma.test", words.Output, StringComparison.Ordinal);

        // Every attempt with its reply, not only the last: the first message was tried, and more than once.
        var first = Assert.Single(await LinesAsync(gateway, "list", "--recipient", "r1@alpha.test")).GetProperty("id").GetString()!;
        await Eventually.HoldsAsync(async () => Assert.Single(await LinesAsync(gateway, "show", first))
            .GetProperty("attempts").GetArrayLength() > 1, Limit, () => gateway.Log);
        var attempts = Assert.Single(await LinesAsync(gateway, "show", first)).GetProperty("attempts");
        Assert.All(attempts.EnumerateArray(), a => Assert.True(
            a.GetProperty("reply").GetString()!.StartsWith("451 4.3.2", StringComparison.Ordinal)
            && a.GetProperty("site").GetString()!.StartsWith("mail-", StringComparison.Ordinal)
            && a.GetProperty("outcome").GetString() is "Moved" or "Deferred", a.ToString()));
        var told = await gateway.CommandAsync("queue", "show", first);
        Assert.True(told.Output.Split('\n').Count(l => l.Contains("451 4.3.2", StringComparison.Ordinal)) > 1, told.Output);

        // What is not meant, is not done.
        Assert.Equal(2, (await gateway.CommandAsync("queue", "hold", "--yes")).Code);
        Assert.Equal(2, (await gateway.CommandAsync("queue", "hold", "--older", "soon", "--yes")).Code);
        Assert.Equal(5, (await gateway.CommandAsync("queue", "hold", "--recipient", "*@delta.test", "--yes")).Code);
        var (counted, text) = await gateway.CommandAsync("queue", "remove", "--recipient", "*@alpha.test", "--dry-run");
        Assert.True(counted == 0 && text.Contains("remove would be for 6 messages; nothing was changed", StringComparison.Ordinal), text);
        for (var i = 1; i <= 6; i++)
            Assert.Contains($"r{i}@alpha.test", text, StringComparison.Ordinal);
        Assert.DoesNotContain("@beta.test", text, StringComparison.Ordinal);
        var dry = Assert.Single(await LinesAsync(gateway, "remove", "--recipient", "*@alpha.test", "--dry-run"));
        Assert.Equal(6, dry.GetProperty("matched").GetInt32());
        Assert.Equal(6, dry.GetProperty("messages").GetArrayLength());
        Assert.Equal(0, dry.GetProperty("changed").GetInt32());
        var (unsure, question) = await gateway.CommandAsync("queue", "remove", "--recipient", "*@alpha.test");
        Assert.True(unsure == 6 && question.Contains("remove 6 messages?", StringComparison.Ordinal), question);
        Assert.Equal(11, await gateway.WaitingAsync());

        // Acts.
        await ActAsync(gateway, 6, "hold", "--recipient", "*@alpha.test", "--because", "phishing report 17");
        await ActAsync(gateway, 1, "release", "--recipient", "r1@alpha.test");
        var held = await LinesAsync(gateway, "list", "--held");
        Assert.Equal(5, held.Count);
        Assert.All(held, m => Assert.Equal("Held", m.GetProperty("state").GetString()));
        Assert.Equal(5, (await LinesAsync(gateway, "list", "--reason", "report 17")).Count);
        await ActAsync(gateway, 1, "remove", id);
        await ActAsync(gateway, 1, "expire", "--recipient", "r1@gamma.test");
        await ActAsync(gateway, 3, "retry", "--destination", "beta.test");

        // Held mail goes to another server; what was imported there is delivered there, once, and nowhere else.
        var rescued = workspace.File("rescued");
        var (exported, exportText) = await gateway.CommandAsync("queue", "export", "--held", "--to", rescued);
        Assert.True(exported == 0 && exportText.Contains("5 messages written", StringComparison.Ordinal), exportText);
        var files = Directory.GetFiles(rescued, "*.hfmsg");
        Assert.Equal(5, files.Length);
        var again = await LinesAsync(gateway, "export", "--held", "--to", rescued);
        Assert.Equal(files.Order(), again.Select(f => f.GetProperty("file").GetString()!).Order());
        await using var other = new Gateway(new Workspace());
        await using var there = new ScriptedTarget(other.HomePort);
        await other.StartAsync();
        var (imported, importText) = await other.CommandAsync(["queue", "import", .. files]);
        Assert.True(imported == 0, importText);
        Assert.Equal(1, (await other.CommandAsync(["queue", "import", .. files])).Code);
        var (refused, refusal) = await other.CommandAsync("queue", "import", files[0], "--json");
        var problem = JsonDocument.Parse(refusal).RootElement;
        Assert.True(refused == 1 && problem.GetProperty("id").ValueKind == JsonValueKind.Null, refusal);
        Assert.Contains("no such file", problem.GetProperty("problem").GetString(), StringComparison.Ordinal);
        await ActAsync(gateway, 5, "remove", "--held");
        await Eventually.HoldsAsync(async () => await other.WaitingAsync() == 0, Limit, () => other.Log);
        Assert.Equal(["alpha-2", "alpha-3", "alpha-4", "alpha-5", "alpha-6"], there.Order.Order());

        // One of alpha, three of beta, and the notice about the one that was made to expire.
        na.Mood = Mood.Healthy;
        await Eventually.HoldsAsync(async () => await gateway.WaitingAsync() == 0, Limit,
            () => string.Join(' ', na.Order) + gateway.Log);
        Assert.Equal(["alpha-1", "beta-1", "beta-2", "beta-3", "gamma-1"], na.Order.Concat(eu.Order).Order());
        var notice = Assert.Single(na.Contents, c => c.Contains("multipart/report", StringComparison.Ordinal));
        Assert.Contains("To: s1@sender.test", notice, StringComparison.Ordinal);
        Assert.Contains("Final-Recipient: rfc822; r1@gamma.test", notice, StringComparison.Ordinal);
        Assert.Equal(0, na.DuplicateCount);

        // Who did what stands in the evidence, and the removed message's life ends with it.
        var (traced, life) = await gateway.CommandAsync("trace", id);
        Assert.Equal(0, traced);
        Assert.Contains("emove", life, StringComparison.Ordinal);
        Assert.Contains("phishing report 17", gateway.Evidence(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_attempt_whose_final_dot_is_not_answered_yet_is_told_by_show_and_by_trace()
    {
        using var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort, Mood.SilentAfterDot);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await new MarkedSender(gateway.SmtpPort, "alpha").RunAsync(1, default);
        await Eventually.HoldsAsync(() => na.DeliveredCount == 1, Limit, () => gateway.Log);
        var id = Assert.Single(await LinesAsync(gateway, "list")).GetProperty("id").GetString()!;
        var shown = await gateway.CommandAsync("queue", "show", id);
        var traced = await gateway.CommandAsync("trace", id);
        Assert.Contains("an attempt is under way", shown.Output, StringComparison.Ordinal);
        Assert.Contains("now: an attempt is under way", traced.Output, StringComparison.Ordinal);
    }

    private static async Task ActAsync(Gateway gateway, int expected, params string[] arguments)
    {
        var (code, output) = await gateway.CommandAsync(["queue", .. arguments, "--yes", "--json"]);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {code} {output}");
        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal(expected, result.GetProperty("matched").GetInt32());
        Assert.Equal(expected, result.GetProperty("changed").GetInt32());
    }

    /// <summary>What <c>queue … --json</c> writes, an object a line.</summary>
    private static async Task<List<JsonElement>> LinesAsync(Gateway gateway, params string[] arguments)
    {
        var (code, output) = await gateway.CommandAsync(["queue", .. arguments, "--json"]);
        Assert.True(code is 0 or 5, $"{string.Join(' ', arguments)}: {code} {output}");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }
}
