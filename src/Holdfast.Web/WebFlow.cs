using System.Collections.Concurrent;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Records;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web;

/// <summary>Joins the stages in order: Accept → Select → Forward. Read this first.</summary>
/// <remarks>
/// A request: 1 hygiene, 2 route, 3 class (priority, cohort, operation, deadline) and its body, if that is short, 4
/// admission, 5 a place, now or after waiting, 6 the forwarder sends it there and its answer back, 7 what it came to is
/// told.
/// Stop: listeners close, running requests may end, what remains is cut.
/// </remarks>
public sealed partial class WebFlow : IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_comeBackAfter = TimeSpan.FromSeconds(2);
    private const int TicksASecond = 10;
    private const int TicksAMinute = 60 * TicksASecond;
    private readonly ITrafficBoard _board;
    private readonly IHttpForwarder _forwarder;
    private readonly WebMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly IOptionsMonitor<AcceptOptions> _accept;
    private readonly IOptionsMonitor<SelectOptions> _select;
    private readonly IOptionsMonitor<ForwardOptions> _forward;
    private readonly ProbeRounds _probes;
    private readonly WebSessions _sessions;
    private readonly WebRecords _records;
    private readonly ILogger _logger;
    private readonly Random _random;
    private readonly TraceIds _traces;
    private readonly WebListeners _listeners;
    private readonly UnderWay _underWay;
    private readonly HedgeWaits _hedges = new();
    private readonly List<IDisposable> _changes = [];
    private readonly CancellationTokenSource _stopped = new();
    private readonly ConcurrentDictionary<ServiceId, PlaceQueue> _queues = new();
    private readonly Func<ServiceId, PlaceQueue> _makeQueue;
    private Task _sweeps = Task.CompletedTask;
    private Task _reloads = Task.CompletedTask;
    private WebPicture _picture = WebPicture.Empty;

    internal WebFlow(ITrafficBoard board, IHttpForwarder forwarder, WebMetrics metrics, TimeProvider time,
        IOptionsMonitor<AcceptOptions> accept, IOptionsMonitor<SelectOptions> select,
        IOptionsMonitor<ForwardOptions> forward, ProbeRounds probes, WebSessions sessions, WebRecords records,
        Random random, ILoggerFactory loggers)
    {
        _board = board;
        _forwarder = forwarder;
        _metrics = metrics;
        _time = time;
        _accept = accept;
        _select = select;
        _forward = forward;
        _probes = probes;
        _sessions = sessions;
        _records = records;
        _random = random;
        _traces = new TraceIds(random);
        _logger = loggers.CreateLogger<WebFlow>();
        _listeners = new WebListeners(loggers, ServeAsync, metrics, time);
        _underWay = new UnderWay();
        _makeQueue = service => new PlaceQueue(service, board, time);
        metrics.Observe(() => _underWay.Count,
            () => _queues.Select(q => (board.Topology.Services[q.Key.Value].Name, q.Value.Count)));
    }

    private WebPicture Picture
    {
        get => Volatile.Read(ref _picture);
        set => Volatile.Write(ref _picture, value);
    }

    /// <summary>Opens the listeners; returns what each listens on, in words.</summary>
    /// <exception cref="IOException">An address can't be had.</exception>
    public async Task<IReadOnlyList<string>> ListenAsync(CancellationToken abort)
    {
        Draw();
        foreach (var change in new[] { _accept.OnChange(_ => Reload()), _select.OnChange(_ => Reload()),
            _forward.OnChange(_ => Reload()) })
        {
            if (change is not null)
                _changes.Add(change);
        }
        _sweeps = SweepAsync(_stopped.Token);
        _probes.Start(ProbeCall.Over(() => Picture.Clients));
        await _listeners.OpenAsync(_accept.CurrentValue, abort).ConfigureAwait(false);
        return _listeners.Describe();
    }

    /// <summary>Closes the listeners and lets running requests end, for <c>DrainTimeout</c> at most. Cancelled: cuts
    /// them at once.</summary>
    public async Task DrainAsync(CancellationToken abort)
    {
        foreach (var change in _changes)
            change.Dispose();
        _changes.Clear();
        await _listeners.DrainAsync(_accept.CurrentValue.DrainTimeout, abort).ConfigureAwait(false);
        await _reloads.ConfigureAwait(false);
        await _probes.StopAsync().ConfigureAwait(false);
        await _stopped.CancelAsync().ConfigureAwait(false);
        await _sweeps.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        await _sweeps.ConfigureAwait(false);
        _stopped.Dispose();
        foreach (var (_, queue) in _queues)
            queue.Dispose();
        _listeners.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var startedAt = _time.GetTimestamp();
        var picture = Picture;
        var bytes = _records.Draw(context);
        if (_records.Options.Traces)
            _traces.Mark(context.Request.Headers, isRecorded: bytes is not null);
        var course = await ServeAsync(context, picture).ConfigureAwait(false);
        if (course.Route is { } route)
        {
            _metrics.Ended(context.Request.Method, context.Response.StatusCode, route.Template,
                context.Request.Protocol, _time.GetElapsedTime(startedAt).TotalSeconds);
        }
        _records.Ended(context, picture, course, startedAt, bytes);
    }

    private async ValueTask<WebCourse> ServeAsync(HttpContext context, WebPicture picture)
    {
        var request = context.Request;
        // 1. Hygiene.
        if (RequestHygiene.Fault(context) is { } fault)
        {
            _metrics.Refused(fault);
            // Nobody knows where this request ends.
            context.Response.Headers.Connection = "close";
            await OwnAnswer.Malformed.WriteAsync(context, 0).ConfigureAwait(false);
            return new(WebRecords.Malformed);
        }
        // 2. Route.
        var route = picture.Routes.Find(request.Host.Value, request.Path.Value);
        if (route is null || !_board.Topology.TryFindService(route.Service, out var service))
        {
            _metrics.Refused("no_route");
            await OwnAnswer.NoRoute.WriteAsync(context, 0).ConfigureAwait(false);
            return new(WebRecords.NoRoute);
        }
        // 3. Class.
        var now = _time.GetElapsedTime(0);
        var kind = Classify(context, route, picture, now);
        // A short body, or a longer one's beginning, is read before anything counts the request: who drips it holds
        // nobody's place.
        var body = await HoldAsync(context, kind, picture).ConfigureAwait(false);
        try
        {
            return body.Error is { } error
                ? await EndAsync(context, new(WebRecords.Answered, route, kind), error, isLate: false)
                    .ConfigureAwait(false)
                : await PlaceAsync(context, route, kind, picture, service, body).ConfigureAwait(false);
        }
        finally
        {
            if (body.Bytes is { Length: > 0 } held)
                Interlocked.Add(ref _heldBytes, -held.Length);
        }
    }

    private async ValueTask<WebCourse> PlaceAsync(HttpContext context, WebRoute route, RequestClass kind,
        WebPicture picture, ServiceId service, HeldBody body)
    {
        // 4. Admission.
        var now = _time.GetElapsedTime(0);
        var queue = _queues.GetOrAdd(service, _makeQueue);
        var admission = _board.Admit(service, kind.Priority, kind.Cohort, now);
        queue.Shedding(admission.ShedShare > 0);
        if (!admission.IsAdmitted)
        {
            return new(await RefuseAsync(context, route, service, "shed", admission.RetryAfter).ConfigureAwait(false),
                route, kind, now);
        }
        // 5. A place.
        var asked = new PlacementRequest(service, kind.Operation, kind.Priority, false, TargetId.None, null, 0,
            CanWait: false);
        var session = _sessions.Begin(context, route, _board.Topology, picture.Trust, picture.AwayTime);
        if (session is not null)
            asked = session.Bound(asked);
        var until = now + picture.WaitMax < kind.Deadline ? now + picture.WaitMax : kind.Deadline;
        var placement = await queue.PlaceAsync(asked, until, picture.Parts.WaitingMax, context.RequestAborted)
            .ConfigureAwait(false);
        var placedAt = _time.GetElapsedTime(0);
        if (!placement.MaySend)
        {
            return new(await RefuseAsync(context, route, service, placement.Wait == WaitReason.NoTarget ? "no_target"
                : "waited", s_comeBackAfter).ConfigureAwait(false), route, kind, placedAt);
        }
        // 6. There and back.
        return await ForwardAsync(context, new(WebRecords.Answered, route, kind, placedAt), picture, service,
            placement, queue, session, body).ConfigureAwait(false);
    }

    private async Task<WebCourse> ForwardAsync(HttpContext context, WebCourse course, WebPicture picture,
        ServiceId service, Placement placement, PlaceQueue queue, WebSession? session, HeldBody body)
    {
        var (route, kind) = (course.Route!, course.Kind);
        var client = picture.Clients.Of(route.Service);
        var forwarded = new ForwardedRequest(context, kind, service, picture.Parts, client, queue, placement)
        {
            HasBody = body.IsThere, Body = body.Bytes, Streamed = body.Streamed, HasSession = session is not null,
        };
        course = course with { Forwarded = forwarded };
        _underWay.Add(forwarded);
        forwarded.TryGiveBack();
        session?.Follow(forwarded);
        var error = ForwarderError.None;
        try
        {
            error = await _forwarder.SendAsync(context,
                client.PrefixOf(_board.Topology.Targets[placement.Target.Value]), forwarded, client.Config,
                picture.TransformOf(route), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is BadHttpRequestException or IOException or OperationCanceledException)
        {
            error = BodyError(context, e);
        }
        finally
        {
            // 7. What it came to.
            if (error is ForwarderError.ResponseBodyDestination or ForwarderError.UpgradeResponseDestination
                or ForwarderError.UpgradeActivityTimeout)
            {
                forwarded.BrokeOff("connection reset in the middle of an answer");
            }
            forwarded.Release(error is ForwarderError.None && forwarded.AnsweredAt > TimeSpan.Zero);
            _underWay.Remove(forwarded);
        }
        var isLate = forwarded.End == AttemptEnd.Deadline;
        if (isLate && body.Streamed is { HasEnded: false, IsSlow: true })
        {
            // The deadline passed while the client still sent.
            context.Response.StatusCode = StatusCodes.Status408RequestTimeout;
            (error, isLate) = (ForwarderError.RequestBodyClient, false);
        }
        return await EndAsync(context, course, error, isLate).ConfigureAwait(false);
    }

    /// <summary>Answers where the forwarder didn't, and says what the request came to.</summary>
    private static async Task<WebCourse> EndAsync(HttpContext context, WebCourse course, ForwarderError error,
        bool isLate)
    {
        if (context.RequestAborted.IsCancellationRequested)
            return course with { Outcome = WebRecords.ClientLeft };
        if (error is ForwarderError.None)
            return course;
        var isClients = error is ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled;
        if (context.Response.HasStarted)
            return course with { Outcome = isClients ? WebRecords.ClientFault : WebRecords.BrokenOff };
        // Nothing was said yet: the forwarder set a status alone.
        isLate |= error is ForwarderError.RequestTimedOut;
        var answer = isLate ? OwnAnswer.Late
            : !isClients ? OwnAnswer.BrokenOff
            : context.Response.StatusCode switch
            {
                413 => OwnAnswer.TooLarge,
                408 => OwnAnswer.Slow,
                _ => OwnAnswer.Malformed,
            };
        context.Response.Clear();
        await answer.WriteAsync(context, 0).ConfigureAwait(false);
        return course with
        {
            Outcome = isLate ? WebRecords.Late : isClients ? WebRecords.ClientFault : WebRecords.NoAnswer,
        };
    }

    private RequestClass Classify(HttpContext context, WebRoute route, WebPicture picture, TimeSpan now)
    {
        var request = context.Request;
        var headers = request.Headers;
        var isStream = context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
            || request.Method == "CONNECT"
            || (headers.ContentType is [{ } type] && type.StartsWith("application/grpc", StringComparison.Ordinal));
        var operation = RequestClass.OperationOf(request.Method, route.Operation, isStream);
        var peer = context.Connection.RemoteIpAddress;
        var isTrusted = picture.Trust.Trusts(peer);
        var priority = route.Priority;
        if (isTrusted && picture.ClassHeader.Length > 0)
            priority = picture.Classes.PriorityOf(headers[picture.ClassHeader], priority);
        if (isTrusted && picture.PriorityHeader.Length > 0)
            priority = RequestClass.PriorityFrom(headers[picture.PriorityHeader], priority);
        var hour = _time.GetUtcNow().ToUnixTimeSeconds() / 3600;
        var cohort = isTrusted && picture.UserHeader.Length > 0 && headers[picture.UserHeader] is [{ Length: > 0 } user]
            ? RequestClass.CohortOf(user, hour)
            : RequestClass.CohortOf(picture.Trust.ClientOf(peer,
                isTrusted ? headers["X-Forwarded-For"].ToString() : null), hour);
        if (operation == OperationClass.Stream)
            return new RequestClass(priority, cohort, operation, TimeSpan.MaxValue);
        var wait = picture.DeadlineHeader.Length == 0 ? route.Deadline
            : RequestClass.DeadlineFrom(headers[picture.DeadlineHeader], route.Deadline);
        return new RequestClass(priority, cohort, operation, now + wait, wait < route.Deadline);
    }

    /// <param name="reason">Why, unless every site is closed: then the queue stands because nothing is served, and it
    /// would be untrue to call the service busy.</param>
    /// <returns>Why it was, in the end.</returns>
    private async Task<string> RefuseAsync(HttpContext context, WebRoute route, ServiceId service, string reason,
        TimeSpan comeBackAfter)
    {
        var isClosed = _board.IsClosed(service);
        reason = isClosed ? "closed" : reason;
        _metrics.Shed(route.Service, reason);
        await (reason is "closed" or "no_target" ? OwnAnswer.Closed : OwnAnswer.Shed)
            .WriteAsync(context, Jittered(comeBackAfter)).ConfigureAwait(false);
        return reason;
    }

    /// <summary>Between one and two times as long, so that those who are sent away don't come back together.</summary>
    private int Jittered(TimeSpan wait)
    {
        double chance;
        lock (_random)
            chance = _random.NextDouble();
        return (int)Math.Clamp(Math.Ceiling(wait.TotalSeconds * (1 + chance)), 1, 300);
    }

    private async Task SweepAsync(CancellationToken stopped)
    {
        using var timer = new PeriodicTimer(s_tick, _time);
        var ticks = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(stopped).ConfigureAwait(false))
            {
                var now = _time.GetElapsedTime(0);
                _underWay.Sweep(now);
                if (ticks++ % TicksASecond == 0)
                    _hedges.Draw(_board, now);
                if (ticks % TicksAMinute == 0)
                    await _sessions.LookAsync(_select.CurrentValue).ConfigureAwait(false);
                foreach (var (_, queue) in _queues)
                    queue.Pump();
            }
        }
        catch (OperationCanceledException)
        {
            // Ends so at every stop.
        }
        await _sessions.EndAsync().ConfigureAwait(false);
    }

    private void Draw()
    {
        _sessions.Load(_select.CurrentValue);
        Picture = WebPicture.Draw(_accept.CurrentValue, _select.CurrentValue, _forward.CurrentValue, _board, _time,
            _metrics, _hedges, Picture);
    }

    private void Reload()
    {
        lock (_listeners)
        {
            Draw();
            // One after the other.
            _reloads = ReloadListenersAsync(_reloads);
        }
    }

    private async Task ReloadListenersAsync(Task before)
    {
        await before.ConfigureAwait(false);
        await _listeners.ReloadAsync(_accept.CurrentValue, CancellationToken.None).ConfigureAwait(false);
    }
}
