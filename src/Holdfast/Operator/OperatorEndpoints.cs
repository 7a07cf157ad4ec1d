using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Configuration;
using Holdfast.Evidence.Views;
using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Storage.Journal;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Operator;

/// <summary>What can be asked over HTTP and the socket, and what can be done over the socket.</summary>
/// <remarks>Every answer is JSON (<c>/healthz</c> and <c>/metrics</c> are text); every error is problem+json. Acts are
/// refused on HTTP by <see cref="OperatorGuard"/> already, and here a second time.</remarks>
internal static class OperatorEndpoints
{
    public const int PageDefault = 100, PageMax = 1000;
    public const int TraceDefault = 20, TraceMax = 999;
    /// <summary>An exported message may be as large as a message (150 MiB) with its header line.</summary>
    public const long ImportBytesMax = 160L << 20;

    private static readonly string[] ReadMethods = [HttpMethods.Get, HttpMethods.Head];

    internal static void Map(IEndpointRouteBuilder app, string pattern, RequestDelegate answer) =>
        app.MapMethods(pattern, ReadMethods, answer);

    public static void Map(IEndpointRouteBuilder app)
    {
        Map(app, "/healthz", static context => context.Response.WriteAsync("ok\n"));
        Map(app, "/readyz", Ready);
        Map(app, "/api/v1/status", static context => Answer(context,
            Service<StatusBoard>(context).Status(), OperatorJson.Default.StatusView));
        Map(app, "/api/v1/sites", static context => Answer(context,
            Service<StatusBoard>(context).Sites(), OperatorJson.Default.IReadOnlyListSiteView));
        Map(app, "/api/v1/web", static context => Answer(context,
            Service<StatusBoard>(context).Web(), OperatorJson.Default.IReadOnlyListWebServiceView));
        Map(app, "/api/v1/queue", WhenRead(List));
        Map(app, "/api/v1/queue/count", WhenRead(Count));
        Map(app, "/api/v1/queue/shape", WhenRead(static async context => await Answer(context,
            await Service<IMailQueue>(context).ShapeAsync(context.RequestAborted), OperatorJson.Default.QueueShape)));
        Map(app, "/api/v1/queue/{id}", WhenRead(Show));
        Map(app, "/api/v1/route", Route);
        Map(app, "/api/v1/trace", Trace);
        Map(app, "/api/v1/trace/{id}", Trace);
        Map(app, "/api/v1/queue/{id}/content", WhenRead(Export));
        app.MapPost("/api/v1/queue/act", WhenRead(Act));
        app.MapPost("/api/v1/queue/import", WhenRead(Import));
        app.MapPost("/api/v1/reload", Reload);
        TrafficEndpoints.Map(app);
    }

