using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Forward;

/// <summary>Sorts what an attempt came to: the one table of what an HTTP answer or its lack says about the target.
/// </summary>
/// <remarks>
/// | Seen | Scope | Source |
/// | --- | --- | --- |
/// | 1xx–3xx | success | RFC 9110 §15.2–15.4 |
/// | 4xx but 421 and 429 | success: the request's own fault, and it was processed | RFC 9110 §15.5 |
/// | 429, 503 | target, push-back: not processed; <c>Retry-After</c> is kept | RFC 6585 §4, RFC 9110 §15.6.4 |
/// | 421 | target, push-back: this target doesn't answer for it | RFC 9110 §15.5.20 |
/// | 501, 505 | success: it says what it can't do, and will say so again | RFC 9110 §15.6.2, §15.6.6 |
/// | other 5xx | target | RFC 9110 §15.6 |
/// | no connection | target, before anything was sent | |
/// | reset, broken answer | target | |
/// | no answer in time | target, a stall: the mark of a black hole | |
/// | the client left | nothing | |
/// </remarks>
internal static class AttemptOutcome
{
    public static TrafficOutcome OfAnswer(in Placement placement, OperationClass operation, HttpStatusCode status,
        HttpResponseHeaders? headers, TimeSpan latency, DateTimeOffset now)
    {
        var isPushBack = status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.MisdirectedRequest;
        var isFailure = isPushBack || ((int)status >= 500
            && status is not (HttpStatusCode.NotImplemented or HttpStatusCode.HttpVersionNotSupported));
        return new TrafficOutcome(placement.Target, operation, AttemptPhase.Answer,
            isFailure ? FailureScope.Target : FailureScope.None, latency, isFailure ? Words(status) : null)
        {
            Ticket = placement.Ticket,
            IsPushBack = isPushBack,
            RetryAfter = isPushBack && headers is not null ? RetryAfter(headers, now) : TimeSpan.Zero,
        };
    }

    public static TrafficOutcome OfFailure(in Placement placement, OperationClass operation, Exception fault,
        TimeSpan latency)
    {
        var isConnect = IsConnect(fault);
        return new TrafficOutcome(placement.Target, operation, isConnect ? AttemptPhase.Connect : AttemptPhase.Answer,
            FailureScope.Target, latency, Words(fault, isConnect)) { Ticket = placement.Ticket };
    }

    /// <param name="step">What was waited for, in words.</param>
    public static TrafficOutcome OfStall(in Placement placement, OperationClass operation, string step,
        TimeSpan latency) => new(placement.Target, operation, AttemptPhase.Answer, FailureScope.Target, latency,
        TrafficDetail.Stall + step) { Ticket = placement.Ticket };

    /// <summary>Nothing of the request was sent.</summary>
    public static bool IsConnect(Exception fault) => fault is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError,
    } || fault is OperationCanceledException { InnerException: TimeoutException };

    private static TimeSpan RetryAfter(HttpResponseHeaders headers, DateTimeOffset now)
    {
        try
        {
            var after = headers.RetryAfter;
            var wait = after?.Delta ?? (after?.Date is { } date ? date - now : TimeSpan.Zero);
            return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        }
        catch (FormatException)
        {
            return TimeSpan.Zero;
        }
    }

    private static string Words(HttpStatusCode status) => status switch
    {
        HttpStatusCode.InternalServerError => "500 Internal Server Error",
        HttpStatusCode.BadGateway => "502 Bad Gateway",
        HttpStatusCode.ServiceUnavailable => "503 Service Unavailable",
        HttpStatusCode.GatewayTimeout => "504 Gateway Timeout",
        HttpStatusCode.TooManyRequests => "429 Too Many Requests",
        _ => ((int)status).ToString(CultureInfo.InvariantCulture),
    };

    private static string Words(Exception fault, bool isConnect)
    {
        if (isConnect)
        {
            return fault is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }
                ? "TLS failed: " + (fault.InnerException ?? fault).Message : "no connection: "
                + (fault is OperationCanceledException ? "timed out" : (fault.InnerException ?? fault).Message);
        }
        return fault is HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded }
            or IOException or HttpRequestException { InnerException: IOException }
            ? "connection reset" : fault.Message;
    }
}
