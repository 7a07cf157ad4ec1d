using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using Holdfast.Mail.Canaries;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Storage.Keys;
using Holdfast.Storage.Segments;
using Holdfast.Traffic;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail;

/// <summary>Registers the mail flow and what it is asked by.</summary>
public static class MailRegistration
{
    /// <summary>The rooms' cross-field rules for their options, for a check that starts nothing.</summary>
    public static IServiceCollection AddMailRules(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton<IValidateOptions<ReceiveOptions>, ReceiveOptionsValidation>();
        services.AddSingleton<IValidateOptions<SpoolOptions>, SpoolOptionsValidator>();
        // Without the topology: the caller compares service names, since it knows their lines.
        services.AddSingleton<IValidateOptions<RouteOptions>>(new RouteOptionsValidator());
        services.AddSingleton<IValidateOptions<DeliverOptions>, DeliverOptionsValidator>();
        services.AddSingleton<IValidateOptions<RetryOptions>, RetryOptionsValidator>();
        services.AddSingleton<IValidateOptions<PaceOptions>, PaceOptionsValidator>();
        services.AddSingleton<IValidateOptions<NoticeOptions>, NoticeOptionsValidator>();
        services.AddSingleton<IValidateOptions<CanaryOptions>, CanaryOptionsValidator>();
        return services;
    }

