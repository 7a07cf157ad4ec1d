using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Evidence.Views;
using Holdfast.Mail.Queue;
using Holdfast.Storage.Journal;
using Holdfast.Web;

namespace Holdfast.Operator;

/// <summary>Answer of <c>/api/v1/status</c> and <c>holdfast status --json</c>.</summary>
/// <param name="Phase">starting, replaying, opening, ready, draining or stopped.</param>
/// <param name="NotReady">Why not, or null.</param>
internal sealed record StatusView(
    string Version, string HostName, DateTimeOffset StartedAt, string Phase, string? NotReady, string Configuration,
    MailStatusView? Mail, IReadOnlyList<SiteView> Sites, IReadOnlyList<ActView> Acts)
{
    /// <summary>Services that web routes lead to.</summary>
    public IReadOnlyList<WebServiceView> Web { get; init; } = [];
}

/// <summary>A web service in <c>/api/v1/web</c>.</summary>
/// <param name="Waiting">Requests that wait for a place.</param>
/// <param name="ShedShare">Share of requests refused before they wait.</param>
/// <param name="IsClosed">True when every site of it is closed.</param>
/// <param name="Sessions">Answered requests with session cookies since the start; null: none.</param>
/// <param name="Probes">The last probe of each target that is probed.</param>
/// <param name="Canaries">The last canary of each site that has some.</param>
internal sealed record WebServiceView(
    string Service, int Waiting, double ShedShare, bool IsClosed, WebSessionCounts? Sessions,
    IReadOnlyList<ProbeView> Probes, IReadOnlyList<ProbeView> Canaries);

/// <param name="Target">Null: of the whole site.</param>
/// <param name="Fate"><c>passed</c>, <c>failed</c>, <c>lost</c> or <c>void</c>.</param>
internal sealed record ProbeView(
    string Site, string? Target, string Fate, string Detail, DateTimeOffset At, double TookSeconds);

internal sealed record MailStatusView(
    long Waiting, long WaitingBytes, long InDelivery, long Held, double? OldestAgeSeconds, string Pressure,
    double AcceptedPerSecond, double DeliveredPerSecond, double DeferredPerSecond, long Connections,
    long FreeDiskBytes);

/// <summary>A site in <c>/api/v1/sites</c>.</summary>
/// <param name="Share">Part of its service's traffic that goes there, 0 to 1; a closed site's canaries are no
/// share.</param>
/// <param name="Weight">Part of what it would get that it is given: below 1 when degraded or weighted by hand.</param>
/// <param name="Limit">Transactions at once over its open targets.</param>
/// <param name="ProvenPerSecond">Carried well in the last 24 h, or declared.</param>
/// <param name="HeadroomPerSecond">What more it may be given.</param>
internal sealed record SiteView(
    string Service, string Site, string Region, bool IsHome, VerdictView Verdict, double? CapacityPerSecond,
    double DeliveredPerSecond, double FailedPerSecond, double Share, IReadOnlyList<TargetView> Targets,
    double Weight, int InFlight, int Limit, double ProvenPerSecond, double HeadroomPerSecond,
    IReadOnlyList<OperationView> Operations)
{
    /// <summary>Components that it needs and that fail at two sites or more.</summary>
    public IReadOnlyList<string> FailingDependencies { get; init; } = [];
}

/// <summary>What was seen of one operation class at a site lately.</summary>
internal sealed record OperationView(
    string Operation, double PerSecond, double SuccessShare, double LatencyP50Seconds, double LatencyP95Seconds,
    string Evidence);

internal sealed record TargetView(
    string Address, VerdictView Verdict, int InFlight, int Limit, double DeliveredPerSecond, double LatencyP50Seconds,
    DateTimeOffset? NextCanaryAt);

internal sealed record VerdictView(string State, DateTimeOffset Since, string Evidence);

/// <summary>A page of the queue.</summary>
/// <param name="Next">Give it as <c>after</c> for the next page; null at the end.</param>
internal sealed record QueuePage(IReadOnlyList<QueueItem> Messages, string? Next);

internal sealed record QueueCount(long Matched);

/// <summary>Body of <c>POST /api/v1/queue/act</c>.</summary>
internal sealed record QueueActRequest(QueueActKind Act, QueueSelector Selector, string? Reason);

internal sealed record ImportedMessage(string Id);

/// <summary>Answer of an act's <c>--dry-run --json</c>: the shape of <see cref="QueueActResult"/> with what is meant.
/// </summary>
/// <param name="Messages">The first of those matched.</param>
internal sealed record QueueDryRun(long Matched, IReadOnlyList<QueueItem> Messages)
{
    public long Changed => 0;
    public IReadOnlyList<string> Notes => [];
}

