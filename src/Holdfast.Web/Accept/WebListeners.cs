using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Accept;

/// <summary>The listeners' servers: one Kestrel for each, so that one can be opened, changed or closed while requests
/// at the others go on.</summary>
internal sealed partial class WebListeners(ILoggerFactory loggers, Func<HttpContext, Task> serve)
{
    private readonly Dictionary<string, Open> _open = new(StringComparer.OrdinalIgnoreCase);
    private readonly ILogger _logger = loggers.CreateLogger<WebListeners>();

    /// <summary>What is listened on, in words.</summary>
    public IReadOnlyList<string> Describe() => [.. _open.Values.Select(o => o.Words)];

    /// <exception cref="IOException">A listener's address can't be had.</exception>
    public async Task OpenAsync(AcceptOptions options, CancellationToken abort)
    {
        foreach (var listener in options.Listeners)
        {
            if (!_open.ContainsKey(listener.Name))
                await OpenAsync(listener, options, abort).ConfigureAwait(false);
        }
    }

    /// <summary>Opens what is new, closes what is gone, and replaces what changed; one that can't be opened is told and
    /// tried again at the next reload.</summary>
    public async Task ReloadAsync(AcceptOptions options, CancellationToken abort)
    {
        foreach (var (name, open) in _open.ToArray())
        {
            var wanted = options.Listeners.FirstOrDefault(l => Same(l.Name, name));
            if (wanted is not null && open.Key == KeyOf(wanted, options))
                continue;
            _open.Remove(name);
            Closed(name);
            await StopAsync(open, options.DrainTimeout, abort).ConfigureAwait(false);
        }
        foreach (var listener in options.Listeners.Where(l => !_open.ContainsKey(l.Name)))
        {
            try
            {
                await OpenAsync(listener, options, abort).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                NotOpened(listener.Name, e.Message);
            }
        }
    }

    public async Task DrainAsync(TimeSpan timeout, CancellationToken abort)
    {
        await Task.WhenAll(_open.Values.Select(o => StopAsync(o, timeout, abort))).ConfigureAwait(false);
        _open.Clear();
    }

    private async Task OpenAsync(WebListenerOptions listener, AcceptOptions options, CancellationToken abort)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "holdfast" });
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore();
        var endpoint = IPEndPoint.Parse(listener.Endpoint);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            var limits = kestrel.Limits;
            limits.MaxConcurrentConnections = options.ConnectionsMax;
            limits.MaxConcurrentUpgradedConnections = options.ConnectionsMax;
            limits.MaxRequestBodySize = options.BodyBytesMax;
            limits.MaxRequestHeadersTotalSize = options.HeaderBytesMax;
            limits.MaxRequestHeaderCount = options.HeadersMax;
            limits.RequestHeadersTimeout = options.HeaderTimeout;
            limits.KeepAliveTimeout = options.IdleTimeout;
            limits.MinRequestBodyDataRate = new MinDataRate(options.PaceBytesMin, TimeSpan.FromSeconds(5));
            limits.MinResponseDataRate = new MinDataRate(options.PaceBytesMin, TimeSpan.FromSeconds(5));
            kestrel.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        try
        {
            var server = app.Services.GetRequiredService<IServer>();
            await server.StartAsync(new RequestEntry(serve), abort).ConfigureAwait(false);
            _open.Add(listener.Name, new Open(app, server, KeyOf(listener, options),
                $"{endpoint} ({listener.Name}, http)"));
            Opened(listener.Name, listener.Endpoint);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task StopAsync(Open open, TimeSpan timeout, CancellationToken abort)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(abort);
        ends.CancelAfter(timeout);
        await open.Server.StopAsync(ends.Token).ConfigureAwait(false);
        await open.App.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Everything that a listener's server is made with: another value needs another server.</summary>
    private static string KeyOf(WebListenerOptions listener, AcceptOptions options) => string.Join('|',
        listener.Endpoint, options.ConnectionsMax, options.HeaderBytesMax, options.HeadersMax, options.BodyBytesMax,
        options.HeaderTimeout, options.IdleTimeout, options.PaceBytesMin);

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private sealed record Open(WebApplication App, IServer Server, string Key, string Words);

    [LoggerMessage(EventId = 4000, Level = LogLevel.Information, Message = "Web listener {Name} is open on {Endpoint}")]
    private partial void Opened(string name, string endpoint);

    [LoggerMessage(EventId = 4001, Level = LogLevel.Information, Message = "Web listener {Name} closes")]
    private partial void Closed(string name);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Error,
        Message = "Web listener {Name} was not opened: {Fault}; the others go on")]
    private partial void NotOpened(string name, string fault);
}
