using System.Net;
using System.Net.Sockets;
using Holdfast.Configuration;
using Holdfast.Operator;
using Holdfast.Telemetry;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging.Console;

namespace Holdfast;

/// <summary>Puts the process together: every room's registration, the operator doors, telemetry and logs.</summary>
/// <remarks>Begins empty on purpose: no appsettings.json, no ASPNETCORE_ variables, nothing that changes what the
/// checked configuration says.</remarks>
internal static class Composition
{
    /// <summary>Rooms as they check configurations: nothing of this is ever started.</summary>
    public static ServiceProvider BuildRules()
    {
        var services = new ServiceCollection();
        Rooms.AddRules(services);
        return services.BuildServiceProvider();
    }

    public static WebApplication Build(ConfigurationSnapshot configuration, ConfigurationLoader loader, string? file,
        DataDirectory data, string socketPath, DiskWrapper? disk = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            ApplicationName = "holdfast", ContentRootPath = data.Path,
        });
        var services = builder.Services;
        var telemetry = configuration.Get<TelemetryOptions>();
        AddLogging(builder.Logging, telemetry.LogLevel);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(data);
        services.AddSingleton(p =>
            new ConfigurationStore(configuration, p.GetRequiredService<ILogger<ConfigurationStore>>()));
        services.AddSingleton(loader);
        foreach (var section in OptionsSection.All)
            section.Register(services);
        services.AddSingleton(new ReloadSource(file, () =>
            file is null ? loader.LoadEmbedded() : loader.LoadFile(file)));
        services.AddMetrics();
        services.AddSingleton<ConfigurationMetrics>();
        services.AddSingleton<ConfigurationReload>();
        services.AddHostedService(p => p.GetRequiredService<ConfigurationReload>());
        services.AddSingleton<Readiness>();
        services.AddSingleton<ActFile>();
        services.AddSingleton<TrafficDesk>();
        services.AddSingleton<StatusBoard>();
        services.AddSingleton<TrafficMetrics>();
        services.AddSingleton<ProcessMetrics>();
        services.AddHostedService<TrafficTicks>();
        services.AddSingleton<IHostLifetime, RunLifetime>();
        services.AddSingleton<ISystemdNotifier, SystemdNotifier>();
        Rooms.Add(services, disk);
        OpenTelemetrySetup.Add(builder.Services, builder.Logging, telemetry,
            configuration.Get<Configuration.HostOptions>());
        services.AddRoutingCore();
        AddDoors(builder.WebHost, configuration.Get<OperatorOptions>(), socketPath);
        // An unhandled exception in a background part stops the process: better restarted than half alive.
        services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o =>
        {
            o.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
            o.ShutdownTimeout = TimeSpan.FromSeconds(5);
        });

        var app = builder.Build();
        app.UseMiddleware<OperatorErrors>();
        app.UseMiddleware<OperatorGuard>();
        app.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
        app.UseRouting();
        OperatorEndpoints.Map(app);
        return app;
    }

    private static void AddLogging(ILoggingBuilder logging, LogLevel level)
    {
        logging.SetMinimumLevel(level);
        // Request by request lines of the web server are no operator's business.
        logging.AddFilter("Microsoft", level > LogLevel.Warning ? level : LogLevel.Warning);
        // What the forwarder warns of is a line for each request of an outage: metrics and verdicts tell it better.
        logging.AddFilter("Yarp", level > LogLevel.Error ? level : LogLevel.Error);
        logging.AddFilter("System", level > LogLevel.Warning ? level : LogLevel.Warning);
        logging.AddConsole(o =>
        {
            // Under systemd: a priority before each line, and the journal adds the time.
            o.FormatterName = SystemdHelpers.IsSystemdService()
                ? ConsoleFormatterNames.Systemd : ConsoleFormatterNames.Simple;
            o.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            o.UseUtcTimestamp = true;
            o.ColorBehavior = Console.IsErrorRedirected
                || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 }
                ? LoggerColorBehavior.Disabled : LoggerColorBehavior.Enabled;
        });
    }

    private static void AddDoors(IWebHostBuilder web, OperatorOptions options, string socketPath)
    {
        web.UseKestrelCore();
        web.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 64 << 10;
            kestrel.Limits.MaxRequestLineSize = 8 << 10;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            kestrel.Limits.MaxRequestHeaderCount = 64;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(1);
            if (options.HttpEndpoint.Length > 0
                && EndpointText.TryParse(options.HttpEndpoint, out var endpoint, out _)
                && endpoint.Address is { } address)
            {
                kestrel.Listen(new IPEndPoint(address, endpoint.Port), listen =>
                {
                    listen.Protocols = HttpProtocols.Http1;
                    var crowd = new ConnectionCrowd(ConnectionCrowd.HttpConnectionsMax);
                    listen.Use(crowd.Limit);
                    listen.Use(next => connection =>
                    {
                        connection.Features.Set(OperatorDoor.ForHttp(connection));
                        return next(connection);
                    });
                });
            }
            kestrel.ListenUnixSocket(socketPath, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection =>
                {
                    connection.Features.Set(OperatorDoor.ForSocket(connection));
                    return next(connection);
                });
            });
        });
        web.UseSockets(sockets => sockets.CreateBoundListenSocket = OperatorSocket.CreateBound);
    }

    /// <summary>Signals are the run command's own business.</summary>
    private sealed class RunLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
