using Holdfast.Traffic;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Probes;

/// <summary>Asks one target again and again whether it is well, and tells the board.</summary>
/// <remarks>
/// Promise: one question at a time; each result is told once. What a probe is worth is the board's to weigh.
/// Every <c>Interval</c> ± 20 %; every half second, or at the interval if that is shorter, while the target is suspect,
/// closed or coming back, and after a failure.
/// Not told: a failure while no target of the service has ever passed (the check itself is wrong then, most likely,
/// and traffic finds out what is), and what we couldn't ask for want of the secret.
/// </remarks>
internal sealed partial class TargetProbe(ProbedService service, TargetId target, ProbeCall call, ITrafficBoard board,
    ProbeMetrics metrics, ProbeResults results, Random random, TimeProvider time, ILogger logger)
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan s_often = TimeSpan.FromMilliseconds(500);
    private bool _isFailing;

    /// <summary>Ends with the stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            // Spread from the beginning, so that a start doesn't ask everybody at once.
            await Task.Delay(service.Options.Interval * random.NextDouble(), time, stop).ConfigureAwait(false);
            while (true)
            {
                var isInDoubt = await OnceAsync(stop).ConfigureAwait(false);
                await Task.Delay(Wait(isInDoubt), time, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Ends so.
        }
    }

    internal TimeSpan Wait(bool isInDoubt)
    {
        var interval = service.Options.Interval;
        return (isInDoubt && interval > s_often ? s_often : interval)
            * (1 - Jitter + 2 * Jitter * random.NextDouble());
    }

    /// <returns>Whether to ask again soon.</returns>
    internal async Task<bool> OnceAsync(CancellationToken stop)
    {
        var node = board.Topology.Targets[target.Value];
        var site = board.Topology.Sites[node.Site.Value].Name;
        if (service.Question(out var fault) is not { } question)
        {
            metrics.Probed(service.Options.Service, site, ProbeFate.Void);
            results.Note(target, new ProbeResult(ProbeFate.Void, fault!, time.GetUtcNow(), TimeSpan.Zero));
            if (service.MustTell())
                Unasked(service.Options.Service, fault!);
            return false;
        }
        var answer = await call.AskAsync(node, question, service.Options.Timeout, stop).ConfigureAwait(false);
        var outcome = service.Judge(node, answer);
        if (outcome.IsSuccess)
            service.Passed();
        Tell(site, node.Address, outcome);
        results.Note(target, new ProbeResult(outcome.IsSuccess ? ProbeFate.Passed
            : service.HasPassed ? ProbeFate.Failed : ProbeFate.Void, outcome.Detail ?? "", time.GetUtcNow(),
            answer.Latency));
        if (!outcome.IsSuccess && !service.HasPassed)
        {
            metrics.Probed(service.Options.Service, site, ProbeFate.Void);
            if (service.MustTell())
                Disbelieved(service.Options.Service, outcome.Detail!);
            return false;
        }
        metrics.Probed(service.Options.Service, site, outcome.IsSuccess ? ProbeFate.Passed : ProbeFate.Failed);
        return board.ReportProbe(outcome, time.GetElapsedTime(0)) || !outcome.IsSuccess;
    }

    private void Tell(string site, string address, in TrafficOutcome outcome)
    {
        if (_isFailing == !outcome.IsSuccess)
            return;
        _isFailing = !outcome.IsSuccess;
        if (_isFailing)
            Fails(service.Options.Service, site, address, outcome.Detail!);
        else
            PassesAgain(service.Options.Service, site, address);
    }

    [LoggerMessage(EventId = 4400, Level = LogLevel.Warning, Message = "Targets of service {Service} can't be probed: "
        + "{Fault}. They are judged by traffic alone")]
    private partial void Unasked(string service, string fault);

    [LoggerMessage(EventId = 4401, Level = LogLevel.Warning, Message = "No target of service {Service} has passed a "
        + "probe yet ({Fault}): the probe may be wrong, and is not believed until one passes")]
    private partial void Disbelieved(string service, string fault);

    [LoggerMessage(EventId = 4402, Level = LogLevel.Information,
        Message = "Target {Target} of service {Service}, site {Site}, fails its probes: {Fault}")]
    private partial void Fails(string service, string site, string target, string fault);

    [LoggerMessage(EventId = 4403, Level = LogLevel.Information,
        Message = "Target {Target} of service {Service}, site {Site}, passes its probes again")]
    private partial void PassesAgain(string service, string site, string target);
}
