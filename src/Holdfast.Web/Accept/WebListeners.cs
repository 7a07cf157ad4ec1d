using Holdfast.Storage.Keys;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Accept;

/// <summary>The listeners, the crowd that they share, and their certificates, which are looked at now and then.
/// </summary>
/// <remarks>A listener whose options change is replaced: the address is taken over at once, and the requests of the one
/// before may end, for <c>DrainTimeout</c> at most. Certificates, names and the bounds of the crowd change in place.
/// </remarks>
internal sealed partial class WebListeners : IDisposable
{
    private static readonly TimeSpan s_rebindWait = TimeSpan.FromMilliseconds(50);
    private const int RebindTriesMax = 60;
    private readonly ListenerParts _parts;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, ListenerServer> _open = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Task> _leaving = [];
    private Task _refreshing = Task.CompletedTask;
    private TimeSpan _refreshInterval;
    private bool _isDraining;

    public WebListeners(ILoggerFactory loggers, Func<HttpContext, Task> serve, WebMetrics metrics, TimeProvider time)
    {
        _logger = loggers.CreateLogger<WebListeners>();
        var crowd = new ListenerCrowd(metrics, time, _logger);
        _parts = new ListenerParts(new FloodLog(loggers, metrics, time, _logger), _logger, serve, crowd, metrics,
            new LocalFiles(), time);
        metrics.Observe(() => crowd.Count, CertificatesLeft);
    }

    private ListenerServer[] All
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    } = [];

    /// <summary>What is listened on, in words.</summary>
    public IReadOnlyList<string> Describe() => [.. All.Select(o => o.Words)];

    /// <exception cref="IOException">A listener's address can't be had.</exception>
    public async Task OpenAsync(AcceptOptions options, CancellationToken abort)
    {
        await _changing.WaitAsync(abort).ConfigureAwait(false);
        try
        {
            Take(options);
            foreach (var listener in options.Listeners)
                await OpenAsync(listener, options, tries: 1, abort).ConfigureAwait(false);
            _refreshing = RefreshAsync();
        }
        finally
        {
            All = [.. _open.Values];
            _changing.Release();
        }
    }

    /// <summary>Opens what is new, closes what is gone, and replaces what changed; one that can't be opened is told and
    /// tried again at the next reload.</summary>
    public async Task ReloadAsync(AcceptOptions options, CancellationToken abort)
    {
        await _changing.WaitAsync(abort).ConfigureAwait(false);
        try
        {
            if (_isDraining)
                return;
            Take(options);
            foreach (var (name, open) in _open.ToArray())
            {
                var wanted = options.Listeners.FirstOrDefault(l => Same(l.Name, name));
                if (wanted is not null && open.Key == ListenerServer.KeyOf(wanted, options))
                {
                    await open.TakeAsync(wanted, abort).ConfigureAwait(false);
                    continue;
                }
                _open.Remove(name);
                Closed(name);
                _leaving.Add(open.StopAsync(options.DrainTimeout, CancellationToken.None));
            }
            _leaving.RemoveAll(l => l.IsCompletedSuccessfully);
            foreach (var listener in options.Listeners.Where(l => !_open.ContainsKey(l.Name)))
            {
                try
                {
                    // The one before closes its address a moment after it was asked to.
                    await OpenAsync(listener, options, _leaving.Count > 0 ? RebindTriesMax : 1, abort)
                        .ConfigureAwait(false);
                }
                catch (IOException e)
                {
                    NotOpened(listener.Name, e.Message);
                }
            }
        }
        finally
        {
            All = [.. _open.Values];
            _changing.Release();
        }
    }

    public async Task DrainAsync(TimeSpan timeout, CancellationToken abort)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _refreshing.ConfigureAwait(false);
        await _changing.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _isDraining = true;
            await Task.WhenAll([.. _open.Values.Select(o => o.StopAsync(timeout, abort)), .. _leaving])
                .ConfigureAwait(false);
            _open.Clear();
            _leaving.Clear();
            All = [];
        }
        finally
        {
            _changing.Release();
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _changing.Dispose();
    }

    private void Take(AcceptOptions options)
    {
        _parts.Crowd.Bounds = CrowdBounds.Of(options);
        _refreshInterval = options.RefreshInterval;
    }

    private async Task OpenAsync(WebListenerOptions listener, AcceptOptions options, int tries,
        CancellationToken abort)
    {
        for (var left = tries; ; left--)
        {
            var server = new ListenerServer(_parts, listener, options);
            try
            {
                await server.StartAsync(abort).ConfigureAwait(false);
                _open.Add(listener.Name, server);
                Opened(listener.Name, server.Words);
                if (server.LacksHttp3)
                    WithoutHttp3(listener.Name);
                return;
            }
            catch (IOException e) when (left > 1 && e.InnerException is AddressInUseException)
            {
                await server.DisposeAsync().ConfigureAwait(false);
            }
            catch
            {
                await server.DisposeAsync().ConfigureAwait(false);
                throw;
            }
            await Task.Delay(s_rebindWait, _parts.Time, abort).ConfigureAwait(false);
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(_refreshInterval, _parts.Time, _stop.Token).ConfigureAwait(false);
                await _changing.WaitAsync(_stop.Token).ConfigureAwait(false);
                try
                {
                    foreach (var open in All)
                        await open.RefreshAsync(_stop.Token).ConfigureAwait(false);
                }
                finally
                {
                    _changing.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Ends so at every stop.
        }
    }

    /// <summary>How long each certificate is still valid; zero where one is named and none could be read.</summary>
    private IEnumerable<(string Listener, string Host, TimeSpan Left)> CertificatesLeft()
    {
        var now = _parts.Time.GetUtcNow();
        return All.SelectMany(o => o.Certificates.Entries.Select(e => (o.Name,
            e.Hosts.Length > 0 ? e.Hosts[0] : "default",
            e.Certificate.ValidUntil is { } until ? until - now : TimeSpan.Zero)));
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    [LoggerMessage(EventId = 4000, Level = LogLevel.Information, Message = "Web listener {Name} is open on {Words}")]
    private partial void Opened(string name, string words);

    [LoggerMessage(EventId = 4001, Level = LogLevel.Information, Message = "Web listener {Name} closes")]
    private partial void Closed(string name);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Error,
        Message = "Web listener {Name} was not opened: {Fault}; the others go on")]
    private partial void NotOpened(string name, string fault);

    [LoggerMessage(EventId = 4003, Level = LogLevel.Warning,
        Message = "Web listener {Name} goes on without HTTP/3: there is no QUIC here (libmsquic is missing)")]
    private partial void WithoutHttp3(string name);
}
