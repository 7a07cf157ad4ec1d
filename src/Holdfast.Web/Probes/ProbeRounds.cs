using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Probes;

/// <summary>Asks web targets themselves, beside traffic: probes of each target, and write-then-read canaries of sites.
/// </summary>
/// <remarks>
/// Guards against targets whose trouble nobody meets until a request does, against closed ones that no request
/// tries, and against sites that take everything and process nothing.
/// Promise: every target in use of a listed service has one probe, every listed site one canary, also after reloads of
/// options and topology, within a second; what stays as it was goes on undisturbed.
/// What a probe says is weighed by the board: it adds to what traffic says and takes nothing away.
/// </remarks>
internal sealed class ProbeRounds : IAsyncDisposable
{
    private const string CanaryKey = "\ncanary";
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_pauseMin = TimeSpan.FromSeconds(2);
    private readonly IOptionsMonitor<ProbeOptions> _options;
    private readonly ITrafficBoard _board;
    private readonly ProbeMetrics _metrics;
    private readonly Random _random;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, ProbedService> _services = [];
    private readonly Dictionary<(string What, int Id), Round> _rounds = [];
    private Task _running = Task.CompletedTask;
    private long _pausedAt = -1;

    public ProbeRounds(IOptionsMonitor<ProbeOptions> options, ITrafficBoard board, ProbeMetrics metrics,
        Random random, TimeProvider time, ILoggerFactory loggers)
    {
        _options = options;
        _board = board;
        _metrics = metrics;
        _random = random;
        _time = time;
        _logger = loggers.CreateLogger<ProbeRounds>();
    }

    /// <summary>What each came to, the last time.</summary>
    public ProbeResults Results { get; } = new();

    /// <summary>Probes and canaries that run now.</summary>
    internal IReadOnlyCollection<(string What, int Id)> Rounds => _rounds.Keys;

    public void Start(SendProbe send) => _running = RunAsync(new ProbeCall(send, _time));

    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync(ProbeCall call)
    {
        using var timer = new PeriodicTimer(s_lookEvery, _time);
        (ProbeOptions?, Topology?) applied = default;
        var last = _time.GetElapsedTime(0);
        try
        {
            do
            {
                var now = _time.GetElapsedTime(0);
                if (now - last > s_pauseMin)
                    Volatile.Write(ref _pausedAt, now.Ticks);
                last = now;
                var (options, topology) = (_options.CurrentValue, _board.Topology);
                if (!ReferenceEquals(options, applied.Item1) || !ReferenceEquals(topology, applied.Item2))
                    await ApplyAsync(call, options, topology).ConfigureAwait(false);
                applied = (options, topology);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The stop.
        }
        await Task.WhenAll(_rounds.Values.Select(EndAsync)).ConfigureAwait(false);
        _rounds.Clear();
    }

    private async Task ApplyAsync(ProbeCall call, ProbeOptions options, Topology topology)
    {
        var wanted = new Dictionary<(string, int), Func<CancellationToken, Task>>();
        var services = new HashSet<string>();
        foreach (var service in options.Services)
        {
            var key = KeyOf(service);
            services.Add(key);
            if (!topology.TryFindService(service.Service, out var id))
                continue;
            if (!_services.TryGetValue(key, out var probed))
                _services.Add(key, probed = new ProbedService(service, _time));
            foreach (var site in topology.Services[id.Value].SitesNearestFirst)
            {
                foreach (var target in topology.Sites[site.Value].Targets)
                {
                    wanted.TryAdd((key, target.Value), new TargetProbe(probed, target, call, _board, _metrics,
                        Results, new Random(_random.Next()), _time, _logger).RunAsync);
                }
            }
        }
        foreach (var canary in options.Canaries)
        {
            var site = topology.Sites.FirstOrDefault(s => !s.IsRetired && Same(s.Name, canary.Site));
            if (site is not null)
            {
                wanted.TryAdd((KeyOf(canary), site.Id.Value), new SiteCanary(canary, site.Id, call, _board, _metrics,
                    Results, () => TimeSpan.FromTicks(Volatile.Read(ref _pausedAt)), new Random(_random.Next()), _time,
                    _logger).RunAsync);
            }
        }
        foreach (var (key, round) in _rounds.Where(r => !wanted.ContainsKey(r.Key)).ToArray())
        {
            _rounds.Remove(key);
            await EndAsync(round).ConfigureAwait(false);
            if (key.What.StartsWith(CanaryKey, StringComparison.Ordinal))
                Results.Forget(new SiteId(key.Id));
            else
                Results.Forget(new TargetId(key.Id));
        }
        foreach (var key in _services.Keys.Where(k => !services.Contains(k)).ToArray())
            _services.Remove(key);
        foreach (var (key, run) in wanted.Where(w => !_rounds.ContainsKey(w.Key)))
        {
            var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _rounds.Add(key, new Round(run(stop.Token), stop));
        }
    }

    private static async Task EndAsync(Round round)
    {
        await round.Stop.CancelAsync().ConfigureAwait(false);
        await round.Task.ConfigureAwait(false);
        round.Stop.Dispose();
    }

    /// <summary>All that a probe is made of: with another value it is another probe.</summary>
    private static string KeyOf(ProbeServiceOptions o) => string.Join('\n', o.Service, o.Path, o.Method, o.Host,
        o.ExpectStatus, o.ExpectBody, o.AuthorizationFile, o.Interval, o.Timeout);

    private static string KeyOf(WebCanaryOptions o) => string.Join('\n', CanaryKey, o.Site, o.WritePath, o.WriteMethod,
        o.ReadPath, o.Host, o.AuthorizationFile, o.Interval);

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private sealed record Round(Task Task, CancellationTokenSource Stop);
}
