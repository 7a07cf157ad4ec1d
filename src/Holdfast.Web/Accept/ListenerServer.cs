using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Security.Authentication;
using Holdfast.Storage.Keys;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Accept;

/// <summary>What every listener shares.</summary>
internal sealed record ListenerParts(ILoggerFactory Loggers, ILogger Logger, Func<HttpContext, Task> Serve,
    ListenerCrowd Crowd, WebMetrics Metrics, IFileSource Files, TimeProvider Time);

/// <summary>One listener: a Kestrel of its own, so that it can be opened, changed or closed while requests at the
/// others go on. Its certificates change under it.</summary>
internal sealed class ListenerServer : IAsyncDisposable
{
    /// <summary>The fatal alert of RFC 6066 §3, in a record of its own (RFC 8446 §5.1, §6).</summary>
    private static readonly byte[] s_unrecognizedName = [21, 3, 3, 0, 2, 2, 112];
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);
    private readonly ListenerParts _parts;
    private readonly WebListenerOptions _listener;
    private readonly WebApplication _app;
    private readonly IServer _server;
    private readonly OpenSockets _sockets = new();
    private WebCertificateOptions[] _told = [];

    public ListenerServer(ListenerParts parts, WebListenerOptions listener, AcceptOptions options)
    {
        _parts = parts;
        _listener = listener;
        Key = KeyOf(listener, options);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "holdfast" });
        builder.Services.AddSingleton(parts.Loggers);
        builder.WebHost.UseKestrelCore();
        if (listener.IsTls)
            builder.WebHost.UseKestrelHttpsConfiguration();
        if (ProtocolsOf(listener) is HttpProtocols.Http1AndHttp2AndHttp3)
            builder.WebHost.UseQuic();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Limit(kestrel.Limits, options);
            kestrel.Listen(IPEndPoint.Parse(listener.Endpoint), listen => Lay(listen, options));
        });
        _app = builder.Build();
        _server = _app.Services.GetRequiredService<IServer>();
    }

    public string Name => _listener.Name;
    public string Endpoint => _listener.Endpoint;

    /// <summary>Everything that the server is made with: another value needs another server.</summary>
    public string Key { get; }

    /// <summary>HTTP/3 was asked for and can't be had on this machine.</summary>
    public bool LacksHttp3 => _listener.Spoken == WebProtocols.Http1AndHttp2AndHttp3 && !HasQuic;

    /// <summary>What it listens on, in words.</summary>
    public string Words => $"{Endpoint} ({Name}, {(_listener.IsTls ? "https" : "http")}{_listener.Spoken switch
    {
        WebProtocols.Http2 => ", HTTP/2 only",
        WebProtocols.Http1AndHttp2AndHttp3 => LacksHttp3 ? ", no HTTP/3 here" : ", HTTP/3",
        _ => "",
    }})";

    public CertificateTable Certificates
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    } = new([]);

    /// <summary>QUIC is there: the library libmsquic beside a system that has it.</summary>
    public static bool HasQuic => (OperatingSystem.IsLinux() || OperatingSystem.IsWindows()
        || OperatingSystem.IsMacOS()) && QuicListener.IsSupported;

    /// <exception cref="IOException">The address can't be had.</exception>
    public async Task StartAsync(CancellationToken abort)
    {
        await TakeAsync(_listener, abort).ConfigureAwait(false);
        await _server.StartAsync(new RequestEntry(_parts.Serve), abort).ConfigureAwait(false);
    }

    /// <summary>Takes the certificates of new options over; those that stay keep what was read.</summary>
    public async Task TakeAsync(WebListenerOptions listener, CancellationToken abort)
    {
        var known = Certificates.Entries;
        var entries = new List<(string[], ServerCertificate)>();
        var files = new Dictionary<(string, string), ServerCertificate>();
        for (var i = 0; i < known.Count; i++)
            files.TryAdd(FilesOf(_told[i]), known[i].Certificate);
        foreach (var told in listener.Certificates)
        {
            if (!files.TryGetValue(FilesOf(told), out var certificate))
            {
                certificate = new ServerCertificate(told.CertificateFile,
                    told.KeyFile.Length > 0 ? told.KeyFile : null, _parts.Files, _parts.Time, _parts.Logger, Shape);
                files.Add(FilesOf(told), certificate);
            }
            await certificate.RefreshAsync(abort).ConfigureAwait(false);
            entries.Add((told.Hosts, certificate));
        }
        _told = listener.Certificates;
        Certificates = new CertificateTable(entries);
    }

    /// <summary>Looks at the files.</summary>
    public async Task RefreshAsync(CancellationToken abort)
    {
        foreach (var (_, certificate) in Certificates.Entries)
            await certificate.RefreshAsync(abort).ConfigureAwait(false);
    }

    /// <summary>Closes the address at once and lets running requests end, for so long at most.</summary>
    public async Task StopAsync(TimeSpan timeout, CancellationToken abort)
    {
        using var over = new CancellationTokenSource(timeout, _parts.Time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(abort, over.Token);
        var stopping = _server.StopAsync(ends.Token);
        // Kestrel also waits for connections whose sockets are closed and that it never lets go (see the crowd).
        while (await Task.WhenAny(stopping, Task.Delay(s_look, _parts.Time, CancellationToken.None))
            .ConfigureAwait(false) != stopping)
        {
            if (_sockets.Count == 0)
                await ends.CancelAsync().ConfigureAwait(false);
        }
        await stopping.ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    public static string KeyOf(WebListenerOptions listener, AcceptOptions options) => string.Join('|',
        listener.Endpoint, listener.Spoken, listener.IsTls, options.HeaderBytesMax, options.HeadersMax,
        options.BodyBytesMax, options.HandshakeTimeout, options.HeaderTimeout, options.IdleTimeout,
        options.PaceBytesMin, options.StreamsMax);

    private static (string, string) FilesOf(WebCertificateOptions told) => (told.CertificateFile, told.KeyFile);

    private static void Limit(KestrelServerLimits limits, AcceptOptions options)
    {
        // Connections are counted over all listeners, by the crowd.
        limits.MaxConcurrentConnections = null;
        limits.MaxConcurrentUpgradedConnections = null;
        limits.MaxRequestBodySize = options.BodyBytesMax;
        limits.MaxRequestHeadersTotalSize = options.HeaderBytesMax;
        limits.MaxRequestHeaderCount = options.HeadersMax;
        limits.RequestHeadersTimeout = options.HeaderTimeout;
        limits.KeepAliveTimeout = options.IdleTimeout;
        limits.MinRequestBodyDataRate = new MinDataRate(options.PaceBytesMin, TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(options.PaceBytesMin, TimeSpan.FromSeconds(5));
        limits.Http2.MaxStreamsPerConnection = options.StreamsMax;
    }

    /// <summary>The way of a connection: counted, secured, spoken to.</summary>
    private void Lay(ListenOptions listen, AcceptOptions options)
    {
        listen.Protocols = ProtocolsOf(_listener);
        listen.Use(next => _parts.Crowd.Limit(next, _sockets));
        if (!_listener.IsTls)
            return;
        if (listen.Protocols is HttpProtocols.Http1AndHttp2AndHttp3)
            ((IMultiplexedConnectionBuilder)listen).Use(next => _parts.Crowd.Limit(next, _sockets));
        listen.Use(next => Handshake.Watch(next, _parts.Metrics));
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = options.HandshakeTimeout, OnConnection = Choose,
        });
        listen.Use(Handshake.Done);
    }

    private ValueTask<SslServerAuthenticationOptions> Choose(TlsHandshakeCallbackContext context) =>
        Certificates.Find(context.ClientHelloInfo.ServerName) is { } options ? ValueTask.FromResult(options)
            : new(RefuseAsync(context));

    private static async Task<SslServerAuthenticationOptions> RefuseAsync(TlsHandshakeCallbackContext context)
    {
        if (context.Connection.Features.Get<Handshake>() is { } handshake)
            handshake.Fault = "server_name";
        // SslStream would close without a word; nothing is encrypted yet.
        if (context.Connection is ConnectionContext connection)
        {
            await connection.Transport.Output.WriteAsync(s_unrecognizedName, context.CancellationToken)
                .ConfigureAwait(false);
        }
        throw new AuthenticationException("There is no certificate for the name that the client asks for.");
    }

    private void Shape(SslServerAuthenticationOptions options)
    {
        options.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.ApplicationProtocols = ProtocolsOf(_listener) switch
        {
            HttpProtocols.Http1 => [SslApplicationProtocol.Http11],
            HttpProtocols.Http2 => [SslApplicationProtocol.Http2],
            _ => [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
    }

    private static HttpProtocols ProtocolsOf(WebListenerOptions listener) => listener.Spoken switch
    {
        WebProtocols.Http1 => HttpProtocols.Http1,
        WebProtocols.Http2 => HttpProtocols.Http2,
        WebProtocols.Http1AndHttp2AndHttp3 when HasQuic => HttpProtocols.Http1AndHttp2AndHttp3,
        _ => HttpProtocols.Http1AndHttp2,
    };
}
