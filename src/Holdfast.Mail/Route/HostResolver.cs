using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Route;

/// <summary>Keeps the addresses of the host names that targets are given by.</summary>
/// <remarks>
/// Promise: a name that resolved once always has addresses. It is asked for again by its TTL (within DnsKeepMin and
/// DnsKeepMax) in the background; the last answer serves while DNS fails or denies the name. IP addresses answer
/// themselves. Names are those of the topology, so few; beyond DnsEntriesMax the least recently used go.
/// </remarks>
internal sealed partial class HostResolver(IDnsSource dns, IOptionsMonitor<RouteOptions> options, TimeProvider time,
    ILogger<HostResolver> logger) : BackgroundService, IHostResolver
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private const int AtOnceMax = 16;

    private readonly LastAnswers<Addresses> _answers = new(options.CurrentValue.DnsEntriesMax);
    /// <summary>Questions under way. Lazy: one that ended before it was entered would stay here, and be its name's
    /// answer, for ever.</summary>
    private readonly ConcurrentDictionary<string, Lazy<Task>> _asking = new(StringComparer.OrdinalIgnoreCase);
    /// <summary>Wakes the background for a new name; when full it looks at its next turn anyway.</summary>
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private sealed record Addresses(ImmutableArray<IPAddress> List, bool IsFailing);

    private Task Asking(string host) =>
        _asking.GetOrAdd(host, name => new Lazy<Task>(() => AskAsync(name))).Value;

    private TimeSpan Now => time.GetElapsedTime(0);

    public ImmutableArray<IPAddress> Known(string host)
    {
        if (IPAddress.TryParse(host.AsSpan().Trim("[]"), out var literal))
            return [literal];
        if (_answers.Find(host) is { } kept)
            return kept.Answer.List;
        _answers.Set(new(host, new Addresses([], false), Now, TimeSpan.MinValue));
        _wake.Writer.TryWrite(true);
        return [];
    }

    public async ValueTask<ImmutableArray<IPAddress>> ResolveAsync(string host, CancellationToken abort)
    {
        var known = Known(host);
        // A name that failed a moment ago isn't asked for by every message: the background does that.
        if (known.Length > 0 || _answers.Find(host) is { Answer.IsFailing: true } failed && failed.DueAt > Now)
            return known;
        await Asking(host).WaitAsync(abort);
        return Known(host);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await RefreshDueAsync();
                using var turn = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await Task.WhenAny(Task.Delay(LookEvery, time, turn.Token),
                    _wake.Reader.WaitToReadAsync(turn.Token).AsTask());
                await turn.CancelAsync();
                _wake.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Asks for every name that is due, some at once.</summary>
    internal Task RefreshDueAsync() =>
        Task.WhenAll(_answers.DueNames(Now, AtOnceMax).Select(name => Asking(name)));

    private async Task AskAsync(string host)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            using var deadline = new CancellationTokenSource(options.CurrentValue.DnsTimeout * 4, time);
            Keep(host, await dns.AddressesAsync(host, deadline.Token));
        }
        catch (OperationCanceledException)
        {
            Keep(host, DnsReply<IPAddress>.Failure($"{host}: no answer from DNS in time"));
        }
        finally
        {
            _asking.TryRemove(host, out _);
        }
    }

    private void Keep(string host, DnsReply<IPAddress> reply)
    {
        var settings = options.CurrentValue;
        var last = _answers.Find(host)?.Answer;
        if (reply.Kind == DnsReplyKind.Found)
        {
            var keepFor = reply.KeepFor < settings.DnsKeepMin ? settings.DnsKeepMin
                : reply.KeepFor > settings.DnsKeepMax ? settings.DnsKeepMax : reply.KeepFor;
            _answers.Set(new(host, new Addresses(reply.Records, false), Now, Now + keepFor));
            if (last is { IsFailing: true })
                HostResolvesAgain(host);
            return;
        }
        // Also when DNS denies the name: an operator named this host, so the answer is doubted, not the operator.
        var again = settings.DnsKeepMin > LookEvery ? settings.DnsKeepMin : LookEvery;
        _answers.Set(new(host, new Addresses(last?.List ?? [], true), Now, Now + again));
        if (last is not { IsFailing: true })
            HostDoesNotResolve(host, reply.Detail, last?.List.Length ?? 0);
    }

    [LoggerMessage(EventId = 2201, Level = LogLevel.Warning,
        Message = "Host {Host} can't be resolved ({Detail}); {Count} addresses of the last answer stay in use")]
    private partial void HostDoesNotResolve(string host, string detail, int count);

    [LoggerMessage(EventId = 2202, Level = LogLevel.Information, Message = "Host {Host} resolves again")]
    private partial void HostResolvesAgain(string host);
}
