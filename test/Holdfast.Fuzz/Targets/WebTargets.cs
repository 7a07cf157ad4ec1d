using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Fuzz.Targets;

/// <summary>Header fields of web requests as clients choose them: what is refused, believed, passed on, answered.
/// </summary>
internal static class WebTargets
{
    private static readonly ProxyTrust s_trust = new(["10.0.0.0/8", "fd00::/8"]);
    /// <summary>RFC 9110 §5.6.2.</summary>
    private static readonly SearchValues<char> s_token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    private static readonly string[] s_hopByHop =
        ["Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Transfer-Encoding"];
    private static readonly string[] s_onlyTrusted =
        ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "X-Priority", "X-User"];

    /// <summary>A method, a host and fields, one a line.</summary>
    public static int Request(ReadOnlySpan<byte> input)
    {
        var context = Context(input);
        var fault = RequestHygiene.Fault(context);
        var headers = context.Request.Headers;
        var encoding = headers.TransferEncoding;
        Promise.Holds(fault is not null || encoding.Count == 0 || (headers.ContentLength is null && encoding.Count == 1
            && string.Equals(encoding[0], "chunked", StringComparison.OrdinalIgnoreCase)),
            "a request has one end");
        Promise.Holds(fault is not null || (headers.Host.Count < 2 && context.Request.Method is not "TRACE"),
            "a request has one host and is not mirrored");
        Promise.Holds(fault is not null || context.Request.Protocol != "HTTP/2" || (headers.Connection.Count == 0
            && encoding.Count == 0 && headers.Upgrade.Count == 0), "over HTTP/2 nothing is said of connections");
        return HashCode.Combine(fault, encoding.Count);
    }

    /// <summary>What of the fields goes on to a target.</summary>
    public static int Passing(ReadOnlySpan<byte> input)
    {
        var context = Context(input);
        var isTrusted = input.Length % 2 == 0;
        context.Connection.RemoteIpAddress = IPAddress.Parse(isTrusted ? "10.1.2.3" : "192.0.2.1");
        var transform = new ForwardTransform(s_trust, null, "sid", "X-Priority", "X-User");
        using var message = new HttpRequestMessage();
        transform.TransformRequestAsync(context, message, "http://192.0.2.9:80", CancellationToken.None).AsTask()
            .GetAwaiter().GetResult();
        var passed = message.Headers.NonValidated;
        foreach (var name in s_hopByHop)
            Promise.Holds(!passed.Contains(name), $"{name} is this connection's");
        var named = context.Request.Headers.Connection.SelectMany(c => (c ?? "").Split(',')).Select(n => n.Trim())
            .Where(n => n.Length > 0 && !n.Equals("Host", StringComparison.OrdinalIgnoreCase));
        foreach (var name in named.Where(n => !n.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)))
            Promise.Holds(!passed.Contains(name), $"{name} was named as this connection's");
        Promise.Holds(passed.TryGetValues("X-Forwarded-For", out var chain)
            && chain.ToString().EndsWith(isTrusted ? "10.1.2.3" : "192.0.2.1", StringComparison.Ordinal),
            "who asks us is the last of the chain");
        if (!isTrusted)
        {
            Promise.Holds(chain.Count == 1, "nobody else's chain is believed");
            Promise.Holds(passed.TryGetValues("X-Forwarded-Proto", out var scheme) && scheme.ToString() == "http",
                "the scheme is ours to say");
            foreach (var name in s_onlyTrusted[2..])
                Promise.Holds(!passed.Contains(name), $"{name} is for trusted proxies to say");
        }
        return HashCode.Combine(isTrusted, passed.Count, named.Count());
    }

    /// <summary>The client behind proxies; beside a plain reading of the list.</summary>
    public static int Forwarded(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        var peer = IPAddress.Parse("10.0.0.1");
        var client = s_trust.ClientOf(peer, text);
        var expected = peer;
        foreach (var part in text.Split(',').Reverse())
        {
            if (Address(part.Trim()) is not { } address)
                break;
            expected = address;
            if (!s_trust.Trusts(address))
                break;
        }
        Promise.Holds(text.Length == 0 ? client!.Equals(peer) : client!.Equals(expected), $"{client} is {expected}");
        var stranger = IPAddress.Parse("192.0.2.7");
        Promise.Holds(s_trust.ClientOf(stranger, text)!.Equals(stranger), "only proxies are believed");
        return HashCode.Combine(client.AddressFamily, s_trust.Trusts(client), text.Count(c => c == ','));

        static IPAddress? Address(string text)
        {
            if (text.StartsWith('['))
                text = text.IndexOf(']', StringComparison.Ordinal) is var end and > 0 ? text[1..end] : "";
            else if (text.Count(c => c == ':') == 1)
                text = text[..text.IndexOf(':', StringComparison.Ordinal)];
            return IPAddress.TryParse(text, out var address) ? address : null;
        }
    }

    /// <summary>Routes of the first lines, a host and a path of the last two; beside looking at every route.</summary>
    public static int Routes(ReadOnlySpan<byte> input)
    {
        var lines = Encoding.Latin1.GetString(input).Split('\n');
        var (host, path) = (lines[^1], "/" + (lines.Length > 1 ? lines[^2] : ""));
        var routes = new List<WebRouteOptions>();
        foreach (var line in lines.Take(Math.Max(0, lines.Length - 2)).Take(20))
        {
            var slash = line.IndexOf('/', StringComparison.Ordinal);
            routes.Add(new WebRouteOptions
            {
                Host = slash < 0 ? line : line[..slash], Path = slash < 0 ? "/" : line[slash..], Service = line,
            });
        }
        var options = new SelectOptions { Routes = [.. routes] };
        if (new SelectOptionsValidator().Validate(null, options) is { Failed: true })
            return -1;
        var found = new WebRouteTable(options).Find(host, path);
        var name = Name(host);
        var expected = routes.Where(r => Matches(r.Host, name) && Below(path, r.Path.TrimEnd('/')))
            .OrderByDescending(r => r.Host == "*" && name != "*" ? 0 : r.Host.StartsWith("*.", StringComparison.Ordinal)
                && !r.Host.Equals(name, StringComparison.OrdinalIgnoreCase) ? r.Host.Length : int.MaxValue)
            .ThenByDescending(r => r.Path.TrimEnd('/').Length).FirstOrDefault();
        Promise.Holds(found?.Service == expected?.Service, $"{found?.Service} is {expected?.Service}");
        return HashCode.Combine(routes.Count, found is null, found?.Host.Length, found?.Path.Length);

        static string Name(string host) => host.StartsWith('[')
            ? host.IndexOf(']', StringComparison.Ordinal) is var end and >= 0 ? host[..(end + 1)] : host
            : host.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? host[..colon] : host;
        static bool Matches(string pattern, string name) => pattern == "*"
            || pattern.Equals(name, StringComparison.OrdinalIgnoreCase)
            || (pattern.StartsWith("*.", StringComparison.Ordinal)
                && name.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase));
        static bool Below(string path, string route) => path.StartsWith(route, StringComparison.Ordinal)
            && (path.Length == route.Length || route.Length == 0 || path[route.Length] == '/');
    }

    /// <summary>An answer of our own by what the client accepts.</summary>
    public static int Accept(ReadOnlySpan<byte> input)
    {
        var context = new DefaultHttpContext();
        using var body = new MemoryStream();
        context.Response.Body = body;
        context.Request.Method = input.Length % 7 == 0 ? "HEAD" : "GET";
        context.Request.Headers.Accept = Encoding.Latin1.GetString(input);
        OwnAnswer.Shed.WriteAsync(context, input.Length).GetAwaiter().GetResult();
        var isHead = context.Request.Method == "HEAD";
        Promise.Holds(context.Response.StatusCode == 503 && context.Response.Headers.CacheControl == "no-store",
            "it is refused, and not for the next one");
        Promise.Holds(isHead ? body.Length == 0 : body.Length == context.Response.ContentLength,
            "the answer is as long as it says");
        var isPage = context.Response.ContentType == "text/html; charset=utf-8";
        Promise.Holds(isPage || context.Response.ContentType == "application/problem+json", "it is one of two kinds");
        if (!isHead && !isPage)
        {
            Promise.Holds(JsonDocument.Parse(body.ToArray()).RootElement.GetProperty("status").GetInt32() == 503,
                "a problem can be read");
        }
        return HashCode.Combine(isHead, isPage);
    }

    /// <summary>Priority, class and deadline that a header says.</summary>
    public static int Class(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        var priority = RequestClass.PriorityFrom(text, 3);
        Promise.Holds(priority <= 5 && (priority == 3 || text == priority.ToString(CultureInfo.InvariantCulture)),
            "a priority is a digit");
        var classes = new UserClasses([new() { Name = "staff", Priority = 1 }, new() { Name = "guest", Priority = 5 }]);
        var byClass = classes.PriorityOf(text, 3);
        var names = text.Split(',').Take(64).Select(n => n.Trim()).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Promise.Holds(byClass == (names.Contains("staff") ? 1 : names.Contains("guest") ? 5 : 3),
            "the most important class counts");
        var route = TimeSpan.FromSeconds(30);
        var deadline = RequestClass.DeadlineFrom(text, route);
        Promise.Holds(deadline >= TimeSpan.Zero && deadline <= route, "a client shortens the deadline or leaves it");
        Promise.Holds(deadline == route || (text.Length is > 0 and <= 9 && char.IsAsciiDigit(text[0])),
            "what is no time counts for nothing");
        return HashCode.Combine(priority, byClass, (int)Math.Log2(deadline.TotalMilliseconds + 1),
            text.Length > 0 ? text[^1] : 0);
    }

    /// <summary>A request as the server would hand it over: field names are tokens, values without line ends.</summary>
    private static DefaultHttpContext Context(ReadOnlySpan<byte> input)
    {
        var context = new DefaultHttpContext();
        var lines = Encoding.Latin1.GetString(input).Split('\n');
        var first = lines[0].Split(' ');
        context.Request.Method = first[0].Length > 0 ? first[0] : "GET";
        context.Request.Path = "/";
        context.Request.Scheme = "http";
        context.Request.Protocol = input.Length % 3 == 0 ? "HTTP/2" : "HTTP/1.1";
        foreach (var line in lines.Skip(1).Take(100))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || line.AsSpan(0, colon).ContainsAnyExcept(s_token))
                continue;
            var value = string.Concat(line[(colon + 1)..].Trim().Where(c => c is >= ' ' and < '\x7f'));
            var name = line[..colon];
            // The server takes a length only where it is one, and one only.
            if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                if (long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
                    context.Request.Headers.ContentLength = length;
                continue;
            }
            context.Request.Headers.Append(name, value);
        }
        return context;
    }
}
