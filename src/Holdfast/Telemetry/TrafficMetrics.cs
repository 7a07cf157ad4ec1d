using System.Diagnostics.Metrics;
using Holdfast.Traffic;

namespace Holdfast.Telemetry;

/// <summary>What the traffic board says, as metrics. The engine itself has none: it only decides.</summary>
internal sealed class TrafficMetrics
{
    private readonly Counter<long> _verdictChanges;

    public TrafficMetrics(IMeterFactory meters, ITrafficBoard board, TimeProvider time)
    {
        var meter = meters.Create("Holdfast.Traffic");
        _verdictChanges = meter.CreateCounter<long>("holdfast.traffic.verdict_changes", "{change}",
            "Changes of a verdict, by site and new state");
        meter.CreateObservableGauge("holdfast.traffic.verdict", () => board.Snapshot(time.GetElapsedTime(0)).Sites
            .Select(s => new Measurement<int>((int)s.Verdict.State, Tags(s))), "{state}",
            "Verdict of a site: 0 healthy, 1 suspect, 2 degraded, 3 closed, 4 recovering");
        meter.CreateObservableGauge("holdfast.traffic.in_flight", () => board.Snapshot(time.GetElapsedTime(0)).Sites
            .Select(s => new Measurement<int>(s.Targets.Sum(t => t.InFlight), Tags(s))), "{transaction}",
            "Transactions running at a site");
        meter.CreateObservableGauge("holdfast.traffic.share", () => board.Snapshot(time.GetElapsedTime(0)).Sites
            .Select(s => new Measurement<double>(s.Share, Tags(s))), "1",
            "Part of its service's traffic that a site gets");
    }

    public void VerdictChanged(string site, string state) => _verdictChanges.Add(1,
        new("holdfast.site", site), new("holdfast.state", state));

    private static KeyValuePair<string, object?>[] Tags(SiteSnapshot site) =>
        [new("holdfast.service", site.Service), new("holdfast.site", site.Site), new("holdfast.region", site.Region)];
}
