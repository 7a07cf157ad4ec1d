using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic;

/// <summary>A board with sites na (home) and eu, moved by hand.</summary>
internal sealed class BoardFixture
{
    public const string NotAccepting = "451 4.3.2 Temporary server error";
    public static readonly SiteId Na = new(0);
    public static readonly SiteId Eu = new(1);

    public BoardFixture(double? capacity = 2000, int targetsPerSite = 1, TrafficOptions? options = null, int seed = 1,
        int concurrencyMax = 100)
    {
        Options = options ?? new TrafficOptions();
        Board = new TrafficBoard(Topology.FromOptions(Topo(capacity, targetsPerSite, concurrencyMax)), Options,
            new Random(seed));
        Service = new ServiceId(0);
    }

    private TimeSpan _tickAt = TimeSpan.FromSeconds(1);

    public TrafficOptions Options { get; }
    public TrafficBoard Board { get; }
    public ServiceId Service { get; }
    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1);
    public List<VerdictChange> Changes { get; } = [];

    public static TopologyOptions Topo(double? capacity, int targetsPerSite = 1, int concurrencyMax = 100) => new()
    {
        HomeRegion = "na",
        Regions = [new() { Name = "na" }, new() { Name = "eu" }],
        Sites =
        [
            new() { Name = "mail-na", Service = "mail", Region = "na", CapacityPerSecond = capacity,
                Targets = Targets(2600, targetsPerSite, concurrencyMax) },
            new() { Name = "mail-eu", Service = "mail", Region = "eu", CapacityPerSecond = capacity,
                Targets = Targets(2700, targetsPerSite, concurrencyMax) },
        ],
    };

    private static TargetOptions[] Targets(int port, int count, int concurrencyMax) =>
        [.. Enumerable.Range(1, count).Select(i =>
            new TargetOptions { Address = $"127.0.0.1:{port + i}", ConcurrencyMax = concurrencyMax })];

    public void Advance(double seconds)
    {
        var end = Now + TimeSpan.FromSeconds(seconds);
        while (_tickAt + TimeSpan.FromMilliseconds(100) <= end)
        {
            _tickAt += TimeSpan.FromMilliseconds(100);
            Changes.AddRange(Board.Tick(_tickAt));
        }
        Now = end;
    }

    public Placement Place(bool isBacklog = false, byte priority = 3, TargetId? avoid = null, SiteId? prefer = null) =>
        Board.Place(new PlacementRequest(Service, OperationClass.MailDelivery, priority, isBacklog,
            avoid ?? TargetId.None, prefer), Now);

    public void Deliver(in Placement placement, double latency = 0.005)
    {
        Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, AttemptPhase.FinalDot,
            FailureScope.None, TimeSpan.FromSeconds(latency)), Now);
        Board.Release(placement, delivered: true, Now);
    }

    public void Fail(in Placement placement, FailureScope scope, AttemptPhase phase = AttemptPhase.Rcpt,
        string detail = NotAccepting, uint recipient = 1, uint sender = 1, double latency = 0)
    {
        Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, phase, scope,
            TimeSpan.FromSeconds(latency), detail, recipient, sender), Now);
        Board.Release(placement, delivered: false, Now);
    }

    public VerdictState StateOf(SiteId site) => Board.Snapshot(Now).Sites[site.Value].Verdict.State;
    public string EvidenceOf(SiteId site) => Board.Snapshot(Now).Sites[site.Value].Verdict.Evidence;

    /// <summary>Delivers this many messages, one each 10 ms, wherever the board says.</summary>
    public void DeliverSteadily(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var placement = Place();
            if (placement.MaySend)
                Deliver(placement);
            Advance(0.1);
        }
    }

    /// <summary>Closes na by answers in a row.</summary>
    public void CloseHome()
    {
        for (var i = 0u; StateOf(Na) != VerdictState.Closed; i++)
        {
            Assert.True(i < 50);
            var placement = Place();
            if (placement.MaySend)
                Fail(placement, FailureScope.Site, recipient: i + 1, sender: i + 1);
            Advance(0.1);
        }
    }
}
