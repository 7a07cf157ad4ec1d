using System.Net;
using System.Net.Http.Headers;
using Holdfast.Web.Accept;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web.Forward;

/// <summary>What of a message's header passes. YARP copies it without the hop-by-hop fields of RFC 9110 §7.6.1; here go
/// those that <c>Connection</c> names, and what we say of the client.</summary>
/// <remarks>What only a trusted proxy may say (forwarding fields, and those that the operator named for priority and
/// user) is removed when anybody else says it. The session's cookie is between us and the client. Bodies and their
/// encoding are left alone.</remarks>
/// <param name="trust">Who may say more than others.</param>
/// <param name="host">Host that targets are asked for; null: the client's own.</param>
/// <param name="cookie">Our cookie on this route; empty: none.</param>
/// <param name="trustedFields">What only a trusted proxy may say, beside the forwarding fields.</param>
internal sealed class ForwardTransform(ProxyTrust trust, string? host, string cookie, params string[] trustedFields)
    : HttpTransformer
{
    /// <summary>What the client library keeps with the content: RFC 9110 §8 and what it counts in.</summary>
    private static readonly HashSet<string> s_ofContent = new(StringComparer.OrdinalIgnoreCase)
    {
        "Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location",
        "Content-MD5", "Content-Range", "Content-Type", "Expires", "Last-Modified",
    };
    private static readonly string[] s_forwarding =
        ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded"];

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest,
        string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken)
            .ConfigureAwait(false);
        var request = httpContext.Request;
        var headers = proxyRequest.Headers;
        foreach (var name in Named(request.Headers.Connection))
        {
            // These stand with the content, and its length is not the client's to take away.
            if (!s_ofContent.Contains(name))
                headers.Remove(name);
            else if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                proxyRequest.Content?.Headers.Remove(name);
        }
        if (cookie.Length > 0)
            KeepCookie(headers);
        var peer = httpContext.Connection.RemoteIpAddress;
        var isTrusted = trust.Trusts(peer);
        if (!isTrusted)
        {
            foreach (var name in s_forwarding)
                headers.Remove(name);
            foreach (var name in trustedFields)
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

    /// <summary>Takes our own cookie away, which says nothing to targets; theirs stay as they are.</summary>
    private void KeepCookie(HttpRequestHeaders headers)
    {
        if (!headers.NonValidated.TryGetValues("Cookie", out var fields))
            return;
        var (came, kept) = (fields.ToArray(), new List<string>());
        var isChanged = false;
        foreach (var field in came)
        {
            var rest = CookieField.Without(field, cookie);
            isChanged |= !ReferenceEquals(rest, field);
            if (rest.AsSpan().Trim(" ;").Length > 0)
                kept.Add(rest);
        }
        if (!isChanged)
            return;
        headers.Remove("Cookie");
        if (kept.Count > 0)
            headers.TryAddWithoutValidation("Cookie", kept);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext,
        HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (!await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false))
            return false;
        if (proxyResponse!.Headers.NonValidated.TryGetValues("Connection", out var connection))
        {
            foreach (var name in Named(connection.ToArray()))
                httpContext.Response.Headers.Remove(name);
        }
        return true;
    }

    /// <summary>Fields that a Connection field makes hop-by-hop (RFC 9110 §7.6.1). The host isn't among them: that
    /// would be a way to take away what the request needs.</summary>
    private static IEnumerable<string> Named(StringValues connection)
    {
        foreach (var value in connection)
        {
            foreach (var name in (value ?? "").Split(',', StringSplitOptions.TrimEntries
                | StringSplitOptions.RemoveEmptyEntries))
            {
                // What is no name names nothing; the header's own collection would throw.
                if (FieldName.IsValid(name)
                    && !name.Equals("Host", StringComparison.OrdinalIgnoreCase)
                    && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
                {
                    yield return name;
                }
            }
        }
    }

    private static string Text(IPAddress address) =>
        (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}
