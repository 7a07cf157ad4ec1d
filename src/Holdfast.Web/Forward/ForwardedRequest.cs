using System.Net;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Web.Forward;

/// <summary>What ended an attempt from our side.</summary>
internal enum AttemptEnd : byte
{
    None = 0,
    /// <summary>Its deadline passed without an answer.</summary>
    Deadline = 1,
    /// <summary>Its target was closed, or is long overdue, and another place was found.</summary>
    Moved = 2,
}

/// <summary>One request on its way to targets: what YARP's forwarder sends through, so that an attempt that fails
/// before its answer has begun can be repeated at another place.</summary>
/// <remarks>
/// Promise: each placement is released exactly once, and each attempt's outcome reported once when its header came (or
/// didn't), and once more if the body broke off. A repeat happens only while nothing of an answer went to the client.
/// 1 send to the placed target; 2 report; 3 when it may be repeated, ask for another place; 4 go on at 1.
/// Limit: a body longer than <see cref="ForwardOptions.ReplayBytesMax"/>, or of unknown length, is sent once, unless
/// the target could not even be connected to. Where a region goes, all its targets refuse connections for the moment
/// that a verdict takes: such tries cost nobody work, so a few of them are beside <see
/// cref="ForwardOptions.AttemptsMax"/>, each a little later than the one before.
/// </remarks>
internal sealed partial class ForwardedRequest(HttpContext context, RequestClass kind, ServiceId service,
    ForwardParts parts, TargetClient client, PlaceQueue queue, Placement placement)
    : HttpMessageInvoker(s_nobody, disposeHandler: false)
{
    /// <summary>Tries without a connection that aren't counted as attempts.</summary>
    private const int UnsentMax = 4;
    /// <summary>Half a control tick, as often as there were such tries before: time for the verdict.</summary>
    private static readonly TimeSpan s_unsentPause = TimeSpan.FromMilliseconds(50);
    /// <summary>At most half of the time that it has left: the other half is for the answer from elsewhere.</summary>
    private static readonly TimeSpan s_canaryPatienceMax = TimeSpan.FromSeconds(2);
    private static readonly HttpMessageHandler s_nobody = new SocketsHttpHandler();
    private readonly CancellationTokenSource _attempt = new();
    private Placement _placement = placement;
    private CancellationTokenSource? _repeat;
    /// <summary>Where a request that is moved goes next.</summary>
    private object? _movesTo;
    private int _isReleased;
    private int _end;
    private bool _isBodySent;
    private int _unsent;

    public RequestClass Kind => kind;
    public Placement Placement => _placement;
    /// <summary>Tries in all, those without a connection too.</summary>
    public int Attempts { get; private set; }
    /// <summary>What counts against the most that it may have.</summary>
    private int Counted => Attempts - Math.Min(_unsent, UnsentMax);
    /// <summary>Of a second copy: <c>won</c> or <c>lost</c>.</summary>
    public string? Hedge { get; private set; }
    /// <summary>When the present attempt was sent, on the board's clock.</summary>
    public TimeSpan SentAt { get; private set; }
    /// <summary>When the answer's header came; zero: not yet.</summary>
    public TimeSpan AnsweredAt { get; private set; }
    public AttemptEnd End => (AttemptEnd)Volatile.Read(ref _end);

    /// <summary>The whole body, where it is held for a repeat; null: it is streamed, or there is none.</summary>
    public ReadOnlyMemory<byte>? Body { get; set; }
    public bool HasBody { get; init; }

    /// <summary>The body that goes through as it comes; null: it is held, or there is none.</summary>
    public ClientBody? Streamed { get; init; }
    /// <summary>The client still owes its body, or owed it for most of the time: what lasts isn't the target's fault.
    /// </summary>
    private bool IsClients => Streamed is { } body && (body.HasFailed || (body.IsSlow && !body.HasEnded));
    /// <summary>It is of a route whose requests stay with one target.</summary>
    public bool HasSession { get; init; }

    /// <summary>Where it stands in the lists of what is under way.</summary>
    public int Shard { get; set; }
    public ForwardedRequest? Next { get; set; }
    public ForwardedRequest? Previous { get; set; }

    public override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Body is { } body && request.Content is { } content)
                request.Content = Replayed(body, content);
            HttpResponseMessage? response = null;
            Exception? fault = null;
            var source = _repeat ?? _attempt;
            (SentAt, _end) = (parts.Now, 0);
            Attempts++;
            using (cancellationToken.UnsafeRegister(static s => ((CancellationTokenSource)s!).Cancel(), source))
            {
                try
                {
                    // 1.
                    response = MayHedge ? await HedgedAsync(request, source.Token).ConfigureAwait(false)
                        : await client.SendAsync(request, source.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
                {
                    fault = e;
                }
            }
            var now = parts.Now;
            var found = Interlocked.Exchange(ref _movesTo, null) as Placement?;
            if (found is { } unused && fault is not OperationCanceledException)
            {
                // It was answered in the very moment in which it was to be moved.
                parts.Board.Release(unused, delivered: false, now);
                found = null;
            }
            if (fault is OperationCanceledException && (End == AttemptEnd.Deadline ? kind.IsHurried || IsClients
                : End == AttemptEnd.None && context.RequestAborted.IsCancellationRequested)
                || fault is not null && Streamed is { HasFailed: true })
            {
                Release(delivered: false);
                throw fault!;
            }
            // 2.
            var outcome = response is not null
                ? AttemptOutcome.OfAnswer(_placement, kind.Operation, response.StatusCode, response.Headers,
                    now - SentAt, parts.Time.GetUtcNow())
                : fault is OperationCanceledException && !AttemptOutcome.IsConnect(fault)
                    ? AttemptOutcome.OfStall(_placement, kind.Operation, "an answer", now - SentAt)
                    : AttemptOutcome.OfFailure(_placement, kind.Operation, fault!, now - SentAt);
            // What was given back early is somebody else's by now.
            parts.Board.Report(Volatile.Read(ref _isReleased) == 0 ? outcome : outcome with { Ticket = -1 }, now);
            if (outcome.IsSuccess)
            {
                AnsweredAt = now;
                return response!;
            }
            parts.Metrics.AttemptFailed(parts.Board.Topology.Sites[_placement.Site.Value].Name, outcome);
            // 3.
            var isUnsent = response is null && AttemptOutcome.IsConnect(fault!);
            _isBodySent |= HasBody && !isUnsent;
            _unsent += isUnsent ? 1 : 0;
            if (found is null && (!MayRepeat(isUnsent, outcome.IsPushBack) || now >= kind.Deadline))
                return Give(response, fault);
            Release(delivered: false);
            if (isUnsent && _unsent > 1)
            {
                await Task.Delay((_unsent - 1) * s_unsentPause, parts.Time, context.RequestAborted)
                    .ConfigureAwait(false);
            }
            var next = found ?? await queue.PlaceAsync(Again with { WasUnsent = isUnsent }, kind.Deadline,
                parts.WaitingMax, context.RequestAborted).ConfigureAwait(false);
            if (!next.MaySend)
                return Give(response, fault);
            response?.Dispose();
            // 4.
            _placement = next;
            Volatile.Write(ref _isReleased, 0);
            _repeat = new CancellationTokenSource();
            parts.Metrics.Repeated();
            request.RequestUri = parts.AddressOf(request.RequestUri!, next.Target);
        }
    }

    /// <summary>Reads may be asked twice; anything that the target refused or never got; nothing whose body is gone.
    /// </summary>
    private bool MayRepeat(bool isUnsent, bool isPushBack)
    {
        if (Counted >= parts.AttemptsMax || kind.Operation == OperationClass.Stream && !isUnsent
            || context.RequestAborted.IsCancellationRequested || End == AttemptEnd.Deadline)
        {
            return false;
        }
        if (isUnsent)
            return !_isBodySent || Body is not null;
        return (kind.Operation == OperationClass.Read || isPushBack) && (!HasBody || Body is not null);
    }

    private static HttpResponseMessage Give(HttpResponseMessage? response, Exception? fault)
    {
        if (response is not null)
            return response;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault!);
        return null!;
    }

    private static ReadOnlyMemoryContent Replayed(ReadOnlyMemory<byte> body, HttpContent streamed)
    {
        var content = new ReadOnlyMemoryContent(body);
        foreach (var field in streamed.Headers.NonValidated)
        {
            if (!field.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                content.Headers.TryAddWithoutValidation(field.Key, (IEnumerable<string>)field.Value);
        }
        return content;
    }

    /// <summary>Ends the attempt that waits for its answer; what has begun to be answered goes on.</summary>
    public void Stop(AttemptEnd why)
    {
        if (AnsweredAt > TimeSpan.Zero || Interlocked.CompareExchange(ref _end, (int)why, 0) != 0)
            return;
        (_repeat ?? _attempt).Cancel();
    }

    /// <summary>Takes the request from a target that was closed, or owes its answer for longer than it ever did, if it
    /// may be repeated and there is a place for it.</summary>
    public void TryMove(TimeSpan now)
    {
        if (TryGiveBack())
            return;
        if (kind.Operation != OperationClass.Read || (HasBody && Body is null) || AnsweredAt > TimeSpan.Zero
            || End != AttemptEnd.None || !IsWorthMoving(now))
        {
            return;
        }
        var place = parts.Board.Place(Again, now);
        if (!place.MaySend)
            return;
        if (Interlocked.CompareExchange(ref _movesTo, place, null) is not null)
        {
            parts.Board.Release(place, delivered: false, now);
            return;
        }
        Stop(AttemptEnd.Moved);
        // Whoever takes it out of there uses it or gives it back; an attempt that ended before does neither.
        if ((AnsweredAt > TimeSpan.Zero || End != AttemptEnd.Moved)
            && Interlocked.Exchange(ref _movesTo, null) is Placement left)
        {
            parts.Board.Release(left, delivered: false, now);
        }
    }

    /// <summary>One whose client is slower in giving its body than the target is in taking it gives its place back: it
    /// says nothing of how much the target can take, nor how fast that answers, and whoever drips bodies on purpose
    /// must not take all places and make targets look dead. Canaries keep theirs: what they come to is waited for.
    /// </summary>
    public bool TryGiveBack()
    {
        if (!IsClients || _placement.Kind != PlacementKind.Send)
            return false;
        Release(delivered: false);
        return true;
    }

    /// <summary>A canary was sent where little was to be hoped: it is moved after a while even if it was the last
    /// attempt, once, so that nobody pays for a test with the whole deadline.</summary>
    private bool IsWorthMoving(TimeSpan now) => _placement.Kind == PlacementKind.Canary
        ? Counted <= parts.AttemptsMax && now - SentAt > CanaryPatience
        : Counted < parts.AttemptsMax
            && (parts.Board.IsOverdue(_placement) || parts.Board.IsClosed(_placement.Target, kind.Operation));

    private TimeSpan CanaryPatience
    {
        get
        {
            var half = (kind.Deadline - SentAt) / 2;
            return half < s_canaryPatienceMax ? half : s_canaryPatienceMax;
        }
    }

    private PlacementRequest Again => new(service, kind.Operation, kind.Priority, false, _placement.Target, null,
        (byte)Attempts, CanWait: false);

    /// <summary>Gives the place back, once.</summary>
    public void Release(bool delivered)
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0)
            return;
        parts.Board.Release(_placement, delivered, parts.Now);
        queue.Pump();
    }

    /// <summary>The answer broke off after its header: the target's fault, told beside the success of the header.
    /// </summary>
    public void BrokeOff(string how)
    {
        if (Volatile.Read(ref _isReleased) != 0)
            return;
        parts.Board.Report(new(_placement.Target, kind.Operation, AttemptPhase.Answer, FailureScope.Target,
            parts.Now - SentAt, how) { Ticket = _placement.Ticket }, parts.Now);
    }
}
