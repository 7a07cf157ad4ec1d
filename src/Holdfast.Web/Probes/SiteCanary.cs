using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Probes;

/// <summary>Writes a token at a site and reads it back, again and again: sees sites that take everything and process
/// nothing, which no answer betrays.</summary>
/// <remarks>
/// 1 write to a target that is open, the next one if it can't be reached; 2 read from another until the token, or a
/// later one of ours, is there; 3 tell the board: passed, or refused or lost.
/// Promise: each canary ends once, within its deadline (<see cref="CanaryTime"/>). Where all targets are closed it goes
/// to them in turn. A write answered 4xx (but 408, 421, 425 and 429) is the configuration's fault and says nothing
/// of the site, as what spans a pause of our own. At most eight are under way: what doesn't come back must not pile up.
/// </remarks>
internal sealed partial class SiteCanary(WebCanaryOptions options, SiteId site, ProbeCall call, ITrafficBoard board,
    ProbeMetrics metrics, ProbeResults results, Func<TimeSpan> pausedAt, Random random, TimeProvider time,
    ILogger logger)
{
    private const int UnderWayMax = 8;
    private const double Jitter = 0.2;
    private static readonly TimeSpan s_readFirst = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_readLast = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_askMax = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private readonly SecretLine _secret = new(options.AuthorizationFile, time);
    private readonly CanaryToken _token = new(random);
    private readonly CanaryTime _usual = new();
    private long _number;
    private int _turn;
    private string? _told;

    /// <summary>Ends with the stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var underWay = new List<Task>();
        try
        {
            await Task.Delay(options.Interval * random.NextDouble(), time, stop).ConfigureAwait(false);
            while (true)
            {
                underWay.RemoveAll(t => t.IsCompleted);
                if (underWay.Count < UnderWayMax)
                    underWay.Add(OnceAsync(stop));
                await Task.Delay(options.Interval * (1 - Jitter + 2 * Jitter * random.NextDouble()), time, stop)
                    .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Ends so.
        }
        await Task.WhenAll(underWay).ConfigureAwait(false);
    }

    internal async Task OnceAsync(CancellationToken stop)
    {
        var startedAt = time.GetElapsedTime(0);
        try
        {
            var (fate, words) = await CheckAsync(startedAt, stop).ConfigureAwait(false);
            var now = time.GetElapsedTime(0);
            if (fate is not ProbeFate.Passed && pausedAt() >= startedAt)
                (fate, words) = (ProbeFate.Void, "our own process stood still");
            End(fate, words, now - startedAt, now);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It says nothing any more.
        }
    }

    private async Task<(ProbeFate Fate, string Words)> CheckAsync(TimeSpan startedAt, CancellationToken stop)
    {
        string? secret, fault;
        long number;
        TimeSpan deadline;
        lock (_gate)
        {
            if (!_secret.TryRead(out secret, out fault))
                return (ProbeFate.Void, fault!);
            number = ++_number;
            deadline = startedAt + _usual.Deadline;
        }
        var node = board.Topology.Sites[site.Value];
        var service = board.Topology.Services[node.Service.Value].Name;
        var token = _token.Write(number);
        // 1.
        var write = new ProbeQuestion(service, options.WriteMethod, Fill(options.WritePath, token), options.Host,
            secret, token, 0);
        ProbeAnswer answer = default;
        for (var i = 0; i < Math.Max(1, node.Targets.Length); i++)
        {
            if (Next(node, OperationClass.Write) is not { } target || Left(deadline) is not { } left)
                break;
            answer = await call.AskAsync(target, write, left, stop).ConfigureAwait(false);
            if (!answer.IsUnsent)
                break;
        }
        if (answer.Status is >= 400 and < 500 and not (408 or 421 or 425 or 429))
            return (ProbeFate.Void, $"{options.WriteMethod} is answered {answer.Status}");
        if (answer.Status is < 200 or >= 400)
        {
            return (ProbeFate.Failed, answer.IsAnswer ? $"{options.WriteMethod} was answered {answer.Status}"
                : answer.Fault.Detail ?? "nothing to write to");
        }
        // 2.
        var read = new ProbeQuestion(service, "GET", Fill(options.ReadPath.Length > 0
            ? options.ReadPath : options.WritePath, token), options.Host, secret, null, CanaryToken.LookBytes);
        for (var wait = s_readFirst; Left(deadline) is { } left; wait = wait * 2 < s_readLast ? wait * 2 : s_readLast)
        {
            if (Next(node, OperationClass.Read) is { } target)
            {
                answer = await call.AskAsync(target, read, left < s_askMax ? left : s_askMax, stop)
                    .ConfigureAwait(false);
                if (answer.Status is >= 200 and < 300 && _token.Shows(answer.Body.Span, number))
                    return (ProbeFate.Passed, "");
            }
            await Task.Delay(wait, time, stop).ConfigureAwait(false);
        }
        return (ProbeFate.Lost, "what was written is not there");
    }

    private TimeSpan? Left(TimeSpan deadline)
    {
        var left = deadline - time.GetElapsedTime(0);
        return left > TimeSpan.Zero ? left : null;
    }

    /// <summary>The site's targets in turn, those that are open first.</summary>
    private TargetNode? Next(SiteNode node, OperationClass operation)
    {
        var targets = node.Targets;
        if (targets.Length == 0)
            return null;
        var turn = Interlocked.Increment(ref _turn) & int.MaxValue;
        for (var i = 0; i < targets.Length; i++)
        {
            var target = targets[(turn + i) % targets.Length];
            if (!board.IsClosed(target, operation))
                return board.Topology.Targets[target.Value];
        }
        return board.Topology.Targets[targets[turn % targets.Length].Value];
    }

    private void End(ProbeFate fate, string words, TimeSpan latency, TimeSpan now)
    {
        metrics.Ended(options.Site, fate);
        results.Note(site, new ProbeResult(fate, words, time.GetUtcNow(), latency));
        lock (_gate)
        {
            if (fate == ProbeFate.Passed)
                _usual.Passed(latency);
            if (_told == words)
                words = "";
            else
                _told = words;
        }
        // 3.
        if (fate != ProbeFate.Void)
            board.ReportCanary(site, fate == ProbeFate.Passed, latency, now);
        if (words.Length == 0)
            return;
        if (fate == ProbeFate.Void)
            SaysNothing(options.Site, words);
        else
            Failed(options.Site, words);
    }

    private static string Fill(string path, string token) => path.Replace("{token}", token, StringComparison.Ordinal);

    [LoggerMessage(EventId = 4410, Level = LogLevel.Warning,
        Message = "The canary of site {Site} says nothing of it: {Fault}")]
    private partial void SaysNothing(string site, string fault);

    [LoggerMessage(EventId = 4411, Level = LogLevel.Information, Message = "A canary of site {Site} failed: {Fault}")]
    private partial void Failed(string site, string fault);
}
