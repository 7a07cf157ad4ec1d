using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>What leaves the binary for an OpenTelemetry collector.</summary>
public class TelemetryTests
{
    [Fact]
    public async Task A_collector_receives_spans_metrics_and_logs_when_one_is_configured()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        var port = Workspace.FreePort();
        await using var collector = await Collector.StartAsync(port);
        await using var na = new ScriptedTarget(gateway.HomePort);
        gateway.Configure(gateway.TwoSites(more: $$"""
            , "Telemetry": { "OtlpEndpoint": "http://127.0.0.1:{{port}}", "TraceShare": 1 }
            """));
        await gateway.StartAsync();
        await new MarkedSender(gateway.SmtpPort, "otlp").RunAsync(3, default);
        await Eventually.HoldsAsync(() => na.DeliveredCount == 3, TimeSpan.FromSeconds(20), () => gateway.Log);
        // A stop sends what is left, so there is no interval to wait for.
        Assert.Equal(0, await gateway.StopAsync());
        foreach (var (signal, text) in ((string, string)[])[
            ("trace", "holdfast.test"), ("trace", "mail receive"), ("trace", "mail deliver"), ("trace", "mail-na/127.0.0.1"),
            ("metrics", "holdfast.receive.messages"), ("metrics", "holdfast.traffic.verdict"),
            ("logs", "takes mail on")])
            Assert.True(collector.Holds(signal, text), $"no {text} in {signal}; there are {collector}\n{gateway.Log}");
    }
}
