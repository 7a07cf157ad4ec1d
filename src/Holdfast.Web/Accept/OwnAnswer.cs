using System.Globalization;
using System.Text;
using Holdfast.Web.Records;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Web.Accept;

/// <summary>Answers of our own, where no target's can be had: short, made once, the cheapest path there is.</summary>
/// <remarks>Problem details (RFC 9457) for who doesn't ask for HTML, a plain page that screen readers can read for who
/// does. Both name the request's trace, where it has one, so that who complains can say which it was. Never cached:
/// what is true now need not be true in a second.</remarks>
internal sealed class OwnAnswer
{
    /// <summary>Where the id of a trace is written.</summary>
    private const string Blank = "--------------------------------";
    private static readonly byte[] s_blank = Encoding.ASCII.GetBytes(Blank);
    private readonly int _status;
    private readonly byte[] _page;
    private readonly byte[] _problem;
    private readonly byte[] _tracedPage;
    private readonly byte[] _tracedProblem;

    private OwnAnswer(int status, string title, string detail, string hint)
    {
        _status = status;
        (_page, _tracedPage) = (Page(""), Page($"<p>Reference: {Blank}</p>"));
        (_problem, _tracedProblem) = (Problem(""), Problem($",\"trace\":\"{Blank}\""));

        byte[] Page(string reference) => Encoding.UTF8.GetBytes($"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>{title}</title><style>body{"{"}font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;
            padding:0 1rem;color-scheme:light dark{"}"}</style></head>
            <body><main><h1>{title}</h1><p>{detail}</p><p>{hint}</p>{reference}</main></body></html>

            """);
        byte[] Problem(string reference) => Encoding.UTF8.GetBytes($$"""
            {"type":"about:blank","title":"{{title}}","status":{{status}},"detail":"{{detail}}"{{reference}}}
            """);
    }

    public static OwnAnswer NoRoute { get; } = new(404, "Not found", "No service is offered at this address.",
        "Check the address.");
    public static OwnAnswer Malformed { get; } = new(400, "Bad request", "The request can't be understood.",
        "Nothing was done.");
    public static OwnAnswer TooLarge { get; } = new(413, "Too large",
        "The request's content is longer than is taken here.", "Nothing was done.");
    public static OwnAnswer Slow { get; } = new(408, "Too slow", "The request's content did not come in time.",
        "Please try again.");
    public static OwnAnswer Shed { get; } = new(503, "Busy at the moment",
        "More is asked of this service than it can do now.", "Nothing was lost. Please try again in a little while.");
    public static OwnAnswer Closed { get; } = new(503, "Not available at the moment",
        "No site of this service answers now.", "It is tried again all the time. Please try again in a little while.");
    public static OwnAnswer BrokenOff { get; } = new(502, "No answer",
        "The service did not answer this request.", "It may or may not have been done. Check before you repeat it.");
    public static OwnAnswer Late { get; } = new(504, "No answer in time",
        "The service did not answer this request in time.",
        "It may or may not have been done. Check before you repeat it.");

    public int Status => _status;

    /// <param name="retryAfter">Whole seconds that the client should stay away; 0: it isn't told.</param>
    public Task WriteAsync(HttpContext context, int retryAfter)
    {
        var response = context.Response;
        response.StatusCode = _status;
        var wantsPage = WantsPage(context.Request.Headers.Accept.ToString());
        var body = TraceParent.TraceIdOf(context.Request.Headers.TraceParent) is { } trace
            ? Traced(wantsPage ? _tracedPage : _tracedProblem, trace) : wantsPage ? _page : _problem;
        response.Headers.ContentType = wantsPage ? "text/html; charset=utf-8" : "application/problem+json";
        response.Headers.CacheControl = "no-store";
        response.ContentLength = body.Length;
        if (retryAfter > 0)
            response.Headers.RetryAfter = retryAfter.ToString(CultureInfo.InvariantCulture);
        return context.Request.Method == "HEAD" ? Task.CompletedTask : response.Body.WriteAsync(body).AsTask();
    }

    private static byte[] Traced(byte[] body, string trace)
    {
        var traced = body.AsSpan().ToArray();
        Encoding.ASCII.GetBytes(trace, traced.AsSpan(body.AsSpan().IndexOf(s_blank)));
        return traced;
    }

    /// <summary>Browsers name text/html first; scripts seldom do.</summary>
    private static bool WantsPage(string accept) => accept.Contains("text/html", StringComparison.OrdinalIgnoreCase);
}
