using Holdfast.Traffic;
using Holdfast.Web.Forward;
using Holdfast.Web.Records;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Holdfast.Web;

/// <summary>How far a request came.</summary>
/// <param name="Outcome">One of <see cref="WebRecords"/>' words.</param>
/// <param name="PlacedAt">When it was placed or refused, on the board's clock; zero: it didn't come so far.</param>
internal readonly record struct WebCourse(
    string Outcome, WebRoute? Route = null, RequestClass Kind = default, TimeSpan PlacedAt = default,
    ForwardedRequest? Forwarded = null);

/// <summary>Writes down what requests came to: those that are drawn, and those that went wrong.</summary>
/// <remarks>Nothing of it waits: a record is handed to a bounded queue, or lost and counted. Drawn is by turn, not by
/// lot, so that a hundredth is each hundredth.</remarks>
internal sealed class WebRecords(
    IAccessRecords records, IOptionsMonitor<RecordOptions> options, ITrafficBoard board, TimeProvider time)
{
    /// <summary>Some target's answer was passed on whole, whatever its status.</summary>
    public const string Answered = "answered";
    public const string Malformed = "malformed";
    public const string NoRoute = "no_route";
    public const string ClientLeft = "client_left";
    /// <summary>Its body was too long, too slow or no body.</summary>
    public const string ClientFault = "client_fault";
    /// <summary>Answered 502: no attempt brought an answer.</summary>
    public const string NoAnswer = "no_answer";
    /// <summary>Answered 504.</summary>
    public const string Late = "late";
    /// <summary>The answer ended in its middle.</summary>
    public const string BrokenOff = "broken_off";
    private const double Turns = 1L << 32;
    /// <summary>2³² / φ: turns of any share are spread evenly.</summary>
    private const uint GoldenRatio = 2_654_435_769;
    private uint _turn;

    public RecordOptions Options => options.CurrentValue;

    /// <summary>Whether a request that begins now gets a record; if so its bodies are counted.</summary>
    public BodyBytes? Draw(HttpContext context)
    {
        var share = options.CurrentValue.Share;
        return share > 0 && (share >= 1 || Interlocked.Increment(ref _turn) * GoldenRatio < share * Turns)
            ? CountedBodies.Of(context) : null;
    }

    /// <param name="startedAt">Timestamp of its header.</param>
    /// <param name="bytes">Null: it wasn't drawn.</param>
    public void Ended(HttpContext context, WebPicture picture, in WebCourse course, long startedAt, BodyBytes? bytes)
    {
        if (bytes is null && !(options.CurrentValue.Failures && IsFailure(context, course)))
            return;
        var request = context.Request;
        var topology = board.Topology;
        var began = time.GetElapsedTime(0, startedAt);
        var took = time.GetElapsedTime(startedAt);
        var site = course.Forwarded is { } f ? topology.Sites[f.Placement.Site.Value] : null;
        var peer = context.Connection.RemoteIpAddress;
        records.Append(new AccessRecord
        {
            At = time.GetUtcNow() - took,
            Listener = picture.ListenerAt(context.Connection.LocalPort),
            Client = picture.Trust.ClientOf(peer,
                picture.Trust.Trusts(peer) ? request.Headers["X-Forwarded-For"].ToString() : null),
            Method = request.Method,
            Host = request.Host.Value,
            Path = options.CurrentValue.WithQuery && request.QueryString.HasValue
                ? request.Path.Value + request.QueryString.Value : request.Path.Value,
            Protocol = request.Protocol,
            Status = context.Response.StatusCode,
            Outcome = course.Outcome,
            BytesIn = bytes?.In,
            BytesOut = bytes?.Out,
            Queued = course.PlacedAt > TimeSpan.Zero ? course.PlacedAt - began : null,
            FirstByte = course.Forwarded is { AnsweredAt.Ticks: > 0 } answered ? answered.AnsweredAt - began : null,
            Took = took,
            Priority = course.Route is null ? null : course.Kind.Priority,
            Operation = course.Route is null ? null : course.Kind.Operation,
            Service = course.Route?.Service,
            Site = site?.Name,
            Target = course.Forwarded is { } sent ? topology.Targets[sent.Placement.Target.Value].Address : null,
            Attempts = course.Forwarded?.Attempts ?? 0,
            Hedge = course.Forwarded?.Hedge,
            Trace = TraceParent.TraceIdOf(request.Headers.TraceParent),
        });
    }

    private static bool IsFailure(HttpContext context, in WebCourse course) =>
        course.Forwarded is { } request && course.Outcome is not (ClientLeft or ClientFault)
        && (course.Outcome != Answered || context.Response.StatusCode >= 500 || request.Attempts > 1);
}
