using System.Globalization;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>kill -9 at random points under load: nothing acknowledged may be missing, and a duplicate only where the
/// outcome of an attempt was unknown. test/crash runs many more rounds.</summary>
public class CrashTests
{
    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value)
            ? value : otherwise;

    [Fact]
    public async Task Killed_again_and_again_under_load_nothing_acknowledged_is_lost()
    {
        var rounds = Setting("HOLDFAST_CRASH_ROUNDS", 8);
        var seed = Setting("HOLDFAST_CRASH_SEED", 20260122);
        var random = new Random(seed);
        var output = TestContext.Current.TestOutputHelper!;
        output.WriteLine($"{rounds} rounds, seed {seed}");
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        var senders = new List<MarkedSender>();
        for (var round = 0; round < rounds; round++)
        {
            await gateway.StartAsync();
            // Sites come and go, so that kills find messages in every state.
            na.Mood = random.Next(4) switch { 0 => Mood.RefuseRcpt, 1 => Mood.RefuseDot, _ => Mood.Healthy };
            eu.Mood = random.Next(4) == 0 ? Mood.RefuseData : Mood.Healthy;
            var sender = new MarkedSender(gateway.SmtpPort, $"k{round}") { SizeBytes = random.Next(200, 20_000) };
            senders.Add(sender);
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(Enumerable.Range(0, 8).Select(_ => sender.RunAsync(int.MaxValue, stop.Token)));
            // Not sooner: evidence of the start before may be in memory for as long as its writer gathers (200 ms).
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300, 1500)), TimeProvider.System);
            await gateway.KillAsync();
            await stop.CancelAsync();
            await load;
        }
        na.Mood = Mood.Healthy;
        eu.Mood = Mood.Healthy;
        await gateway.StartAsync();
        var acknowledged = senders.SelectMany(s => s.Acknowledged).ToList();
        await Eventually.HoldsAsync(() => acknowledged.All(m => na.Has(m) || eu.Has(m)), TimeSpan.FromSeconds(180),
            () => $"seed {seed}: {acknowledged.Count(m => !na.Has(m) && !eu.Has(m))} of {acknowledged.Count} missing, "
                + string.Join(' ', acknowledged.Where(m => !na.Has(m) && !eu.Has(m)).Take(10)) + "\n" + gateway.Log);
        await gateway.StopAsync();
        var unknown = UnknownRecipients(gateway.DataDirectory);
        var duplicates = acknowledged.Where(m => na.Copies(m) + eu.Copies(m) > 1).ToList();
        output.WriteLine($"{acknowledged.Count} acknowledged, {duplicates.Count} duplicates, {unknown.Count} unknown outcomes");
        var unexplained = duplicates.Where(m => !unknown.Contains($"r{m.Split('-')[1]}@{m.Split('-')[0]}.test")).ToList();
        Assert.True(unexplained.Count == 0, $"seed {seed}: duplicates without an unknown outcome: "
            + string.Join(' ', unexplained.Take(20)));
    }

    [Fact]
    public async Task Full_disk_stops_acceptance_with_452_and_never_delivery()
    {
        if (Environment.UserName != "root")
        {
            if (Peer.InCi)
                Assert.Fail("mounting a small file system needs root");
            Assert.Skip("mounting a small file system needs root: this test was not run");
        }
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        var mount = workspace.File("small");
        Directory.CreateDirectory(mount);
        var (mounted, text) = await Peer.RunAsync("/bin/mount", ["-t", "tmpfs", "-o", "size=192m", "tmpfs", mount],
            TimeSpan.FromSeconds(10));
        if (mounted != 0)
            Assert.Skip("no small file system can be mounted here: " + text);
        try
        {
            gateway.DataDirectory = mount + "/data";
            await using var na = new ScriptedTarget(gateway.HomePort, Mood.RefuseRcpt);
            await using var eu = new ScriptedTarget(gateway.AwayPort, Mood.RefuseRcpt);
            await gateway.StartAsync();
            var sender = new MarkedSender(gateway.SmtpPort, "full") { SizeBytes = 100_000 };
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => sender.RunAsync(600, default)));
            Assert.True(sender.Refusals.Count > 0, $"{sender.AcknowledgedCount} taken and none refused");
            Assert.All(sender.Refusals, r => Assert.True(r.StartsWith('4'), r));
            Assert.Contains(sender.Refusals, r => r.StartsWith("452", StringComparison.Ordinal));
            Assert.True(sender.AcknowledgedCount > 50, $"only {sender.AcknowledgedCount} taken before full");

            na.Mood = Mood.Healthy;
            await Eventually.HoldsAsync(() => sender.Acknowledged.All(m => na.Has(m) || eu.Has(m)),
                TimeSpan.FromSeconds(120), () => $"{na.DeliveredCount} of {sender.AcknowledgedCount}\n{gateway.Log}");
            var later = new MarkedSender(gateway.SmtpPort, "after");
            await Eventually.HoldsAsync(async () =>
            {
                await later.RunAsync(1, default);
                return later.AcknowledgedCount > 0;
            }, TimeSpan.FromSeconds(60), () => "not accepting again after space returned: "
                + string.Join('\n', later.Refusals.TakeLast(3)) + gateway.Log);
        }
        finally
        {
            if (!gateway.HasExited)
                await gateway.KillAsync();
            await Peer.RunAsync("/bin/umount", [mount], TimeSpan.FromSeconds(10));
        }
    }

    /// <summary>Recipients that the evidence says had an unknown outcome.</summary>
    private static HashSet<string> UnknownRecipients(string dataDirectory)
    {
        var found = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in Directory.GetFiles(Path.Combine(dataDirectory, "evidence"), "*.jsonl"))
        {
            foreach (var line in File.ReadLines(file))
            {
                if (!line.Contains("OutcomeUnknown", StringComparison.OrdinalIgnoreCase))
                    continue;
                foreach (System.Text.RegularExpressions.Match match in
                    System.Text.RegularExpressions.Regex.Matches(line, @"r\d+@[a-z0-9]+\.test"))
                    found.Add(match.Value);
            }
        }
        return found;
    }
}
