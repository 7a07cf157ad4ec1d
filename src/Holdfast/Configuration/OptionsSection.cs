using Holdfast.Evidence.Records;
using Holdfast.Mail.Canaries;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using RouteOptions = Holdfast.Mail.Route.RouteOptions;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Records;
using Holdfast.Web.Select;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Options;

namespace Holdfast.Configuration;

/// <summary>A part of the file and the options class that it fills.</summary>
/// <param name="Path">Path with colons, beginning with <c>Holdfast</c>.</param>
internal abstract record OptionsSection(string Path, Type Type)
{
    /// <summary>Every section there is. A room with options adds its line here, and nothing else.</summary>
    public static IReadOnlyList<OptionsSection> All { get; } =
    [
        new Of<HostOptions>("Holdfast"),
        new Of<OperatorOptions>("Holdfast:Operator"),
        new Of<TelemetryOptions>("Holdfast:Telemetry"),
        new Of<TopologyOptions>("Holdfast:Topology"),
        new Of<TrafficOptions>("Holdfast:Traffic"),
        new Of<ReceiveOptions>("Holdfast:Mail:Receive"),
        new Of<SpoolOptions>("Holdfast:Mail:Spool"),
        new Of<RouteOptions>("Holdfast:Mail:Route"),
        new Of<DeliverOptions>("Holdfast:Mail:Deliver"),
        new Of<RetryOptions>("Holdfast:Mail:Deliver:Retry"),
        new Of<PaceOptions>("Holdfast:Mail:Deliver:Pace"),
        new Of<NoticeOptions>("Holdfast:Mail:Deliver:Notices"),
        new Of<CanaryOptions>("Holdfast:Mail:Canaries"),
        new Of<AcceptOptions>("Holdfast:Web:Accept"),
        new Of<SelectOptions>("Holdfast:Web:Select"),
        new Of<ForwardOptions>("Holdfast:Web:Forward"),
        new Of<ProbeOptions>("Holdfast:Web:Probes"),
        new Of<RecordOptions>("Holdfast:Web:Records"),
        new Of<EvidenceOptions>("Holdfast:Evidence"),
    ];

    /// <summary>Names directly below a path that lead to other sections.</summary>
    public static IReadOnlyList<string> ChildrenOf(string path) =>
        [.. All.Select(s => s.Path).Where(p => p.StartsWith(path + ":", StringComparison.Ordinal))
            .Select(p => p[(path.Length + 1)..].Split(':')[0]).Distinct()];

    /// <summary>Runs the room's own cross-field rules.</summary>
    public abstract IReadOnlyList<string> Validate(object options, IServiceProvider rules);

    /// <summary>Lets rooms have the options as <see cref="IOptionsMonitor{T}"/> and <see cref="IOptions{T}"/>.
    /// </summary>
    public abstract void Register(IServiceCollection services);

    private sealed record Of<T>(string Path) : OptionsSection(Path, typeof(T)) where T : class
    {
        public override IReadOnlyList<string> Validate(object options, IServiceProvider rules) =>
            [.. rules.GetServices<IValidateOptions<T>>()
                .Select(rule => rule.Validate(Options.DefaultName, (T)options))
                .Where(result => result.Failed)
                .SelectMany(result => result.Failures ?? [])];

        public override void Register(IServiceCollection services)
        {
            services.AddSingleton<ReloadedOptions<T>>();
            services.AddSingleton<IOptionsMonitor<T>>(p => p.GetRequiredService<ReloadedOptions<T>>());
            services.AddSingleton<IOptions<T>>(p => p.GetRequiredService<ReloadedOptions<T>>());
        }
    }
}
