namespace Holdfast.Web.Select;

/// <summary>One route as requests meet it.</summary>
/// <param name="Path">Without the slash at its end; empty: everything.</param>
internal sealed record WebRoute(
    string Host, string Path, string Service, byte Priority, TimeSpan Deadline, WebOperation Operation,
    string AffinityCookie = "")
{
    /// <summary>What metrics call it: <c>http.route</c>.</summary>
    public string Template { get; } = (Host == "*" ? "" : Host) + (Path.Length == 0 ? "/" : Path) + "**";
}

/// <summary>All routes: the most exact host decides first, then the longest path.</summary>
/// <remarks>A request whose host has routes but whose path has none there is looked for under the less exact hosts too.
/// </remarks>
internal sealed class WebRouteTable
{
    private readonly Dictionary<string, WebRoute[]> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, WebRoute[]>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly WebRoute[] _any;

    public WebRouteTable(SelectOptions options)
    {
        var routes = options.Routes.Select(r => new WebRoute(r.Host, HostPattern.TrimPath(r.Path), r.Service,
            (byte)r.Priority, r.Deadline, r.Operation, r.AffinityCookie)).ToArray();
        foreach (var group in routes.GroupBy(r => r.Host, StringComparer.OrdinalIgnoreCase))
            _hosts.Add(group.Key, [.. group.OrderByDescending(r => r.Path.Length)]);
        _lookup = _hosts.GetAlternateLookup<ReadOnlySpan<char>>();
        All = routes;
        _any = _hosts.GetValueOrDefault("*", []);
        Services = [.. routes.Select(r => r.Service).Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    public static WebRouteTable Empty { get; } = new(new SelectOptions());

    public IReadOnlyList<WebRoute> All { get; }

    /// <summary>Services that any route leads to.</summary>
    public IReadOnlyList<string> Services { get; }

    /// <param name="host">Host field with or without port.</param>
    /// <param name="path">Decoded path, beginning with a slash.</param>
    public WebRoute? Find(ReadOnlySpan<char> host, ReadOnlySpan<char> path)
    {
        if (_hosts.Count > (_any.Length > 0 ? 1 : 0))
        {
            var name = WithoutPort(host);
            if (Find(name, path, out var exact))
                return exact;
            // *.b.c matches a.b.c, the longest such name first; not b.c itself.
            Span<char> pattern = stackalloc char[256];
            for (var dot = name.IndexOf('.'); dot >= 0; dot = name.IndexOf('.'))
            {
                if (name.Length - dot + 1 <= pattern.Length)
                {
                    pattern[0] = '*';
                    name[dot..].CopyTo(pattern[1..]);
                    if (Find(pattern[..(name.Length - dot + 1)], path, out var below))
                        return below;
                }
                name = name[(dot + 1)..];
            }
        }
        return First(_any, path);
    }

    private bool Find(ReadOnlySpan<char> host, ReadOnlySpan<char> path, out WebRoute? route)
    {
        route = _lookup.TryGetValue(host, out var routes) ? First(routes, path) : null;
        return route is not null;
    }

    private static WebRoute? First(WebRoute[] routes, ReadOnlySpan<char> path)
    {
        foreach (var route in routes)
        {
            if (path.StartsWith(route.Path, StringComparison.Ordinal)
                && (path.Length == route.Path.Length || route.Path.Length == 0 || path[route.Path.Length] == '/'))
            {
                return route;
            }
        }
        return null;
    }

    private static ReadOnlySpan<char> WithoutPort(ReadOnlySpan<char> host)
    {
        if (host is ['[', ..])
        {
            var end = host.IndexOf(']');
            return end < 0 ? host : host[..(end + 1)];
        }
        var colon = host.IndexOf(':');
        return colon < 0 ? host : host[..colon];
    }
}
