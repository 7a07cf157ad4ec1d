using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Web.Accept;

/// <summary>Requests that two parties could read in two ways are refused before anything looks at them.</summary>
/// <remarks>
/// Kestrel refuses malformed lines, fields and chunks. Left to refuse here: Content-Length beside Transfer-Encoding
/// (RFC 9112 §6.1 lets a server take it and says that it ought to be handled as an error), Transfer-Encoding other than
/// one chunked, several Host values, and methods that tunnel or mirror. Over HTTP/2 and HTTP/3 it checks values and
/// pseudo-fields and leaves names and the fields of a connection, which mean something in the HTTP/1.1 behind us.
/// </remarks>
internal static class RequestHygiene
{
    /// <summary>What is wrong, as <c>error.type</c>; null: nothing.</summary>
    public static string? Fault(HttpContext context)
    {
        var request = context.Request;
        var headers = request.Headers;
        if (!HttpProtocol.IsHttp11(request.Protocol) && !HttpProtocol.IsHttp10(request.Protocol)
            && FrameFault(headers) is { } fault)
        {
            return fault;
        }
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
            && context.Features.Get<IHttpExtendedConnectFeature>() is not
                { IsExtendedConnect: true, Protocol: "websocket" })
        {
            return "connect";
        }
        return null;
    }

    /// <summary>What RFC 9113 §8.2 and §8.3.1 (RFC 9114 §4.2 and §4.3.1) call malformed and the server lets pass.
    /// </summary>
    private static string? FrameFault(IHeaderDictionary headers)
    {
        if (headers.Connection.Count > 0 || headers.KeepAlive.Count > 0 || headers.ProxyConnection.Count > 0
            || headers.Upgrade.Count > 0 || headers.TransferEncoding.Count > 0)
        {
            return "connection_field";
        }
        // Without one the target would be asked for its own address.
        if (headers.Host is not [{ Length: > 0 }, ..])
            return "host";
        foreach (var (name, _) in headers)
        {
            if (!FieldName.IsValid(name))
                return "field_name";
        }
        return null;
    }
}
