using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Web.Accept;

/// <summary>Requests that two parties could read in two ways are refused before anything looks at them.</summary>
/// <remarks>
/// Kestrel refuses malformed lines, fields and chunks. Left to refuse here: Content-Length beside Transfer-Encoding
/// (RFC 9112 §6.1 lets a server take it and says that it ought to be handled as an error), Transfer-Encoding other than
/// one chunked, several Host values, and methods that tunnel or mirror.
/// </remarks>
internal static class RequestHygiene
{
    /// <summary>What is wrong, as <c>error.type</c>; null: nothing.</summary>
    public static string? Fault(HttpContext context)
    {
        var request = context.Request;
        var headers = request.Headers;
        if (headers.TransferEncoding is { Count: > 0 } encoding)
        {
            // The server moves a length beside an encoding to a field of its own.
            if (headers.ContentLength is not null || headers.ContainsKey("Content-Length")
                || headers.ContainsKey("X-Content-Length"))
            {
                return "length_and_encoding";
            }
            if (encoding.Count != 1 || !string.Equals(encoding[0], "chunked", StringComparison.OrdinalIgnoreCase))
                return "transfer_encoding";
        }
        if (headers.Host.Count > 1)
            return "host";
        if (request.Method == "TRACE")
            return "trace";
        if (request.Method == "CONNECT"
            && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true })
        {
            return "connect";
        }
        return null;
    }
}
