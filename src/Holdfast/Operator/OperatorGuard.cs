using System.Net;

namespace Holdfast.Operator;

/// <summary>Stands before every operator request and refuses what must not come through.</summary>
/// <remarks>
/// HTTP: loopback peers only; GET and HEAD only; the Host header must name this machine's loopback, or a web page could
/// read the answers by pointing its own name at 127.0.0.1 (DNS rebinding). Unix socket: file permissions decide.
/// At most <see cref="HttpRequestsMax"/> HTTP requests at once; commands on the socket are never turned away for them.
/// </remarks>
internal sealed class OperatorGuard(RequestDelegate next)
{
    public const int HttpRequestsMax = 16;
    private int _httpRequests;

    public async Task InvokeAsync(HttpContext context)
    {
        var door = context.Features.Get<OperatorDoor>();
        AddSecurityHeaders(context.Response.Headers);
        if (door is { MayAct: true })
        {
            await next(context);
            return;
        }
        if (Refusal(context.Request.Method, context.Request.Headers.Host.ToString(),
                context.Connection.RemoteIpAddress) is { } refusal)
        {
            if (refusal.Status == StatusCodes.Status405MethodNotAllowed)
                context.Response.Headers.Allow = "GET, HEAD";
            await Problem.WriteAsync(context, refusal.Status, refusal.Why);
            return;
        }
        if (Interlocked.Increment(ref _httpRequests) > HttpRequestsMax)
        {
            Interlocked.Decrement(ref _httpRequests);
            context.Response.Headers.RetryAfter = "1";
            await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
                $"more than {HttpRequestsMax} requests at once");
            return;
        }
        try
        {
            await next(context);
        }
        finally
        {
            Interlocked.Decrement(ref _httpRequests);
        }
    }

    /// <summary>Why a request over HTTP is refused, or null when it may pass.</summary>
    internal static (int Status, string Why)? Refusal(string method, string host, IPAddress? peer)
    {
        if (peer is null || !IPAddress.IsLoopback(peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer))
            return (StatusCodes.Status403Forbidden, "only this machine may ask");
        if (!IsLoopbackHost(host))
            return (StatusCodes.Status421MisdirectedRequest,
                "the Host header must be localhost, 127.0.0.1 or [::1], so that no web page can read this");
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method))
            return (StatusCodes.Status405MethodNotAllowed,
                "read-only here: acts go through the commands (holdfast queue …) and the local socket");
        return null;
    }

    internal static bool IsLoopbackHost(string host)
    {
        HostString parsed;
        try
        {
            parsed = new HostString(host);
            _ = parsed.Port;
        }
        catch (FormatException)
        {
            return false;
        }
        var name = parsed.Host.TrimEnd('.');
        if (string.Equals(name, "localhost", StringComparison.OrdinalIgnoreCase))
            return true;
        return IPAddress.TryParse(name.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
    }

    private static void AddSecurityHeaders(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
