using System.Net;
using Holdfast.Web.Accept;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web.Forward;

/// <summary>What of a message's header passes. YARP copies it without the hop-by-hop fields of RFC 9110 §7.6.1; here go
/// those that <c>Connection</c> names, and what we say of the client.</summary>
/// <remarks>Forwarding fields of a client that is no trusted proxy are removed: anybody could write them. Bodies and
/// their encoding are left alone.</remarks>
internal sealed class ForwardTransform(ProxyTrust trust, string? host) : HttpTransformer
{
    private static readonly string[] s_forwarding =
        ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded"];

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest,
        string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken)
            .ConfigureAwait(false);
        var request = httpContext.Request;
        var headers = proxyRequest.Headers;
        var connection = request.Headers.Connection;
        if (connection.Count > 0)
            RemoveNamed(headers, connection);
        var peer = httpContext.Connection.RemoteIpAddress;
        var isTrusted = trust.Trusts(peer);
        if (!isTrusted)
        {
            foreach (var name in s_forwarding)
                headers.Remove(name);
        }
        if (peer is not null)
            headers.TryAddWithoutValidation("X-Forwarded-For", Text(peer));
        if (!isTrusted || !headers.NonValidated.Contains("X-Forwarded-Proto"))
            headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
        if (!isTrusted || !headers.NonValidated.Contains("X-Forwarded-Host"))
            headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
        if (host is not null)
            headers.Host = host;
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext,
        HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (!await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false))
            return false;
        // A status of its own below 500 may carry Connection: close and no more; what else it names stays here.
        if (proxyResponse!.Headers.NonValidated.TryGetValues("Connection", out var named))
        {
            foreach (var value in named)
            {
                foreach (var name in value.Split(',', StringSplitOptions.TrimEntries
                    | StringSplitOptions.RemoveEmptyEntries))
                {
                    httpContext.Response.Headers.Remove(name);
                }
            }
        }
        return true;
    }

    private static void RemoveNamed(System.Net.Http.Headers.HttpRequestHeaders headers, StringValues connection)
    {
        foreach (var value in connection)
        {
            foreach (var name in (value ?? "").Split(',', StringSplitOptions.TrimEntries
                | StringSplitOptions.RemoveEmptyEntries))
            {
                // Not a way to take away what the request needs.
                if (!name.Equals("Host", StringComparison.OrdinalIgnoreCase)
                    && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
                {
                    headers.Remove(name);
                }
            }
        }
    }

    private static string Text(IPAddress address) =>
        (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}
