using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic;

/// <summary>A board of a service that can't wait, with sites na (home) and eu, moved by hand.</summary>
internal sealed class WebFixture(double capacity = 1000, int targets = 4, int seed = 1, double? euCapacity = null,
    TrafficOptions? options = null, bool declaresNa = true, bool declaresEu = true)
{
    public static readonly SiteId Na = new(0);
    public static readonly SiteId Eu = new(1);
    private double _tickAt = 1;

    public TrafficBoard Board { get; } = new(Topology.FromOptions(
        Topo(declaresNa ? capacity : null, targets, declaresEu ? euCapacity ?? capacity : null)),
        options ?? new TrafficOptions(), new Random(seed));
    public double Seconds { get; private set; } = 1;
    public TimeSpan Now => TimeSpan.FromSeconds(Seconds);
    public List<VerdictChange> Changes { get; } = [];
    public ServiceId Service => new(0);

    public static TopologyOptions Topo(double? capacity, int targets, double? euCapacity = null) => new()
    {
        Regions = [new() { Name = "na" }, new() { Name = "eu" }],
        Sites =
        [
            new() { Name = "web-na", Service = "web", Region = "na", CapacityPerSecond = capacity,
                Targets = [.. Enumerable.Range(1, targets).Select(i => new TargetOptions { Address = $"a:{i}" })] },
            new() { Name = "web-eu", Service = "web", Region = "eu", CapacityPerSecond = euCapacity,
                Targets = [.. Enumerable.Range(1, targets).Select(i => new TargetOptions { Address = $"b:{i}" })] },
        ],
    };

    public Placement Place(OperationClass operation = OperationClass.Read, byte priority = 2, byte attempt = 0) =>
        Board.Place(new PlacementRequest(Service, operation, priority, false, TargetId.None, Attempt: attempt,
            CanWait: false), Now);

    public void Answer(in Placement placement, bool well = true, OperationClass operation = OperationClass.Read,
        double latency = 0.02, bool pushBack = false)
    {
        Board.Report(new TrafficOutcome(placement.Target, operation, AttemptPhase.Answer,
            well ? FailureScope.None : FailureScope.Target, TimeSpan.FromSeconds(latency),
            well ? null : "500 Internal Server Error") { Ticket = placement.Ticket, IsPushBack = pushBack }, Now);
        Board.Release(placement, well, Now);
    }

    public void Advance(double seconds)
    {
        var end = Seconds + seconds;
        while (_tickAt + 0.1 <= end + 1e-9)
        {
            _tickAt += 0.1;
            Changes.AddRange(Board.Tick(TimeSpan.FromSeconds(_tickAt)));
        }
        Seconds = end;
    }

    /// <summary>Time passes and nobody ticks: our own pause.</summary>
    public void Pause(double seconds)
    {
        Seconds += seconds;
        _tickAt += seconds;
        Changes.AddRange(Board.Tick(TimeSpan.FromSeconds(_tickAt)));
    }

    /// <summary>Serves so many a second for a while; <paramref name="fails"/> says which placements fail.</summary>
    public int Serve(double perSecond, double seconds, Func<Placement, bool>? fails = null, double latency = 0.02)
    {
        var failed = 0;
        for (var i = 0; i < perSecond * seconds; i++)
        {
            if (Place() is { MaySend: true } placement)
            {
                var bad = fails?.Invoke(placement) ?? false;
                Answer(placement, !bad, latency: latency);
                failed += bad ? 1 : 0;
            }
            Advance(1 / perSecond);
        }
        return failed;
    }

    public SiteSnapshot Site(SiteId id) => Board.Snapshot(Now).Sites[id.Value];
    public VerdictState StateOf(SiteId id) => Site(id).Verdict.State;
}
