using System.Diagnostics.CodeAnalysis;
using System.Net;
using Holdfast.Traffic.Targets;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web.Forward;

/// <summary>How one service's targets are reached: its connections, scheme and version.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Requests of the configuration before may still begin to use it: "
    + "its idle connections close by themselves, and the collector takes the rest.")]
internal sealed class TargetClient
{
    private readonly HttpMessageInvoker _invoker;
    private readonly string _scheme;

    public TargetClient(ForwardOptions options, WebServiceOptions? service)
    {
        service ??= new WebServiceOptions();
        // The connection is secured where it is made. HTTP/1.1 says nothing of a scheme, and the client library keeps
        // connections of https apart by the Host field, which is the user's: HTTP/2 alone, whose :scheme must be right
        // (RFC 9113 §8.3.1), pays with connections of its own for each host.
        _scheme = service.Tls && service.Http2 ? "https://" : "http://";
        Host = service.Host.Length > 0 ? service.Host : null;
        Config = new ForwarderRequestConfig
        {
            Version = service.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            ActivityTimeout = options.IdleTimeout,
        };
        var handler = new SocketsHttpHandler
        {
            UseProxy = false, UseCookies = false, AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None, ActivityHeadersPropagator = null,
            ConnectTimeout = options.ConnectTimeout, EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            // Host names are looked up again when connections are made anew.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = 64,
        };
        if (service.Tls)
            handler.ConnectCallback = new TargetTrust(service).ConnectAsync;
        _invoker = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <summary>Host that targets are asked for; null: the client's own.</summary>
    public string? Host { get; }
    public ForwarderRequestConfig Config { get; }

    public string PrefixOf(TargetNode target) => _scheme + target.Address;

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken abort) =>
        _invoker.SendAsync(message, abort);
}

/// <summary>The clients of all services, swapped whole at a reload.</summary>
/// <remarks>The clients of before are kept as long as anything runs over them: their handlers close idle connections by
/// themselves and are collected afterwards.</remarks>
internal sealed class TargetClients
{
    private readonly ForwardOptions _options;
    private readonly Dictionary<string, TargetClient> _clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly TargetClient _plain;

    public TargetClients(ForwardOptions options)
    {
        _options = options;
        _plain = new TargetClient(options, null);
        foreach (var service in options.Services)
            _clients.TryAdd(service.Service, new TargetClient(options, service));
    }

    public ForwardOptions Options => _options;

    public TargetClient Of(string service) => _clients.GetValueOrDefault(service, _plain);
}