/// <summary>A line of <c>queue export --json</c> or <c>queue import --json</c>.</summary>
/// <param name="Id">The message's id at this server; null: it was not taken in.</param>
/// <param name="Problem">What went wrong; null: nothing.</param>
internal sealed record TransferredFile(string File, string? Id, string? Problem);

internal sealed record ReadyView(bool IsReady, IReadOnlyList<string> Reasons);

/// <summary>Answer of <c>/api/v1/trace</c>: stories of messages, newest first.</summary>
/// <param name="HasMore">True when there are more messages than were asked for.</param>
internal sealed record TraceView(IReadOnlyList<StoryView> Messages, bool HasMore)
{
    /// <summary>Takes stories, one more than asked for if there are so many.</summary>
    public static async Task<TraceView> OfAsync(IAsyncEnumerable<MessageStory> stories, int limit,
        CancellationToken abort)
    {
        var views = new List<StoryView>();
        await foreach (var story in stories.WithCancellation(abort))
        {
            if (views.Count == limit)
                return new(views, true);
            views.Add(StoryView.Of(story));
        }
        return new(views, false);
    }

    /// <summary>Adds what the queue says of those that wait: evidence tells of an attempt only when it has ended.
    /// </summary>
    public async Task<TraceView> WithQueueAsync(IMailQueue queue, CancellationToken abort)
    {
        var selector = new QueueSelector { Ids = [.. Messages.Select(m => m.Id).OfType<string>()] };
        var now = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var item in queue.ListAsync(selector, selector.Ids.Count, abort))
            now[item.Id] = item.Why;
        return this with
        {
            Messages = [.. Messages.Select(m => m with { Now = m.Id is { } id ? now.GetValueOrDefault(id) : null })],
        };
    }
}

/// <summary>One message's life.</summary>
/// <param name="IsCut">True when it has more steps than are shown.</param>
/// <param name="Now">Why it waits at this moment, as in the queue; null: it doesn't wait, or no server was asked that
/// has read its spool.</param>
internal sealed record StoryView(
    string? Id, string? Sender, IReadOnlyList<string> Recipients, DateTimeOffset FirstAt, DateTimeOffset LastAt,
    string State, string Summary, IReadOnlyList<StepView> Steps, bool IsCut, string? Now = null)
{
    public static StoryView Of(MessageStory story) => new(story.Id, story.Sender, story.Recipients, story.FirstAt,
        story.LastAt, story.State, story.Summary, [.. story.Steps.Select(StepView.Of)], story.IsCut);
}

internal sealed record StepView(
    DateTimeOffset At, double AfterSeconds, string Kind, string Text, string? Recipient, string? Actor, string? Remote,
    string? Service, string? Site, string? Target, string? Reply, string? Reason, int? Attempt, long? SizeBytes,
    DateTimeOffset? NextAttemptAt, double? TookSeconds)
{
    public static StepView Of(StoryStep step) => Of(step, step.Record);

    private static StepView Of(StoryStep step, EvidenceRecord r) => new(step.At, step.After.TotalSeconds,
        step.Kind.ToString(), step.Text, r.Recipient, r.Actor, r.Remote, r.Service, r.Site, r.Target, r.Reply, r.Reason,
        r.Attempt, r.SizeBytes, r.NextAttemptAt, r.Took?.TotalSeconds);
}

/// <summary>Answer of <c>POST /api/v1/reload</c>.</summary>
internal sealed record ReloadView(bool IsInForce, bool HasChanged, IReadOnlyList<string> Faults,
    IReadOnlyList<string> NeedsRestart);

/// <summary>The JSON of the operator API and of <c>--json</c>: camelCase, enum values as words.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true)]
[JsonSerializable(typeof(StatusView))]
[JsonSerializable(typeof(IReadOnlyList<SiteView>))]
[JsonSerializable(typeof(IReadOnlyList<WebServiceView>))]
[JsonSerializable(typeof(QueuePage))]
[JsonSerializable(typeof(QueueItem))]
[JsonSerializable(typeof(QueueDetail))]
[JsonSerializable(typeof(QueueShape))]
[JsonSerializable(typeof(QueueCount))]
[JsonSerializable(typeof(QueueActRequest))]
[JsonSerializable(typeof(QueueActResult))]
[JsonSerializable(typeof(RouteExplanation))]
[JsonSerializable(typeof(ImportedMessage))]
[JsonSerializable(typeof(QueueDryRun))]
[JsonSerializable(typeof(TransferredFile))]
[JsonSerializable(typeof(TraceView))]
[JsonSerializable(typeof(ReadyView))]
[JsonSerializable(typeof(ReloadView))]
[JsonSerializable(typeof(TrafficActRequest))]
[JsonSerializable(typeof(TrafficActView))]
[JsonSerializable(typeof(IReadOnlyList<ActView>))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class OperatorJson : JsonSerializerContext;
