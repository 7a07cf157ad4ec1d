using System.CommandLine;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Bench;

/// <summary>What one selection with its outcome costs, and one control tick, by the number of targets.</summary>
[MemoryDiagnoser]
public class EngineSpeed
{
    private TrafficEngine _engine = null!;
    private long _n;

    [Params(1, 8, 10_000)]
    public int Targets { get; set; }

    internal static Command Command()
    {
        var command = new Command("engine", "One selection and its outcome, and one tick, by the number of targets");
        command.SetAction(_ => BenchmarkRunner.Run<EngineSpeed>(DefaultConfig.Instance.AddJob(
            Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))));
        return command;
    }

    [GlobalSetup]
    public void Setup()
    {
        _engine = new TrafficEngine(Topology.FromOptions(new TopologyOptions
        {
            Regions = [new() { Name = "na" }, new() { Name = "eu" }],
            Sites =
            [
                Site("web-na", "na", 'a'),
                Site("web-eu", "eu", 'b'),
            ],
        }), new TrafficOptions(), new Random(1));
        for (var i = 0; i < Math.Max(100_000, Targets * 30); i++)
            SelectAndReport();
    }

    private SiteOptions Site(string name, string region, char host) => new()
    {
        Name = name, Service = "web", Region = region, CapacityPerSecond = 1_000_000,
        Targets = [.. Enumerable.Range(1, Targets).Select(i => new TargetOptions { Address = $"{host}{i}:80" })],
    };

    /// <summary>Place, Report and Release, ten thousand a second; a tick each thousand.</summary>
    [Benchmark]
    public void SelectAndReport()
    {
        var now = TimeSpan.FromMicroseconds(100 * ++_n);
        var placement = _engine.Place(new PlacementRequest(new ServiceId(0), OperationClass.Read, 2, false,
            TargetId.None, CanWait: false), now);
        _engine.Report(new TrafficOutcome(placement.Target, OperationClass.Read, AttemptPhase.Answer,
            FailureScope.None, TimeSpan.FromMilliseconds(5)) { Ticket = placement.Ticket }, now);
        _engine.Release(placement, true, now);
        if (_n % 1000 == 0)
            _engine.Tick(now);
    }

    /// <summary>All targets in use.</summary>
    [Benchmark]
    public void Tick()
    {
        _n += 1000;
        _engine.Tick(TimeSpan.FromMicroseconds(100 * _n));
    }
}
