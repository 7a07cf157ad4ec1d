using System.Net;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Storage.Keys;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Receive;

/// <summary>The receiving end: takes mail by ESMTP on every configured listener and puts it into the spool.</summary>
/// <remarks>
/// Promise: 250 after the data only when the spool said Stored. Our own trouble is always a 4yz. A client that we can't
/// serve is told so (421), as long as telling is cheap. Every wait has a deadline, every input a bound.
/// A reload starts, stops and changes listeners; sessions of those that stay go on. A drain lets transactions finish
/// and tells idle clients 421; its abort cuts what is left, though never an append that the spool has begun.
/// Start it after the spool has been opened: listening means being able to keep mail.
/// </remarks>
internal sealed partial class ReceiveServer : IAsyncDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);
    /// <summary>How long clients may take to read that their time is up.</summary>
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(3);

    private readonly IOptionsMonitor<ReceiveOptions> _options;
    private readonly Func<string> _hostName;
    private readonly IConnectionListenerFactory _factory;
    private readonly IFileSource _files;
    private readonly IDisk? _copies;
    private readonly ILogger _logger;
    private readonly ReceiveContext _context;
    private readonly SignIn _signIn;
    private readonly SemaphoreSlim _reloading = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<IPEndPoint, ListenerHost> _hosts = [];
    private readonly List<ListenerHost> _leaving = [];
    private readonly Dictionary<string, IRefreshed> _watched = [];
    private readonly HashSet<string> _named = [];
    private volatile ListenerHost[] _all = [];
    private ITimer? _sweep;
    private IDisposable? _changes;
    private Task _refreshing = Task.CompletedTask;
    private volatile bool _changed;

    /// <param name="hostName">Our name in greetings and Received: headers (<c>Holdfast:HostName</c>); asked at
    /// start and at each reload.</param>
    /// <param name="copies">The data directory, where last good copies of watched files are kept; null: none are.
    /// </param>
    public ReceiveServer(IOptionsMonitor<ReceiveOptions> options, Func<string> hostName, IMailSpool spool,
        IEvidenceJournal evidence, ReceiveMetrics metrics, IConnectionListenerFactory factory, IFileSource files,
        IDisk? copies, TimeProvider time, ILoggerFactory loggers)
    {
        _hostName = hostName;
        _options = options;
        _factory = factory;
        _files = files;
        _copies = copies;
        _logger = loggers.CreateLogger<ReceiveServer>();
        _signIn = new SignIn(time);
        _context = new ReceiveContext(spool, evidence, metrics, _signIn, time, _logger);
        metrics.Observe(() => CertificatesLeft(time.GetUtcNow()));
    }

    /// <summary>Addresses whose mail ends here. Set before the start.</summary>
    public IProbeAddresses? Probes
    {
        get => _context.Probes;
        set => _context.Probes = value;
    }

    /// <summary>So many clients are connected that answers may not get through.</summary>
    public bool IsStressed => _context.IsStressed;

    /// <summary>Binds every listener and begins to take mail.</summary>
    /// <exception cref="IOException">An endpoint can't be had.</exception>
    public async Task StartAsync(CancellationToken abort)
    {
        await ReloadAsync(abort).ConfigureAwait(false);
        foreach (var host in _hosts.Values)
        {
            if (host.Fault is { } fault)
                throw new IOException($"listener {host.Policy.Name} could not have {host.Policy.Endpoint}: {fault}");
        }
        _changes = _options.OnChange(_ => _changed = true);
        _sweep = _context.Time.CreateTimer(static server => ((ReceiveServer)server!).Sweep(), this, SweepInterval,
            SweepInterval);
        _refreshing = RefreshAsync();
    }

    /// <summary>Takes the current options over: listeners that are new are bound, those that are gone are closed and
    /// their sessions end between messages, the others change their rules.</summary>
    public async Task ReloadAsync(CancellationToken abort)
    {
        await _reloading.WaitAsync(abort).ConfigureAwait(false);
        try
        {
            if (_context.IsDraining)
                return;
            var options = _options.CurrentValue;
            _named.Clear();
            var users = string.IsNullOrEmpty(options.UsersFile) ? null
                : Watch($"users {options.UsersFile}", options.UsersFile, UserList.Parse, u => u.Count, keepCopy: false);
            var policy = new ReceivePolicy(options, _hostName(), users);
            var listeners = options.Listeners.Select(l => MakeListener(l, policy.HostName)).ToArray();
            // What no listener names any more isn't looked at; sessions that still end keep what was read.
            foreach (var gone in _watched.Keys.Where(k => !_named.Contains(k)).ToArray())
                _watched.Remove(gone);
            // Files are read before the rules that need them apply.
            foreach (var watched in _watched.Values)
                await watched.RefreshAsync(abort).ConfigureAwait(false);
            _context.Policy = policy;

            foreach (var (endpoint, host) in _hosts.ToArray())
            {
                if (Array.Exists(listeners, l => l.Endpoint.Equals(endpoint)))
                    continue;
                _hosts.Remove(endpoint);
                _leaving.Add(host);
                ListenerRemoved(host.Policy.Name, endpoint);
                await host.StopAsync().ConfigureAwait(false);
            }
            foreach (var listener in listeners)
            {
                if (_hosts.TryGetValue(listener.Endpoint, out var host))
                    host.Policy = listener;
                else
                    _hosts[listener.Endpoint] = host = new ListenerHost(_context, listener);
                if (!host.IsBound)
                    await host.TryStartAsync(_factory, abort).ConfigureAwait(false);
            }
            _leaving.RemoveAll(h => h.Sessions.Count == 0);
            _all = [.. _hosts.Values, .. _leaving];
        }
        finally
        {
            _reloading.Release();
        }
    }

    /// <summary>Stops accepting; completes when every session has ended. Idle ones get 421 4.3.2 at once, others after
    /// their message, at the latest when DrainTimeout has passed. The abort token cuts those that are left.</summary>
    public async Task DrainAsync(CancellationToken abort)
    {
        var isFirst = !_context.IsDraining;
        _context.IsDraining = true;
        var limit = _context.Policy.Options.DrainTimeout;
        using var over = new CancellationTokenSource(limit, _context.Time);
        using var gone = new CancellationTokenSource(limit + FarewellTime, _context.Time);
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(gone.Token, abort);
        await using var _ = over.Token.UnsafeRegister(static server => ((ReceiveServer)server!).EndDrain(), this)
            .ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        _changes?.Dispose();
        await _refreshing.ConfigureAwait(false);
        await _reloading.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            // The one that disposing makes has nothing to say: the drain before it said it.
            if (isFirst)
                Draining(_context.Limits.Total);
            foreach (var host in _all)
                await host.StopAsync().ConfigureAwait(false);
            foreach (var host in _all)
                await host.DrainAsync(cut.Token).ConfigureAwait(false);
        }
        finally
        {
            _reloading.Release();
        }
    }

    /// <summary>Ends the waits of the sessions that are left.</summary>
    private void EndDrain()
    {
        if (_context.Limits.Total > 0)
            DrainOver(_context.Limits.Total);
        _context.IsDrainOver = true;
        Sweep();
    }

    /// <summary>True while every session waits for its client: idle.</summary>
    internal bool AllWait => Array.TrueForAll(_all, h => h.Sessions.All(s => s.IsWaiting));

    public ReceiveStatus Status() => new(_context.Limits.Total, _context.Metrics.AcceptedTotal, _context.IsDraining,
        [.. _all.Where(h => h.IsBound || h.Fault is not null).Select(h =>
            new ListenerStatus(h.Policy.Name, h.Policy.Endpoint.ToString(), h.Policy.Role, h.IsBound, h.Fault,
                h.Policy.Tls, h.Policy.Certificate?.Options is not null))]);

    public async ValueTask DisposeAsync()
    {
        await DrainAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        if (_sweep is { } sweep)
            await sweep.DisposeAsync().ConfigureAwait(false);
        foreach (var host in _all)
            await host.DisposeAsync().ConfigureAwait(false);
        _signIn.Dispose();
        _stop.Dispose();
        _reloading.Dispose();
    }

    /// <summary>How long each listener's certificate is still valid; zero where one is named and can't be read.
    /// </summary>
    private IEnumerable<(string Listener, TimeSpan Left)> CertificatesLeft(DateTimeOffset now) =>
        _all.Where(h => h.IsBound && h.Policy.Tls != ListenerTls.None).Select(h => (h.Policy.Name,
            h.Policy.Certificate?.ValidUntil is { } until ? until - now : TimeSpan.Zero));

    private void Sweep()
    {
        foreach (var host in _all)
            host.Sweep();
    }

    /// <summary>Looks at the watched files, binds what couldn't be bound, takes changed options over.</summary>
    private async Task RefreshAsync()
    {
        var sinceLook = TimeSpan.Zero;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(SweepInterval, _context.Time, _stop.Token).ConfigureAwait(false);
                sinceLook += SweepInterval;
                var isDue = sinceLook >= _context.Policy.Options.RefreshInterval;
                if (!_changed && !isDue)
                    continue;
                sinceLook = isDue ? TimeSpan.Zero : sinceLook;
                _changed = false;
                await ReloadAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is OptionsValidationException or FormatException or IOException)
            {
                ReloadFailed(e.Message);
            }
        }
    }

    private ListenerPolicy MakeListener(ListenerOptions options, string hostName)
    {
        var domains = string.IsNullOrEmpty(options.DomainsFile) ? null
            : Watch($"domains {options.DomainsFile}", options.DomainsFile, DomainList.Parse, d => d.Count,
                keepCopy: true);
        var recipients = string.IsNullOrEmpty(options.RecipientsFile) ? null
            : Watch($"recipients {options.RecipientsFile}", options.RecipientsFile, RecipientDirectory.Parse,
                r => r.Count, keepCopy: true);
        ServerCertificate? certificate = null;
        if (options.Tls != ListenerTls.None && options.CertificateFile is { Length: > 0 } certificateFile)
        {
            var key = $"certificate {certificateFile} {options.KeyFile}";
            _named.Add(key);
            if (!_watched.TryGetValue(key, out var known))
                _watched[key] = known = new ServerCertificate(certificateFile,
                    string.IsNullOrEmpty(options.KeyFile) ? null : options.KeyFile, _files, _context.Time, _logger);
            certificate = (ServerCertificate)known;
        }
        return new ListenerPolicy(options, hostName, domains, recipients, certificate);
    }

    private WatchedFile<T> Watch<T>(string key, string path, Func<ReadOnlyMemory<byte>, T> parse, Func<T, int> count,
        bool keepCopy)
        where T : class
    {
        _named.Add(key);
        if (!_watched.TryGetValue(key, out var known))
            _watched[key] = known = new WatchedFile<T>(path, parse, count, _files, keepCopy ? _copies : null, _logger);
        return (WatchedFile<T>)known;
    }

    [LoggerMessage(EventId = 2003, Level = LogLevel.Information,
        Message = "Listener {Listener} on {Endpoint} is closed by the new configuration: sessions end when idle")]
    private partial void ListenerRemoved(string listener, EndPoint endpoint);

    [LoggerMessage(EventId = 2004, Level = LogLevel.Information,
        Message = "No new mail is taken; {Sessions} sessions finish what they are at")]
    private partial void Draining(int sessions);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Warning,
        Message = "{Sessions} sessions were still at a message at the drain's deadline and are told 421 now")]
    private partial void DrainOver(int sessions);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Warning,
        Message = "The new configuration of listeners was not taken over: {Fault}")]
    private partial void ReloadFailed(string fault);
}
