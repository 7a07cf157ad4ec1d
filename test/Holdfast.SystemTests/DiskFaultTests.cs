using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Failing disk calls under the whole gateway with mail coming in: what was acknowledged arrives, what could
/// not be kept got the right 4yz, and acceptance goes on when the disk does.</summary>
public class DiskFaultTests
{
    private const string Failed = "451 4.3.0", Full = "452 4.3.1";
    private const int Senders = 4;
    /// <summary>Small segments and inline contents, so that every kind of call happens all the time.</summary>
    internal const string SmallSpool = """
        "Spool": { "SegmentBytes": 1048576, "InlineBytesMax": 16384, "DiskReserveBytes": 4194304,
                   "CheckpointInterval": "00:00:01", "WasteBytesMax": 1048576 },
        """;

    public static TheoryData<string, string> Lasting { get; } = new()
    {
        { "pwrite:0:1000000:5:segments/", Failed },
        { "fdatasync:0:1000000:5:segments/", Failed },
        { "fdatasync:3:1000000:5:segments/", Failed },
        { "rename:0:1000000:5:segments/", Failed },
        { "fsync:0:1000000:5:segments", Failed },
        { "fsync:1:1000000:5:segments", Failed },
        { "*:0:1000000:5", Failed },
        { "*:7:1000000:30", Failed },
        { "pwrite:0:1000000:28;fallocate:0:1000000:28", Full },
        { "pwrite:11:1000000:28:segments/;fallocate:0:1000000:28", Full },
        { "open:0:1000000:28;fallocate:0:1000000:28", Full },
    };

