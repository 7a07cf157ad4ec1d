using Holdfast.Configuration;
using Holdfast.Evidence.Records;
using Holdfast.Evidence.Views;
using Holdfast.Mail;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Telemetry;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Holdfast.Web;
using Holdfast.Web.Records;
using Microsoft.Extensions.Options;
using HostOptions = Holdfast.Configuration.HostOptions;

namespace Holdfast;

/// <summary>Registers the other projects' rooms: one place to see what the process is made of.</summary>
internal static class Rooms
{
    /// <summary>The rooms' own rules for their options, for <c>check</c>.</summary>
    public static void AddRules(IServiceCollection services) => services.AddMailRules().AddWebRules();

    public static void Add(IServiceCollection services, DiskWrapper? disk)
    {
        // The root of all chance: everything that draws does so from a stream of its own.
        var seed = (int)TimeProvider.System.GetTimestamp();
        services.AddSingleton(p => new PosixDisk(p.GetRequiredService<DataDirectory>().Path));
        services.AddSingleton<IDisk>(p => disk is null
            ? p.GetRequiredService<PosixDisk>() : disk(p.GetRequiredService<PosixDisk>()));
        services.AddSingleton<EvidenceMetrics>();
        services.AddSingleton<EvidenceJournal>();
        services.AddSingleton<IEvidenceJournal>(p => p.GetRequiredService<EvidenceJournal>());
        services.AddSingleton(p => new MessageTrace(p.GetRequiredService<IDisk>(),
            p.GetRequiredService<EvidenceJournal>()));
        services.AddSingleton(p => new TrafficBoard(
            Topology.FromOptions(p.GetRequiredService<IOptionsMonitor<TopologyOptions>>().CurrentValue),
            p.GetRequiredService<IOptionsMonitor<TrafficOptions>>().CurrentValue, new Random(seed)));
        services.AddSingleton<ITrafficBoard>(p => p.GetRequiredService<TrafficBoard>());
        services.AddMailFlow(
            p => p.GetRequiredService<IOptionsMonitor<HostOptions>>().CurrentValue.HostName,
            p => (ushort)p.GetRequiredService<IOptionsMonitor<HostOptions>>().CurrentValue.NodeId, seed + 1);
        services.AddSingleton<IMailStages, MailStages>();
        services.AddSingleton<AccessMetrics>();
        services.AddSingleton<IAccessRecords, AccessJournal>();
        services.AddWebFlow(seed + 2);
    }

    private sealed class MailStages(MailFlow flow) : IMailStages
    {
        public Task OpenAsync(Action<string> progress, CancellationToken abort) => flow.OpenAsync(progress, abort);
        public Task<IReadOnlyList<string>> ListenAsync(CancellationToken abort) => flow.ListenAsync(abort);
        public Task DrainAsync(CancellationToken abort) => flow.DrainAsync(abort);
    }
}
