using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Listeners of the web gateway as clients meet them: certificates, versions of HTTP, bounds.</summary>
public sealed class WebTlsTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Workspace _workspace = new();
    private readonly PrivateAuthority _authority = new();
    private readonly WebGateway _web;
    private readonly int _plainPort = Workspace.FreePort();
    private readonly List<IDisposable> _held = [];

    public WebTlsTests() => _web = new WebGateway(_workspace);

    private string Log => _web.Gateway.Log;

    public async ValueTask DisposeAsync()
    {
        foreach (var held in _held)
            held.Dispose();
        await _web.DisposeAsync();
        _authority.Dispose();
    }

    /// <summary>A TLS listener with these certificates, beside one in cleartext.</summary>
    private async Task StartAsync(string certificates, string accept = "", string plain = "")
    {
        await _web.StartAsync(Configuration(certificates, accept, plain));
        await Eventually.HoldsAsync(() => Log.Contains(" is ready.", StringComparison.Ordinal), Limit, () => Log);
    }

    private string Configuration(string certificates, string accept = "", string plain = "") =>
        _web.Configuration(accept).Replace($"\"Endpoint\": \"127.0.0.1:{_web.Port}\" }}",
            $"\"Endpoint\": \"127.0.0.1:{_web.Port}\", \"Certificates\": [ {certificates} ] }}, "
            + $"{{ \"Name\": \"plain\", \"Endpoint\": \"127.0.0.1:{_plainPort}\" {plain} }}", StringComparison.Ordinal);

    private string Issue(string file, string? hosts, double days, params string[] names)
    {
        var (certificate, key) = _authority.IssueFiles(_workspace, file, days, names);
        return $$"""{ {{(hosts is null ? "" : $"\"Hosts\": [ {hosts} ],")}} "CertificateFile": "{{certificate}}", "KeyFile": "{{key}}" }""";
    }

    private static async Task<TcpClient> ConnectAsync(int port, string from = "127.0.0.1")
    {
        var client = new TcpClient(new IPEndPoint(IPAddress.Parse(from), 0));
        await client.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    /// <summary>Shakes hands and returns the name of the certificate that was shown.</summary>
    private async Task<(string Shown, SslStream Stream)> ShakeAsync(string name, SslProtocols protocols = SslProtocols.None,
        params SslApplicationProtocol[] offered)
    {
        var client = await ConnectAsync(_web.Port);
        _held.Add(client);
        var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name, EnabledSslProtocols = protocols, ApplicationProtocols = [.. offered],
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
        return (((X509Certificate2)stream.RemoteCertificate!).GetNameInfo(X509NameType.SimpleName, false), stream);
    }

    private static async Task<string> AskAsync(Stream stream, string path = "/")
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: store.example\r\n\r\n"));
        var bytes = new byte[4096];
        return Encoding.ASCII.GetString(bytes, 0, await stream.ReadAsync(bytes));
    }

    /// <summary>How long the other side took to close; null: it still hasn't.</summary>
    private static async Task<TimeSpan?> ClosedAfterAsync(Stream stream, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        using var over = new CancellationTokenSource(limit, TimeProvider.System);
        try
        {
            var bytes = new byte[4096];
            while (await stream.ReadAsync(bytes, over.Token) > 0)
            {
                // A word before it closes.
            }
            return watch.Elapsed;
        }
        catch (IOException)
        {
            return watch.Elapsed;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<string> MetricsAsync()
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(new Uri($"http://127.0.0.1:{_web.Gateway.HttpPort}/metrics"));
    }

    private async Task<double> RefusedAsync(string reason) => (await MetricsAsync()).Split('\n')
        .Where(l => l.StartsWith("holdfast_web_connections_refused", StringComparison.Ordinal)
            && l.Contains($"\"{reason}\"", StringComparison.Ordinal))
        .Select(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture)).Sum();

    [Fact]
    public async Task Clients_are_shown_the_certificate_of_the_name_that_they_ask_for()
    {
        await StartAsync(string.Join(',', Issue("below", "\"*.store.example\"", 30, "below"),
            Issue("exact", "\"store.example\", \"pay.store.example\"", 30, "exact"), Issue("default", null, 30, "default")));
        foreach (var (name, shown) in ((string, string)[])[("store.example", "exact"), ("PAY.store.example", "exact"),
            ("img.store.example", "below"), ("a.img.store.example", "default"), ("other.example", "default"), ("", "default")])
        {
            Assert.Equal((name, shown), (name, (await ShakeAsync(name)).Shown));
        }
        foreach (var (offered, agreed) in ((SslApplicationProtocol[], SslApplicationProtocol)[])[
            ([SslApplicationProtocol.Http2, SslApplicationProtocol.Http11], SslApplicationProtocol.Http2),
            ([SslApplicationProtocol.Http11], SslApplicationProtocol.Http11)])
        {
            Assert.Equal(agreed, (await ShakeAsync("store.example", SslProtocols.None, offered)).Stream.NegotiatedApplicationProtocol);
        }
        var answer = await AskAsync((await ShakeAsync("store.example", SslProtocols.Tls12)).Stream);
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal("https", _web.Targets.First(t => t.Requests > 0).LastHeaders["X-Forwarded-Proto"]);
        Assert.Contains($"127.0.0.1:{_web.Port} (web, https)", Log, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{_plainPort} (plain, http)", Log, StringComparison.Ordinal);
        Assert.DoesNotContain("warn: Microsoft", Log, StringComparison.Ordinal);
#pragma warning disable CA5397, SYSLIB0039 // That it is refused is what is asked.
        await Assert.ThrowsAnyAsync<Exception>(() => ShakeAsync("store.example", SslProtocols.Tls11));
#pragma warning restore CA5397, SYSLIB0039
    }

    [Fact]
    public async Task Without_a_default_who_asks_for_another_name_is_refused_with_an_alert()
    {
        await StartAsync(Issue("store", "\"store.example\"", 30, "store.example"));
        Assert.Equal("store.example", (await ShakeAsync("store.example")).Shown);
        foreach (var name in (string[])["other.example", ""])
        {
            var fault = await Assert.ThrowsAsync<AuthenticationException>(() => ShakeAsync(name));
            Assert.Contains("unrecognized name", fault.ToString(), StringComparison.Ordinal);
        }
        await Eventually.HoldsAsync(async () => await RefusedAsync("server_name") == 2, Limit, () => Log);
    }

    [Fact]
    public async Task New_files_are_shown_to_new_clients_and_half_of_a_pair_changes_nothing()
    {
        await StartAsync(Issue("store", null, 30, "first"), "\"RefreshInterval\": \"1s\",");
        var (shown, before) = await ShakeAsync("store.example");
        Assert.Equal("first", shown);
        using var next = _authority.Issue(3, "second");
        PrivateAuthority.Write(next, _workspace.File("store.crt"), null);
        await Eventually.HoldsAsync(() => Log.Contains("was not taken over", StringComparison.Ordinal), Limit, () => Log);
        await Task.Delay(TimeSpan.FromMilliseconds(2500), TimeProvider.System);
        Assert.Equal("first", (await ShakeAsync("store.example")).Shown);
        Assert.Single(Log.Split('\n'), l => l.Contains("was not taken over", StringComparison.Ordinal));
        PrivateAuthority.Write(next, _workspace.File("store.crt"), _workspace.File("store.key"));
        await Eventually.HoldsAsync(async () => (await ShakeAsync("store.example")).Shown == "second", Limit, () => Log);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(before), StringComparison.Ordinal);
        Assert.Contains("replace it", Log, StringComparison.Ordinal);
        var left = (await MetricsAsync()).Split('\n')
            .Single(l => l.StartsWith("holdfast_web_certificate_left_seconds{", StringComparison.Ordinal));
        Assert.InRange(double.Parse(left[(left.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture),
            2.9 * 86400, 3 * 86400);
    }

    [Fact]
    public async Task Who_is_slow_in_the_handshake_is_closed_and_who_is_in_time_is_served()
    {
        await StartAsync(Issue("store", null, 30, "store.example"), "\"HandshakeTimeout\": \"2s\",");
        // The harness looked whether the listener is open, and left before the handshake.
        await Eventually.HoldsAsync(async () => await RefusedAsync("handshake") == 1, Limit, () => Log);
        using var silent = await ConnectAsync(_web.Port);
        using var late = await ConnectAsync(_web.Port);
        var closing = ClosedAfterAsync(silent.GetStream(), Limit);
        await Task.Delay(TimeSpan.FromMilliseconds(1000), TimeProvider.System);
        await using var stream = new SslStream(late.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "store.example", RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
        var closed = await closing;
        Assert.NotNull(closed);
        Assert.InRange(closed.Value, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(6));
        // Behind the handshake its time is over: the connection stays.
        await Task.Delay(TimeSpan.FromMilliseconds(2000), TimeProvider.System);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(stream), StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => await RefusedAsync("handshake") == 2, Limit, () => Log);
    }

    [Fact]
    public async Task Cleartext_speaks_HTTP1_unless_it_is_told_to_speak_HTTP2_by_prior_knowledge()
    {
        await StartAsync(Issue("store", null, 30, "store.example"), plain: ", \"Protocols\": \"Http2\"");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{_plainPort}/"))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await _web.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));
        Assert.Contains("(plain, http, HTTP/2 only)", Log, StringComparison.Ordinal);
        Assert.DoesNotContain("warn: Microsoft", Log, StringComparison.Ordinal);
        using var old = await ConnectAsync(_plainPort);
        Assert.DoesNotContain("200", await AskAsync(old.GetStream()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Listeners_are_replaced_while_requests_at_them_go_on()
    {
        var certificate = Issue("store", null, 30, "store.example");
        await StartAsync(certificate);
        var mayEnd = new TaskCompletionSource();
        foreach (var target in _web.Targets)
        {
            target.Serve = async context =>
            {
                if (context.Request.Path == "/long")
                    await mayEnd.Task;
                return false;
            };
        }
        using var client = await ConnectAsync(_plainPort);
        var running = AskAsync(client.GetStream(), "/long");
        await Eventually.HoldsAsync(() => _web.Targets.Any(t => t.Requests > 0), Limit, () => Log);
        _web.Gateway.Configure(Configuration(certificate, "\"HeaderTimeout\": \"5s\","));
        await Eventually.HoldsAsync(() => Log.Split("Web listener plain is open").Length == 3, TimeSpan.FromSeconds(10), () => Log);
        using var other = await ConnectAsync(_plainPort);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(other.GetStream()), StringComparison.Ordinal);
        Assert.False(running.IsCompleted);
        mayEnd.SetResult();
        Assert.StartsWith("HTTP/1.1 200", await running, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connections_are_bound_for_each_address_and_over_all_listeners()
    {
        await StartAsync(Issue("store", null, 30, "store.example"),
            "\"ConnectionsMax\": 8, \"ConnectionsPerAddressMax\": 3, \"TrustedProxies\": [ \"127.0.0.3/32\" ],");
        await Eventually.HoldsAsync(async () => (await MetricsAsync()).Contains("holdfast_web_connections{", StringComparison.Ordinal)
            && (await MetricsAsync()).Split('\n').Any(l => l.StartsWith("holdfast_web_connections{", StringComparison.Ordinal)
                && l.EndsWith(" 0", StringComparison.Ordinal)), Limit, () => Log);
        async Task<bool> ComesAsync(string from, int port)
        {
            TcpClient client;
            try
            {
                client = await ConnectAsync(port, from);
            }
            catch (SocketException)
            {
                // Closed before the client's side was through with connecting.
                return false;
            }
            _held.Add(client);
            return await ClosedAfterAsync(client.GetStream(), TimeSpan.FromMilliseconds(400)) is null;
        }
        Assert.True(await ComesAsync("127.0.0.1", _plainPort));
        Assert.True(await ComesAsync("127.0.0.1", _web.Port));
        Assert.True(await ComesAsync("127.0.0.1", _plainPort));
        Assert.False(await ComesAsync("127.0.0.1", _plainPort));
        Assert.False(await ComesAsync("127.0.0.1", _web.Port));
        Assert.True(await ComesAsync("127.0.0.2", _plainPort));
        for (var i = 0; i < 4; i++)
            Assert.True(await ComesAsync("127.0.0.3", i % 2 == 0 ? _plainPort : _web.Port));
        Assert.False(await ComesAsync("127.0.0.3", _plainPort));
        Assert.Equal((2, 1), (await RefusedAsync("address"), await RefusedAsync("connections")));
        Assert.Contains("Closed 1 new connections since the last word: ConnectionsPerAddressMax is reached", Log,
            StringComparison.Ordinal);
        _held[0].Dispose();
        await Eventually.HoldsAsync(() => ComesAsync("127.0.0.2", _plainPort), Limit, () => Log);
    }

    [Fact]
    public async Task Who_drips_a_header_is_cut_off_and_who_is_only_slow_is_served()
    {
        await StartAsync(Issue("store", null, 30, "store.example"), "\"HeaderTimeout\": \"3s\",");
        using var slow = await ConnectAsync(_plainPort);
        using var drip = await ConnectAsync(_plainPort);
        async Task<string> SlowAsync()
        {
            foreach (var part in (string[])["GET / HT", "TP/1.1\r\nHo"])
            {
                await slow.GetStream().WriteAsync(Encoding.ASCII.GetBytes(part));
                await Task.Delay(TimeSpan.FromMilliseconds(700), TimeProvider.System);
            }
            await slow.GetStream().WriteAsync("st: store.example\r\n\r\n"u8.ToArray());
            var bytes = new byte[4096];
            return Encoding.ASCII.GetString(bytes, 0, await slow.GetStream().ReadAsync(bytes));
        }
        var served = SlowAsync();
        await drip.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: store.example\r\nX-A: "u8.ToArray());
        var watch = Stopwatch.StartNew();
        var closing = ClosedAfterAsync(drip.GetStream(), Limit);
        while (!closing.IsCompleted && watch.Elapsed < Limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
            try
            {
                await drip.GetStream().WriteAsync("a"u8.ToArray());
            }
            catch (IOException)
            {
                break;
            }
        }
        var closed = await closing;
        Assert.NotNull(closed);
        Assert.InRange(closed.Value, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(8));
        Assert.StartsWith("HTTP/1.1 200", await served, StringComparison.Ordinal);
    }
}
