using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Model;

namespace Holdfast.Bench.Web;

/// <summary>Stock YARP: one route, one cluster, active and passive checks, power of two choices, defaults else.</summary>
/// <remarks>
/// Two things aren't stock. Active checks run each second with a second's patience, as the other proxies' (defaults 15
/// and 10 s), and home comes before the reserve by a policy of a few lines, YARP's own way to say it: otherwise half of
/// all requests would always go overseas.
/// </remarks>
internal static class YarpHost
{
    public static Command Command()
    {
        var layout = new Option<string>("--layout") { Required = true, Description = "JSON file of ports and targets" };
        var command = new Command("yarp-host", "Stock YARP before the targets of a layout, until it is killed.") { layout };
        command.SetAction(parse =>
            Run(JsonSerializer.Deserialize<WebLayout>(File.ReadAllText(parse.GetValue(layout)!))!));
        return command;
    }

    private static int Run(WebLayout layout)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, layout.PlainPort);
            kestrel.Listen(IPAddress.Loopback, layout.TlsPort, listener =>
            {
                listener.Protocols = HttpProtocols.Http1AndHttp2;
                listener.UseHttps(X509Certificate2.CreateFromPemFile(layout.Certificate, layout.Key));
            });
        });
        builder.Services.AddSingleton<IAvailableDestinationsPolicy, HomeFirst>();
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "web", Match = new RouteMatch { Path = "{**rest}" } }],
            [Cluster(layout)]);
        var app = builder.Build();
        app.MapReverseProxy();
        app.Run();
        return 0;
    }

    private static ClusterConfig Cluster(WebLayout layout) => new()
    {
        ClusterId = "web",
        LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
        HealthCheck = new HealthCheckConfig
        {
            AvailableDestinationsPolicy = nameof(HomeFirst),
            Active = new ActiveHealthCheckConfig
            {
                Enabled = true, Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromSeconds(1),
                Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures, Path = WebLayout.HealthPath,
            },
            Passive = new PassiveHealthCheckConfig
                { Enabled = true, Policy = HealthCheckConstants.PassivePolicy.TransportFailureRate },
        },
        Destinations = layout.Backends.ToDictionary(b => b.Name, b => new DestinationConfig
        {
            Address = $"http://127.0.0.1:{b.Port}/",
            Metadata = new Dictionary<string, string> { [nameof(WebBackend.IsHome)] = b.IsHome ? "yes" : "no" },
        }),
    };

    /// <summary>The healthy targets of the home region; without any the other healthy ones; without any all, as YARP's
    /// HealthyOrPanic.</summary>
    private sealed class HomeFirst : IAvailableDestinationsPolicy
    {
        public string Name => nameof(HomeFirst);

        public IReadOnlyList<DestinationState> GetAvailalableDestinations(ClusterConfig config,
            IReadOnlyList<DestinationState> allDestinations)
        {
            var healthy = allDestinations.Where(d => d.Health.Active != DestinationHealth.Unhealthy
                && d.Health.Passive != DestinationHealth.Unhealthy).ToList();
            var home = healthy.Where(d => d.Model.Config.Metadata?[nameof(WebBackend.IsHome)] == "yes").ToList();
            return home.Count > 0 ? home : healthy.Count > 0 ? healthy : allDestinations;
        }
    }
}