    /// <summary>Answers only once the spool is replayed: before, what waits would be said to be gone.</summary>
    internal static RequestDelegate WhenRead(RequestDelegate answer) => async context =>
    {
        var readiness = Service<Readiness>(context);
        if (readiness.Phase is ProcessPhase.Starting or ProcessPhase.Replaying)
            await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
                $"the queue is still being read ({readiness.Words}); nothing was looked at or changed, ask again");
        else
            await answer(context);
    };

    private static Task Ready(HttpContext context)
    {
        var reasons = Service<StatusBoard>(context).NotReady();
        context.Response.StatusCode = reasons.Count == 0 ? 200 : 503;
        return Answer(context, new ReadyView(reasons.Count == 0, reasons), OperatorJson.Default.ReadyView);
    }

    private static async Task List(HttpContext context)
    {
        if (SelectorQuery.TryRead(context.Request.Query, out var problem) is not { } selector)
        {
            await Problem.WriteAsync(context, 400, problem!);
            return;
        }
        if (SelectorQuery.TryNumber(context.Request.Query, "limit", PageDefault, 1, PageMax) is not { } limit)
        {
            await Problem.WriteAsync(context, 400, $"limit: a whole number from 1 to {PageMax}");
            return;
        }
        var after = context.Request.Query["after"].ToString();
        if (after.Length > 0 && !MessageId.TryParse(after, out _))
        {
            await Problem.WriteAsync(context, 400, "after: give the value of next of the page before");
            return;
        }
        // To list needs no condition: what acts mustn't do by a slip is harmless to look at.
        if (!SelectorQuery.SelectsSomething(selector))
            selector = selector with { All = true };
        if (after.Length > 0)
            selector = selector with { After = after };
        var page = new List<QueueItem>();
        string? next = null;
        await foreach (var item in Service<IMailQueue>(context).ListAsync(selector, limit + 1, context.RequestAborted))
        {
            if (after.Length > 0 && string.CompareOrdinal(item.Id, after) <= 0)
                continue;
            if (page.Count == limit)
            {
                next = page[^1].Id;
                break;
            }
            page.Add(item);
        }
        await Answer(context, new QueuePage(page, next), OperatorJson.Default.QueuePage);
    }

    private static async Task Count(HttpContext context)
    {
        if (SelectorQuery.TryRead(context.Request.Query, out var problem) is not { } selector)
        {
            await Problem.WriteAsync(context, 400, problem!);
            return;
        }
        var matched = await Service<IMailQueue>(context).CountAsync(selector, context.RequestAborted);
        await Answer(context, new QueueCount(matched), OperatorJson.Default.QueueCount);
    }

    private static async Task Show(HttpContext context)
    {
        if (await ReadId(context) is not { } id)
            return;
        var detail = await Service<IMailQueue>(context).ShowAsync(id, context.RequestAborted);
        if (detail is null)
        {
            await NotWaiting(context, id);
            return;
        }
        await foreach (var story in Service<MessageTrace>(context).FindAsync(new TraceQuery(detail.Id, Limit: 1),
            context.RequestAborted))
            detail = detail with { Attempts = AttemptsOf(story), AreAttemptsCut = story.IsCut };
        await Answer(context, detail, OperatorJson.Default.QueueDetail);
    }

    private static List<QueueAttempt> AttemptsOf(MessageStory story) =>
        [.. story.Steps.Select(s => s.Record).Where(r => r.Kind is EvidenceKind.Deferred or EvidenceKind.Moved
            or EvidenceKind.OutcomeUnknown or EvidenceKind.Delivered or EvidenceKind.Bounced)
            .Select(r => new QueueAttempt(r.At, r.Kind.ToString(), r.Recipient, r.Site, r.Target, r.Reply,
                r.Reason, r.Took?.TotalSeconds, r.NextAttemptAt))];

    private static async Task Route(HttpContext context)
    {
        var address = context.Request.Query["address"].ToString();
        if (address.Length is 0 or > 1024)
        {
            await Problem.WriteAsync(context, 400, "address: give a recipient, for example ?address=ann@example.com");
            return;
        }
        await Answer(context, await Service<IRouteExplainer>(context).ExplainAsync(address, context.RequestAborted),
            OperatorJson.Default.RouteExplanation);
    }

    private static async Task Trace(HttpContext context)
    {
        string? messageId = null;
        var address = context.Request.Query["address"].ToString();
        if (context.Request.RouteValues.ContainsKey("id"))
        {
            if (await ReadId(context) is not { } id)
                return;
            messageId = id.ToString();
        }
        else if (address.Length is 0 or > 1024)
        {
            await Problem.WriteAsync(context, 400,
                "address: give a sender or recipient, or ask for /api/v1/trace/{id}");
            return;
        }
        if (SelectorQuery.TryNumber(context.Request.Query, "limit", TraceDefault, 1, TraceMax) is not { } limit)
        {
            await Problem.WriteAsync(context, 400, $"limit: a whole number from 1 to {TraceMax}");
            return;
        }
        DateTimeOffset? since = null;
        if (context.Request.Query["since"].ToString() is { Length: > 0 } text)
        {
            if (!Quantity.TryParseDuration(text, out var age))
            {
                await Problem.WriteAsync(context, 400,
                    $"since: \"{text}\" is not a duration; write for example 4h or 2d");
                return;
            }
            // Beyond a century: all there is.
            since = age.TotalDays > 36_500 ? null : Service<TimeProvider>(context).GetUtcNow() - age;
        }
        var stories = Service<MessageTrace>(context).FindAsync(
            new TraceQuery(messageId ?? address, since, null, limit + 1), context.RequestAborted);
        var trace = await TraceView.OfAsync(stories, limit, context.RequestAborted);
        if (Service<Readiness>(context).Phase > ProcessPhase.Replaying)
            trace = await trace.WithQueueAsync(Service<IMailQueue>(context), context.RequestAborted);
        await Answer(context, trace, OperatorJson.Default.TraceView);
    }

    private static async Task Export(HttpContext context)
    {
        if (!await MayAct(context) || await ReadId(context) is not { } id)
            return;
        context.Response.ContentType = "application/octet-stream";
        if (!await Service<IMailQueue>(context).ExportAsync(id, context.Response.Body,
            context.Features.Get<OperatorDoor>()!.Actor, context.RequestAborted)
            && !context.Response.HasStarted)
            await NotWaiting(context, id);
    }

    private static async Task Act(HttpContext context)
    {
        if (!await MayAct(context))
            return;
        QueueActRequest? request;
        try
        {
            request = await JsonSerializer.DeserializeAsync(context.Request.Body, OperatorJson.Default.QueueActRequest,
                context.RequestAborted);
        }
        catch (JsonException e)
        {
            await Problem.WriteAsync(context, 400, "the body is not an act: " + e.Message);
            return;
        }
        if (request?.Selector is null || !SelectorQuery.SelectsSomething(request.Selector))
        {
            await Problem.WriteAsync(context, 400, "an act needs a selector; for every message say \"all\": true");
            return;
        }
        var result = await Service<IMailQueue>(context).ActAsync(request.Act, request.Selector,
            context.Features.Get<OperatorDoor>()!.Actor, request.Reason, context.RequestAborted);
        await Answer(context, result, OperatorJson.Default.QueueActResult);
    }

    private static async Task Import(HttpContext context)
    {
        if (!await MayAct(context))
            return;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = ImportBytesMax;
        try
        {
            var id = await Service<IMailQueue>(context).ImportAsync(context.Request.Body,
                context.Features.Get<OperatorDoor>()!.Actor, context.RequestAborted);
            await Answer(context, new ImportedMessage(id.ToString()), OperatorJson.Default.ImportedMessage);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or JsonException)
        {
            await Problem.WriteAsync(context, 400, "this is not an exported message: " + e.Message);
        }
    }

    private static async Task Reload(HttpContext context)
    {
        if (!await MayAct(context))
            return;
        var reload = Service<ConfigurationReload>(context);
        var result = reload.Reload("asked by " + context.Features.Get<OperatorDoor>()!.Actor);
        await Answer(context, new ReloadView(result.IsInForce, result.HasChanged,
            [.. result.Faults.Select(f => f.Describe(reload.File ?? ""))], result.NeedsRestart),
            OperatorJson.Default.ReloadView);
    }

    internal static async Task<bool> MayAct(HttpContext context)
    {
        if (context.Features.Get<OperatorDoor>() is { MayAct: true })
            return true;
        await Problem.WriteAsync(context, 403, "only through the local socket");
        return false;
    }

    private static async Task<MessageId?> ReadId(HttpContext context)
    {
        if (MessageId.TryParse(context.Request.RouteValues["id"] as string, out var id))
            return id;
        await Problem.WriteAsync(context, 400, $"a message id has {MessageId.TextLength} letters and digits");
        return null;
    }

    private static Task NotWaiting(HttpContext context, MessageId id) => Problem.WriteAsync(context, 404,
        $"message {id} isn't waiting; \"holdfast trace {id}\" tells what became of it");

    private static T Service<T>(HttpContext context) where T : notnull =>
        context.RequestServices.GetRequiredService<T>();

    internal static Task Answer<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }
}
