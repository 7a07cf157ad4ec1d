using System.Net;
using System.Security.Cryptography.X509Certificates;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.SystemTests;

/// <summary>TLS and HTTP/2 towards the targets of a web service, with certificates of an authority of the test's own.
/// </summary>
public sealed class WebTargetTlsTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Workspace _workspace = new();
    private readonly PrivateAuthority _authority = new();
    private readonly PrivateAuthority _stranger = new("Stranger");
    private readonly List<ScriptedWebTarget> _targets = [];
    private readonly Gateway _gateway;
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });
    private readonly int _port = Workspace.FreePort();

    public WebTargetTlsTests() => _gateway = new Gateway(_workspace);

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        foreach (var target in _targets)
            await target.DisposeAsync();
        _client.Dispose();
        _authority.Dispose();
        _stranger.Dispose();
    }

    private async Task<int> TargetAsync(string name, X509Certificate2? certificate,
        HttpProtocols protocols = HttpProtocols.Http1)
    {
        var port = Workspace.FreePort();
        _targets.Add(await ScriptedWebTarget.StartAsync(port, name, listen: listen =>
        {
            listen.Protocols = protocols;
            if (certificate is not null)
                listen.UseHttps(certificate);
        }));
        return port;
    }

    private async Task StartAsync(string service, params string[] addresses)
    {
        var authority = _workspace.File("authority.pem");
        await File.WriteAllTextAsync(authority, _authority.Pem);
        _gateway.Configure($$"""
            { "Holdfast": {
              "HostName": "holdfast.test",
              "Operator": { "HttpEndpoint": "127.0.0.1:{{_gateway.HttpPort}}" },
              "Topology": { "HomeRegion": "na", "Regions": [ { "Name": "na" } ], "Sites": [
                { "Name": "mail-na", "Service": "mail", "Region": "na", "Targets": [ { "Address": "127.0.0.1:{{_gateway.HomePort}}" } ] },
                { "Name": "web-na", "Service": "web", "Region": "na", "CapacityPerSecond": 20000,
                  "Targets": [ {{string.Join(", ", addresses.Select(a => $"{{ \"Address\": \"{a}\" }}"))}} ] } ] },
              "Mail": {
                "Receive": { "Listeners": [ { "Name": "relay", "Endpoint": "127.0.0.1:{{_gateway.SmtpPort}}", "Role": "Relay",
                  "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
                "Route": { "Rules": [ { "Domain": "*", "Service": "mail" } ] } },
              "Web": {
                "Accept": { "Listeners": [ { "Name": "web", "Endpoint": "127.0.0.1:{{_port}}" } ] },
                "Select": { "Routes": [ { "Service": "web", "Deadline": "3s" } ] },
                "Forward": { "Services": [ { "Service": "web", {{service.Replace("AUTHORITY", authority, StringComparison.Ordinal)}} } ] } } } }
            """);
        await _gateway.StartAsync();
        await Eventually.HoldsAsync(() => _gateway.Log.Contains(" is ready.", StringComparison.Ordinal), Limit,
            () => _gateway.Log);
    }

    private async Task<(HttpStatusCode Status, string Body)> AskAsync(string host = "store.example", HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, new Uri($"http://127.0.0.1:{_port}/"));
        request.Headers.Host = host;
        using var response = await _client.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("wrong name", "it bears other.example and not target.example")]
    [InlineData("expired", "its chain doesn't hold: ")]
    [InlineData("unknown authority", "its chain doesn't hold: ")]
    public async Task A_target_with_a_wrong_certificate_is_a_failed_connection_and_the_other_serves(string what, string words)
    {
        using var right = _authority.Issue(30, "target.example");
        using var wrong = what switch
        {
            "wrong name" => _authority.Issue(30, "other.example"),
            "expired" => _authority.Issue(-1, "target.example"),
            _ => _stranger.Issue(30, "target.example"),
        };
        var good = await TargetAsync("right", right);
        var bad = await TargetAsync("wrong", wrong);
        await StartAsync("\"Tls\": true, \"TlsName\": \"target.example\", \"AuthorityFile\": \"AUTHORITY\"",
            $"127.0.0.1:{good}", $"127.0.0.1:{bad}");
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 100; i++)
            answers.Add((await AskAsync()).Status);
        Assert.Equal(0, _targets[1].Requests);
        // Three failed connections close a target; a retry budget of a tenth has hardly anything so early.
        Assert.InRange(answers.Count(a => a != HttpStatusCode.OK), 0, 3);
        Assert.All(answers.Skip(20), a => Assert.Equal(HttpStatusCode.OK, a));
        // The log is written by the next tick.
        await Eventually.HoldsAsync(() => _gateway.Log.Contains($"Closed (was Healthy): target 127.0.0.1:{bad} ",
            StringComparison.Ordinal), Limit, () => _gateway.Log);
        Assert.Contains("TLS failed: certificate refused: " + words, _gateway.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HTTP2_to_targets_is_agreed_on_by_ALPN_or_known_before(bool isTls)
    {
        using var certificate = _authority.Issue(30, "127.0.0.1");
        var port = await TargetAsync("two", isTls ? certificate : null,
            isTls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http2);
        var seen = "";
        _targets[0].Serve = context =>
        {
            seen = context.Request.Protocol + " " + context.Request.Scheme;
            return Task.FromResult(false);
        };
        await StartAsync(isTls ? "\"Tls\": true, \"Http2\": true, \"AuthorityFile\": \"AUTHORITY\"" : "\"Http2\": true",
            $"127.0.0.1:{port}");
        Assert.Equal(HttpStatusCode.OK, (await AskAsync()).Status);
        Assert.Equal("HTTP/2 " + (isTls ? "https" : "http"), seen);
    }

    [Fact]
    public async Task The_targets_name_is_asked_for_whatever_host_the_client_names_and_its_connections_are_shared()
    {
        using var certificate = _authority.Issue(30, "127.0.0.1");
        var port = await TargetAsync("one", certificate);
        var connections = new HashSet<string>();
        var hosts = new HashSet<string>();
        _targets[0].Serve = context =>
        {
            lock (connections)
            {
                connections.Add(context.Connection.Id);
                hosts.Add(context.Request.Host.Value!);
            }
            return Task.FromResult(false);
        };
        await StartAsync("\"Tls\": true, \"AuthorityFile\": \"AUTHORITY\"", $"127.0.0.1:{port}");
        for (var i = 0; i < 20; i++)
            Assert.Equal(HttpStatusCode.OK, (await AskAsync($"h{i}.example")).Status);
        Assert.Equal(20, hosts.Count);
        Assert.True(connections.Count <= 3, $"{connections.Count} connections for 20 requests, one after the other");
    }

    [Fact]
    public async Task While_the_authorities_are_not_known_no_target_is_trusted_and_the_words_say_so()
    {
        using var certificate = _authority.Issue(30, "127.0.0.1");
        var port = await TargetAsync("one", certificate);
        await StartAsync("\"Tls\": true, \"AuthorityFile\": \"AUTHORITY.missing\"", $"127.0.0.1:{port}");
        for (var i = 0; i < 5; i++)
            Assert.NotEqual(HttpStatusCode.OK, (await AskAsync()).Status);
        Assert.Equal(0, _targets[0].Requests);
        await Eventually.HoldsAsync(() => _gateway.Log.Contains("its authorities are not known: ", StringComparison.Ordinal),
            Limit, () => _gateway.Log);
    }
}