    [Theory]
    [MemberData(nameof(Lasting))]
    public async Task A_disk_that_fails_stops_acceptance_with_the_right_code_and_loses_nothing(string faults, string code)
    {
        var workspace = new Workspace();
        await using var gateway = Create(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await using var load = new Load(gateway.SmtpPort, "a", 4000);
        await load.AcknowledgedAsync(50, gateway);

        await gateway.SetFaultsAsync(faults);
        await Eventually.HoldsAsync(() => load.Refusals.Any(r => r.StartsWith(code, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(30), () => $"no {code} under {faults}: " + load.Tell() + gateway.Log);
        await Eventually.HoldsAsync(async () => await gateway.ReadyCodeAsync() == 503, TimeSpan.FromSeconds(5),
            () => "/readyz says ready\n" + gateway.Log);
        // Whoever is refused while it lasts may come again: nothing is refused for good.
        Assert.All(load.Refusals, r => Assert.True(r.StartsWith('4'), r));

        Assert.True(await gateway.SetFaultsAsync() > 0);
        await load.AcknowledgedAsync(50, gateway);
        await Eventually.HoldsAsync(async () => await gateway.ReadyCodeAsync() == 200, TimeSpan.FromSeconds(10),
            () => "/readyz doesn't say ready again\n" + gateway.Log);
        await load.StopAsync();
        await load.ArrivesAsync(gateway, na, eu);
        Assert.Equal(0, await gateway.StopAsync());
        await gateway.StartAsync();
        Assert.Equal(0, await gateway.WaitingAsync());
        Assert.Empty(Duplicates.Unexplained(gateway, load.Acknowledged, na, eu));
    }

    [Theory]
    [MemberData(nameof(Lasting))]
    public async Task Killed_while_the_disk_fails_it_loses_nothing(string faults, string code)
    {
        var workspace = new Workspace();
        await using var gateway = Create(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort, Mood.RefuseDot);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await using var load = new Load(gateway.SmtpPort, "b", 4000);
        await load.AcknowledgedAsync(50, gateway);
        await gateway.SetFaultsAsync(faults);
        await Eventually.HoldsAsync(() => load.Refusals.Any(r => r.StartsWith(code, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(30), () => $"no {code} under {faults}: " + load.Tell() + gateway.Log);
        na.Mood = Mood.Healthy;
        await Task.Delay(TimeSpan.FromMilliseconds(400), TimeProvider.System);
        await gateway.KillAsync();
        await load.StopAsync();

        await gateway.StartAsync();
        await load.ArrivesAsync(gateway, na, eu);
        Assert.Equal(0, await gateway.StopAsync());
    }

    [Theory]
    [InlineData("pwrite")]
    [InlineData("fdatasync")]
    [InlineData("rename")]
    [InlineData("fsync")]
    [InlineData("open")]
    public async Task A_body_file_that_fails_is_refused_while_smaller_mail_is_taken(string operation)
    {
        var workspace = new Workspace();
        await using var gateway = Create(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await using var large = new Load(gateway.SmtpPort, "large", 60_000);
        await using var small = new Load(gateway.SmtpPort, "small", 2000);
        await large.AcknowledgedAsync(10, gateway);
        await gateway.SetFaultsAsync($"{operation}:0:1000000:5:bodies");
        await Eventually.HoldsAsync(() => large.Refusals.Count > 5, TimeSpan.FromSeconds(20),
            () => "no large message was refused: " + large.Tell() + gateway.Log);
        Assert.All(large.Refusals, r => Assert.StartsWith(Failed, r, StringComparison.Ordinal));
        await small.AcknowledgedAsync(20, gateway);
        await gateway.SetFaultsAsync();
        await large.AcknowledgedAsync(10, gateway);
        await large.StopAsync();
        await small.StopAsync();
        await large.ArrivesAsync(gateway, na, eu);
        await small.ArrivesAsync(gateway, na, eu);
        Assert.Equal(0, await gateway.StopAsync());
        // What lay there still, the next start sweeps.
        await gateway.StartAsync();
        Assert.Empty(Directory.GetFiles(Path.Combine(gateway.DataDirectory, "bodies")));
    }

    [Fact]
    public async Task One_failure_at_each_of_many_places_loses_nothing_and_is_over_soon()
    {
        var workspace = new Workspace();
        await using var gateway = Create(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await using var load = new Load(gateway.SmtpPort, "c", 14_000);
        await using var bodies = new Load(gateway.SmtpPort, "d", 30_000);
        string[] faults = ["pwrite:{0}:1:5:segments", "fdatasync:{0}:1:5:segments", "pwrite:{0}:2:28:segments",
            "fdatasync:{0}:3:5", "rename:{0}:1:5", "fsync:{0}:1:5", "fallocate:{0}:2:28", "open:{0}:1:5:segments",
            "pread:{0}:2:5", "unlink:{0}:2:5", "pwrite:{0}:1:5:attempts", "pwrite:{0}:1:5:checkpoint"];
        var failures = 0L;
        foreach (var fault in faults)
        {
            foreach (var after in (int[])[0, 1, 4, 13])
            {
                failures = await gateway.SetFaultsAsync(string.Format(null, fault, after));
                await load.AcknowledgedAsync(20, gateway);
                await bodies.AcknowledgedAsync(5, gateway);
            }
        }
        failures = await gateway.SetFaultsAsync();
        Assert.True(failures >= faults.Length, $"only {failures} calls failed");
        await load.StopAsync();
        await bodies.StopAsync();
        await load.ArrivesAsync(gateway, na, eu);
        await bodies.ArrivesAsync(gateway, na, eu);
        Assert.Equal(0, await gateway.StopAsync());
        Assert.All(load.Refusals.Concat(bodies.Refusals), r => Assert.True(r.StartsWith('4'), r));
        Assert.Empty(Duplicates.Unexplained(gateway, load.Acknowledged.Concat(bodies.Acknowledged), na, eu));
    }

    [Fact]
    public async Task A_stop_while_the_disk_fails_ends_in_time_and_what_was_acknowledged_is_there_after_it()
    {
        var workspace = new Workspace();
        await using var gateway = Create(workspace, "\"Deliver\": { \"DrainTimeout\": \"00:00:03\" },");
        await using var na = new ScriptedTarget(gateway.HomePort, Mood.RefuseDot);
        await using var eu = new ScriptedTarget(gateway.AwayPort, Mood.RefuseDot);
        await gateway.StartAsync();
        await using var load = new Load(gateway.SmtpPort, "e", 4000);
        await load.AcknowledgedAsync(50, gateway);
        await gateway.SetFaultsAsync("*:0:1000000:5");
        await Eventually.HoldsAsync(() => load.Refusals.Any(r => r.StartsWith(Failed, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(30), () => load.Tell() + gateway.Log);
        na.Mood = eu.Mood = Mood.Healthy;
        await load.StopAsync();
        var code = await gateway.StopAsync(TimeSpan.FromSeconds(25));
        Assert.DoesNotContain("Unhandled exception", gateway.Log, StringComparison.Ordinal);
        Assert.Equal(1, code);
        Assert.Contains("Stopped before all was drained, since the disk fails: ", gateway.Log, StringComparison.Ordinal);
        na.Mood = eu.Mood = Mood.Healthy;
        await gateway.StartAsync();
        await load.ArrivesAsync(gateway, na, eu);
    }

    private static Gateway Create(Workspace workspace, string more = "")
    {
        var gateway = new Gateway(workspace) { IsFaulty = true };
        gateway.Configure(gateway.TwoSites(mail: SmallSpool + more));
        return gateway;
    }

    /// <summary>Senders that go on sending, whatever they are told.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(2);
        private readonly CancellationTokenSource _stop = new();
        private readonly MarkedSender _sender;
        private readonly Task _running;

        public Load(int port, string prefix, int bytes)
        {
            _sender = new MarkedSender(port, prefix) { SizeBytes = bytes };
            _running = Task.WhenAll(Enumerable.Range(0, Senders).Select(_ => GoOnAsync()));
        }

        public IEnumerable<string> Acknowledged => _sender.Acknowledged;
        public IReadOnlyCollection<string> Refusals => _sender.Refusals;

        public string Tell() => $"{_sender.AcknowledgedCount} taken, {Refusals.Count} refused: "
            + string.Join(" | ", Refusals.Distinct().Take(5)) + "\n";

        public async Task AcknowledgedAsync(int more, Gateway gateway)
        {
            var from = _sender.AcknowledgedCount;
            await Eventually.HoldsAsync(() => _sender.AcknowledgedCount >= from + more, TimeSpan.FromSeconds(30),
                () => $"{_sender.AcknowledgedCount - from} of {more} more taken; " + Tell() + gateway.Log);
        }

        public async Task ArrivesAsync(Gateway gateway, ScriptedTarget na, ScriptedTarget eu)
        {
            var acknowledged = Acknowledged.ToList();
            await Eventually.HoldsAsync(() => acknowledged.All(m => na.Has(m) || eu.Has(m)), TimeSpan.FromSeconds(90),
                () => $"{acknowledged.Count(m => !na.Has(m) && !eu.Has(m))} of {acknowledged.Count} missing\n"
                    + gateway.Log);
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        private async Task GoOnAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                await _sender.RunAsync(int.MaxValue, _stop.Token, Every);
                await Task.Delay(Every, TimeProvider.System, CancellationToken.None);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }
    }
}
