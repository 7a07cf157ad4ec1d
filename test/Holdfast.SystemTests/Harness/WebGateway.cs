using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.SystemTests.Harness;

/// <summary>The real binary before a web service of two regions: two targets in na, one in eu.</summary>
internal sealed class WebGateway : IAsyncDisposable
{
    private readonly int[] _ports = [Workspace.FreePort(), Workspace.FreePort(), Workspace.FreePort()];

    public WebGateway(Workspace workspace, bool isFaulty = false)
    {
        Gateway = new Gateway(workspace) { IsFaulty = isFaulty };
        Port = Workspace.FreePort();
    }

    public Gateway Gateway { get; }
    public int Port { get; }
    public ScriptedWebTarget[] Targets { get; private set; } = [];
    public HttpClient Client { get; } = new(new SocketsHttpHandler
    {
        UseProxy = false, AllowAutoRedirect = false, UseCookies = false,
    });
    public Uri Address => new($"http://127.0.0.1:{Port}/");

    /// <param name="accept">More keys of Web:Accept, each ending with a comma.</param>
    /// <param name="route">More keys of the only route, beginning with a comma.</param>
    /// <param name="more">More sections of Web, beginning with a comma.</param>
    public string Configuration(string accept = "", string select = "", string route = "", string more = "",
        double capacity = 20_000) => $$"""
        {
          "Holdfast": {
            "HostName": "holdfast.test",
            "Operator": { "HttpEndpoint": "127.0.0.1:{{Gateway.HttpPort}}" },
            "Topology": {
              "HomeRegion": "na",
              "Regions": [ { "Name": "na" }, { "Name": "eu" } ],
              "Sites": [
                { "Name": "mail-na", "Service": "mail", "Region": "na",
                  "Targets": [ { "Address": "127.0.0.1:{{Gateway.HomePort}}" } ] },
                { "Name": "web-na", "Service": "web", "Region": "na", "CapacityPerSecond": {{capacity}},
                  "Targets": [ { "Address": "127.0.0.1:{{_ports[0]}}" }, { "Address": "127.0.0.1:{{_ports[1]}}" } ] },
                { "Name": "web-eu", "Service": "web", "Region": "eu", "CapacityPerSecond": {{capacity}},
                  "Targets": [ { "Address": "127.0.0.1:{{_ports[2]}}" } ] }
              ]
            },
            "Mail": {
              "Receive": { "Listeners": [ { "Name": "relay", "Endpoint": "127.0.0.1:{{Gateway.SmtpPort}}",
                "Role": "Relay", "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
              "Route": { "Rules": [ { "Domain": "*", "Service": "mail" } ] }
            },
            "Web": {
              "Accept": { {{accept}} "Listeners": [ { "Name": "web", "Endpoint": "127.0.0.1:{{Port}}" } ] },
              "Records": { "Share": 1 },
              "Select": { {{select}} "Routes": [ { "Service": "web" {{route}} } ] } {{more}}
            }
          }
        }
        """;

    public async Task StartAsync(string? configuration = null, Action<int, ScriptedWebTarget>? prepare = null,
        Action<ListenOptions>? listen = null)
    {
        Gateway.Configure(configuration ?? Configuration());
        string[] names = ["na1", "na2", "eu"];
        var targets = new List<ScriptedWebTarget>();
        for (var i = 0; i < names.Length; i++)
        {
            targets.Add(await ScriptedWebTarget.StartAsync(_ports[i], names[i], listen: listen));
            prepare?.Invoke(i, targets[i]);
        }
        Targets = [.. targets];
        await Gateway.StartAsync();
        await ListensAsync(Gateway, Port);
    }

    /// <summary>Waits until the web listener is open: it opens after that of mail.</summary>
    public static Task ListensAsync(Gateway gateway, int port) => Eventually.HoldsAsync(async () =>
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, TimeSpan.FromSeconds(20), () => gateway.Log);

    /// <summary>Asks for so many a second for so long, each on its own, and returns how each ended: the status, or 0 for
    /// an error, and how long it took.</summary>
    public async Task<List<(int Status, TimeSpan Took)>> AskAsync(int perSecond, TimeSpan length,
        Func<HttpRequestMessage>? make = null)
    {
        var watch = Stopwatch.StartNew();
        var asked = new List<Task<(int, TimeSpan)>>();
        for (var i = 0; i < perSecond * length.TotalSeconds; i++)
        {
            var due = TimeSpan.FromSeconds(i / (double)perSecond) - watch.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due, TimeProvider.System);
            asked.Add(OneAsync(make?.Invoke() ?? new HttpRequestMessage(HttpMethod.Get, Address)));
        }
        return [.. await Task.WhenAll(asked)];
    }

    private async Task<(int, TimeSpan)> OneAsync(HttpRequestMessage request)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            using var response = await Client.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            return ((int)response.StatusCode, watch.Elapsed);
        }
        catch (HttpRequestException)
        {
            return (0, watch.Elapsed);
        }
        finally
        {
            request.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Gateway.DisposeAsync();
        foreach (var target in Targets)
            await target.DisposeAsync();
    }
}
