using Holdfast.Storage.Journal;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Options;

namespace Holdfast.Telemetry;

/// <summary>Gives the traffic board its time and its topology, and tells what it decided.</summary>
internal sealed partial class TrafficTicks(
    TrafficBoard board, IOptionsMonitor<TopologyOptions> topology, IOptionsMonitor<TrafficOptions> traffic,
    TrafficMetrics metrics, IEvidenceJournal journal, TimeProvider time, ILogger<TrafficTicks> logger)
    : BackgroundService
{
    /// <summary>Design: control tick of the engine.</summary>
    internal static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changes = topology.OnChange(options =>
            board.Reload(Topology.FromOptions(options, board.Topology), time.GetElapsedTime(0)));
        using var tuning = traffic.OnChange(board.Apply);
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                foreach (var change in board.Tick(time.GetElapsedTime(0)))
                    Tell(change);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Ends so at every stop; thrown on, a stop by a second signal would be logged as a failure.
        }
    }

    internal void Tell(VerdictChange change)
    {
        var picture = board.Topology;
        // A reload may have come between the decision and here: ids are of the picture that it was made in.
        var site = change.Site.Value >= 0 && change.Site.Value < picture.Sites.Length
            ? picture.Sites[change.Site.Value].Name : "?";
        var target = !change.Target.IsNone && change.Target.Value < picture.Targets.Length
            ? picture.Targets[change.Target.Value].Address : null;
        var what = target is null ? $"site {site}" : $"target {target} of site {site}";
        if (change.To == VerdictState.Closed)
            Closed(what, change.From, change.Evidence);
        else
            Changed(what, change.From, change.To, change.Evidence);
        if (target is null)
            metrics.VerdictChanged(site, change.To.ToString());
        journal.Append(new EvidenceRecord
        {
            At = time.GetUtcNow(), Kind = EvidenceKind.VerdictChanged, Actor = "traffic", Site = site, Target = target,
            Reason = $"{change.From} → {change.To}: {change.Evidence}",
        });
    }

    [LoggerMessage(EventId = 1100, Level = LogLevel.Warning, Message = "Closed (was {From}): {What}: {Evidence}")]
    private partial void Closed(string what, VerdictState from, string evidence);

    [LoggerMessage(EventId = 1101, Level = LogLevel.Information, Message = "{From} → {To}: {What}: {Evidence}")]
    private partial void Changed(string what, VerdictState from, VerdictState to, string evidence);
}