    /// <summary>Adds <see cref="MailFlow"/>, <see cref="IMailQueue"/> and <see cref="IRouteExplainer"/>.</summary>
    /// <remarks>The caller registers <see cref="IDisk"/> (the data directory), <see cref="ITrafficBoard"/>,
    /// <see cref="IEvidenceJournal"/>, <see cref="TimeProvider"/>, the rooms' options as monitors, and
    /// metrics.</remarks>
    /// <param name="services">Where to register.</param>
    /// <param name="hostName">Our own name, asked when it is needed: a reload may change it.</param>
    /// <param name="node">Number of this node in message ids, asked once.</param>
    /// <param name="seed">Seed for jitter and choice; each part draws from a stream of its own.</param>
    public static IServiceCollection AddMailFlow(this IServiceCollection services,
        Func<IServiceProvider, string> hostName, Func<IServiceProvider, ushort> node, int seed)
    {
        ArgumentNullException.ThrowIfNull(services);
        var root = new Random(seed);
        int spoolSeed = root.Next(), deliverSeed = root.Next(), mxSeed = root.Next();
        services.AddSingleton<SegmentMetrics>();
        services.AddSingleton<SpoolMetrics>();
        services.AddSingleton<ReceiveMetrics>();
        services.AddSingleton<RouteMetrics>();
        services.AddSingleton<DeliverMetrics>();
        services.AddSingleton<IFileSource, LocalFiles>();
        services.AddSingleton<IDnsSource, DnsSource>();
        services.AddSingleton<IMxTlsPolicy, NoMxTlsPolicy>();
        services.AddSingleton<ITargetDialer, SocketDialer>();
        services.AddSingleton<RouteTableSource>();
        services.AddSingleton<HostResolver>();
        services.AddSingleton<IHostResolver>(p => p.GetRequiredService<HostResolver>());
        services.AddSingleton<IMxResolver>(p => new MxResolver(p.GetRequiredService<IDnsSource>(),
            p.GetRequiredService<IOptionsMonitor<RouteOptions>>(), hostName(p), OwnAddresses(),
            p.GetRequiredService<TimeProvider>(), new Random(mxSeed)));
        services.AddSingleton(p => new MailSpool(p.GetRequiredService<IDisk>(), node(p),
            p.GetRequiredService<IOptionsMonitor<SpoolOptions>>(), p.GetRequiredService<TimeProvider>(),
            new Random(spoolSeed), p.GetRequiredService<IEvidenceJournal>(), p.GetRequiredService<SpoolMetrics>(),
            p.GetRequiredService<SegmentMetrics>(), p.GetRequiredService<ILogger<MailSpool>>()));
        services.AddSingleton<IMailSpool>(p => p.GetRequiredService<MailSpool>());
        services.AddSingleton(p => new DeliverySources(
            p.GetRequiredService<IOptionsMonitor<DeliverOptions>>(),
            p.GetRequiredService<IOptionsMonitor<RetryOptions>>(),
            p.GetRequiredService<IOptionsMonitor<PaceOptions>>(),
            p.GetRequiredService<IOptionsMonitor<NoticeOptions>>(),
            p.GetRequiredService<IOptionsMonitor<RouteOptions>>(), () => hostName(p)));
        services.AddSingleton(p => new DeliveryFlow(p.GetRequiredService<DeliverySources>(),
            p.GetRequiredService<IMailSpool>(), p.GetRequiredService<ITrafficBoard>(),
            p.GetRequiredService<IEvidenceJournal>(), p.GetRequiredService<IMxResolver>(),
            p.GetRequiredService<IMxTlsPolicy>(), p.GetRequiredService<IHostResolver>(),
            p.GetRequiredService<ITargetDialer>(), p.GetRequiredService<DeliverMetrics>(),
            p.GetRequiredService<TimeProvider>(), new Random(deliverSeed),
            p.GetRequiredService<ILogger<DeliveryFlow>>()));
        // By its own type: as an IConnectionListenerFactory the web server would take it for its transport.
        services.AddSingleton<SocketListenerFactory>();
        services.AddSingleton(p => new ReceiveServer(p.GetRequiredService<IOptionsMonitor<ReceiveOptions>>(),
            () => hostName(p), p.GetRequiredService<IMailSpool>(), p.GetRequiredService<IEvidenceJournal>(),
            p.GetRequiredService<ReceiveMetrics>(), p.GetRequiredService<SocketListenerFactory>(),
            p.GetRequiredService<IFileSource>(), p.GetRequiredService<IDisk>(), p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(p => new MailFlow(p.GetRequiredService<MailSpool>(), p.GetRequiredService<DeliveryFlow>(),
            p.GetRequiredService<ReceiveServer>(), p.GetRequiredService<CanaryRunner>(),
            p.GetRequiredService<HostResolver>(),
            p.GetRequiredService<RouteTableSource>(), p.GetRequiredService<IOptionsMonitor<DeliverOptions>>(),
            p.GetRequiredService<ILogger<MailFlow>>()));
        AddCanaries(services, hostName);
        AddQueue(services);
        services.AddSingleton<IRouteExplainer>(p => new RouteExplainer(p.GetRequiredService<RouteTableSource>(),
            p.GetRequiredService<ITrafficBoard>(), p.GetRequiredService<IMxResolver>(),
            p.GetRequiredService<TimeProvider>(),
            () => p.GetRequiredService<IOptionsMonitor<RouteOptions>>().CurrentValue.MxPort));
        return services;
    }

    private static void AddCanaries(IServiceCollection services, Func<IServiceProvider, string> hostName)
    {
        services.AddSingleton<CanaryMetrics>();
        services.AddSingleton(_ => new CanaryToken(RandomNumberGenerator.GetBytes(32)));
        services.AddSingleton<ICanaryDispatch>(p => new CanaryDispatch(p.GetRequiredService<DeliveryFlow>().Direct,
            () => hostName(p), p.GetRequiredService<IMailSpool>().NewId, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(p => new CanaryRunner(p.GetRequiredService<IOptionsMonitor<CanaryOptions>>(),
            () => hostName(p), p.GetRequiredService<ICanaryDispatch>(), (options, tag) => new ImapMailbox(options, tag),
            p.GetRequiredService<ITrafficBoard>(), p.GetRequiredService<CanaryToken>(),
            p.GetRequiredService<CanaryMetrics>(), p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<ILogger<CanaryRunner>>()));
    }

    private static void AddQueue(IServiceCollection services)
    {
        services.AddSingleton<QueueMetrics>();
        services.AddSingleton<IWaitingMail, WaitingMail>();
        services.AddSingleton<QueueDescriptions>();
        services.AddSingleton<MessageTransfer>();
        services.AddSingleton(p =>
        {
            var flow = p.GetRequiredService<MailFlow>();
            var metrics = p.GetRequiredService<DeliverMetrics>();
            return new QueueStatusSources
            {
                AcceptedTotal = () => flow.AcceptedTotal, DeliveredTotal = () => metrics.DeliveredTotal,
                DeferredTotal = () => metrics.DeferredTotal, ClientConnections = () => flow.Sessions,
                FreeDiskBytes = () => flow.FreeBytes, NotReady = () => flow.NotReady,
            };
        });
        services.AddSingleton<QueueStatus>();
        services.AddSingleton<IMailQueue, MailQueueDesk>();
    }

    /// <summary>Addresses of this machine's interfaces, by which an exchanger that is ourselves is known.</summary>
    private static HashSet<IPAddress> OwnAddresses() =>
        [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)];
}
