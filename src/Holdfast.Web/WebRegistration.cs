using Holdfast.Traffic;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Records;
using Holdfast.Web.Select;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web;

/// <summary>Registers the web flow.</summary>
public static class WebRegistration
{
    /// <summary>The rooms' cross-field rules for their options, for a check that starts nothing.</summary>
    public static IServiceCollection AddWebRules(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton<IValidateOptions<AcceptOptions>, AcceptOptionsValidator>();
        services.AddSingleton<IValidateOptions<SelectOptions>, SelectOptionsValidator>();
        services.AddSingleton<IValidateOptions<ForwardOptions>, ForwardOptionsValidator>();
        services.AddSingleton<IValidateOptions<ProbeOptions>, ProbeOptionsValidator>();
        services.AddSingleton<IValidateOptions<RecordOptions>, RecordOptionsValidator>();
        return services;
    }

    /// <summary>Adds <see cref="WebFlow"/>.</summary>
    /// <remarks>The caller registers <see cref="ITrafficBoard"/>, <see cref="TimeProvider"/>,
    /// <see cref="IAccessRecords"/>, the rooms' options as monitors, logging and metrics.</remarks>
    /// <param name="services">Where to register.</param>
    /// <param name="seed">Seed for jitter.</param>
    public static IServiceCollection AddWebFlow(this IServiceCollection services, int seed)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddHttpForwarder();
        services.AddSingleton<WebMetrics>();
        services.AddSingleton<ProbeMetrics>();
        services.AddSingleton(p => new ProbeRounds(p.GetRequiredService<IOptionsMonitor<ProbeOptions>>(),
            p.GetRequiredService<ITrafficBoard>(), p.GetRequiredService<ProbeMetrics>(), new Random(seed + 1),
            p.GetRequiredService<TimeProvider>(), p.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(p => new WebSessions(p.GetRequiredService<WebMetrics>(), new Random(seed + 2),
            p.GetRequiredService<TimeProvider>(), p.GetRequiredService<ILogger<WebSessions>>()));
        services.AddSingleton(p => new WebRecords(p.GetRequiredService<IAccessRecords>(),
            p.GetRequiredService<IOptionsMonitor<RecordOptions>>(), p.GetRequiredService<ITrafficBoard>(),
            p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(p => new WebFlow(p.GetRequiredService<ITrafficBoard>(),
            p.GetRequiredService<IHttpForwarder>(), p.GetRequiredService<WebMetrics>(),
            p.GetRequiredService<TimeProvider>(), p.GetRequiredService<IOptionsMonitor<AcceptOptions>>(),
            p.GetRequiredService<IOptionsMonitor<SelectOptions>>(),
            p.GetRequiredService<IOptionsMonitor<ForwardOptions>>(), p.GetRequiredService<ProbeRounds>(),
            p.GetRequiredService<WebSessions>(), p.GetRequiredService<WebRecords>(), new Random(seed),
            p.GetRequiredService<ILoggerFactory>()));
        return services;
    }
}
