using System.Diagnostics.Metrics;
using System.Net;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Probes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Probes;

/// <summary>A board with one web site of two targets, and targets that answer by script; time is moved by hand and
/// everything happens on the test's own thread.</summary>
internal sealed class ProbeWorld
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public ProbeWorld()
    {
        Metrics = new ProbeMetrics(_services.GetRequiredService<IMeterFactory>());
        Call = new ProbeCall((service, target, path, message, abort) =>
        {
            Asked.Add((target.Id.Value, message, path));
            return Answer(target.Id.Value, message, path, abort);
        }, Time);
    }

    public FakeTimeProvider Time { get; } = new();
    public TrafficBoard Board { get; } = new(Topology.FromOptions(new TopologyOptions
    {
        Regions = [new() { Name = "na" }],
        Sites =
        [
            new() { Name = "web-na", Service = "web", Region = "na", CapacityPerSecond = 1000,
                Targets = [new() { Address = "a:1" }, new() { Address = "a:2" }] },
        ],
    }), new TrafficOptions(), new Random(1));
    public ProbeMetrics Metrics { get; }
    public ProbeResults Results { get; } = new();
    public ProbeCall Call { get; }
    public List<(int Target, HttpRequestMessage Message, string Path)> Asked { get; } = [];
    public Func<int, HttpRequestMessage, string, CancellationToken, Task<HttpResponseMessage>> Answer { get; set; } =
        (_, _, _, _) => Task.FromResult(Says(200));
    public TimeSpan PausedAt { get; set; } = TimeSpan.MinValue;

    public static HttpResponseMessage Says(int status, string body = "") =>
        new((HttpStatusCode)status) { Content = new StringContent(body) };

    public TargetProbe Probe(ProbedService service, int target) => new(service, new TargetId(target), Call, Board,
        Metrics, Results, new Random(1), Time, NullLogger.Instance);

    public ProbedService Service(Action<ProbeServiceOptions>? with = null)
    {
        var options = new ProbeServiceOptions { Service = "web", Path = "/healthz" };
        with?.Invoke(options);
        return new ProbedService(options, Time);
    }

    public SiteCanary Canary(Action<WebCanaryOptions>? with = null)
    {
        var options = new WebCanaryOptions { Site = "web-na", WritePath = "/canary/{token}" };
        with?.Invoke(options);
        return new SiteCanary(options, new SiteId(0), Call, Board, Metrics, Results, () => PausedAt, new Random(1), Time,
            NullLogger.Instance);
    }

    /// <summary>Lets time go on until something is done; returns how long it took.</summary>
    public TimeSpan Finish(Task task)
    {
        var from = Time.GetTimestamp();
        for (var i = 0; i < 100_000 && !task.IsCompleted; i++)
            Step(TimeSpan.FromMilliseconds(10));
        Assert.True(task.IsCompleted, "it doesn't end");
        task.GetAwaiter().GetResult();
        return Time.GetElapsedTime(from);
    }

    public void Pass(TimeSpan length)
    {
        for (var passed = TimeSpan.Zero; passed < length; passed += TimeSpan.FromMilliseconds(10))
            Step(TimeSpan.FromMilliseconds(10));
    }

    private void Step(TimeSpan by)
    {
        Time.Advance(by);
        if (Time.GetElapsedTime(0).Ticks / TimeSpan.TicksPerMillisecond % 100 < 10)
            Board.Tick(Time.GetElapsedTime(0));
    }

    public VerdictState StateOf(int target) => Board.Snapshot(Time.GetElapsedTime(0)).Sites[0].Targets[target].Verdict.State;
    public SiteSnapshot Site => Board.Snapshot(Time.GetElapsedTime(0)).Sites[0];
}
