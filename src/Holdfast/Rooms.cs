using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast;

/// <summary>Registers the other projects' rooms: one place to see what the process is made of.</summary>
internal static class Rooms
{
    /// <summary>The rooms' own rules for their options, for <c>check</c>.</summary>
    public static void AddRules(IServiceCollection services)
    {
    }

    public static void Add(IServiceCollection services)
    {
        services.AddSingleton<IdleMail>();
        services.AddSingleton<IMailStages>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IMailQueue>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IRouteExplainer>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<IEvidenceJournal>(p => p.GetRequiredService<IdleMail>());
        services.AddSingleton<ITrafficBoard>(p => p.GetRequiredService<IdleMail>());
    }

    /// <summary>Stands in until the mail flow is there: takes no mail and says so.</summary>
    private sealed class IdleMail : IMailStages, IMailQueue, IRouteExplainer, IEvidenceJournal, ITrafficBoard
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
        public Topology Topology => Topology.Empty;
        public Placement Place(in PlacementRequest request, TimeSpan now) => default;
        public void Report(in TrafficOutcome outcome, TimeSpan now) { }
        public void Release(in Placement placement, bool delivered, TimeSpan now) { }
        public bool IsClosed(ServiceId service) => false;
        public IReadOnlyList<VerdictChange> Tick(TimeSpan now) => [];
        public void Reload(Topology topology, TimeSpan now) { }
        public TrafficSnapshot Snapshot(TimeSpan now) => new([]);
    }
}
