using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;
using RouteOptions = Holdfast.Mail.Route.RouteOptions;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Options;

namespace Holdfast;

/// <summary>Registers the other projects' rooms: one place to see what the process is made of.</summary>
internal static class Rooms
{
    /// <summary>The rooms' own rules for their options, for <c>check</c>.</summary>
    public static void AddRules(IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ReceiveOptions>>(new ReceiveOptionsValidation());
        // Without the topology: its service names are compared with ours, which have lines.
        services.AddSingleton<IValidateOptions<RouteOptions>>(new RouteOptionsValidator());
    }

    public static void Add(IServiceCollection services)
    {
        services.AddSingleton<IdleMail>();
        services.AddSingleton<IMailStages>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IMailQueue>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IRouteExplainer>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IEvidenceJournal>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton(p => new TrafficBoard(
            Topology.FromOptions(p.GetRequiredService<IOptionsMonitor<TopologyOptions>>().CurrentValue),
            p.GetRequiredService<IOptionsMonitor<TrafficOptions>>().CurrentValue, p.GetRequiredService<Random>()));
        services.AddSingleton<ITrafficBoard>(p => p.GetRequiredService<TrafficBoard>());
    }

    /// <summary>Stands in until the mail flow is there: takes no mail and says so.</summary>
    private sealed class IdleMail : IMailStages, IMailQueue, IRouteExplainer, IEvidenceJournal
    {
        public Task OpenAsync(Action<string> progress, CancellationToken abort) => Task.CompletedTask;
        public Task<IReadOnlyList<string>> ListenAsync(CancellationToken abort) =>
            Task.FromResult<IReadOnlyList<string>>([]);
        public Task DrainAsync(CancellationToken abort) => Task.CompletedTask;

        public async IAsyncEnumerable<QueueItem> ListAsync(QueueSelector selector, int limit,
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken abort)
        {
            await Task.CompletedTask;
            yield break;
        }

        public Task<long> CountAsync(QueueSelector selector, CancellationToken abort) => Task.FromResult(0L);
        public Task<QueueShape> ShapeAsync(CancellationToken abort) => Task.FromResult(new QueueShape([], []));
        public Task<QueueDetail?> ShowAsync(MessageId id, CancellationToken abort) =>
            Task.FromResult<QueueDetail?>(null);
        public Task<QueueActResult> ActAsync(QueueActKind act, QueueSelector selector, string actor, string? reason,
            CancellationToken abort) => Task.FromResult(new QueueActResult(0, 0, []));
        public Task<bool> ExportAsync(MessageId id, Stream destination, CancellationToken abort) =>
            Task.FromResult(false);
        public Task<MessageId> ImportAsync(Stream source, string actor, CancellationToken abort) =>
            throw new InvalidDataException("no mail flow");
        public MailStatus Status() => new("this build has no mail flow", 0, 0, 0, 0, null, "None", 0, 0, 0, 0, 0,
            new TrafficSnapshot([]));
        public Task<RouteExplanation> ExplainAsync(string address, CancellationToken abort) =>
            Task.FromResult(new RouteExplanation(address, null, null, [], "this build has no mail flow"));
        public void Append(EvidenceRecord record) { }
    }
}
