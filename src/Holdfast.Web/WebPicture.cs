using System.Collections.Frozen;
using System.Net;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Select;

namespace Holdfast.Web;

/// <summary>Everything that a reload may change, as requests see it: swapped whole, so that a request is served by one
/// configuration from its first step to its last.</summary>
internal sealed record WebPicture(
    WebRouteTable Routes, TargetClients Clients, ForwardParts Parts, ProxyTrust Trust, TimeSpan WaitMax,
    int ReplayBytesMax, string PriorityHeader, string UserHeader, TimeSpan AwayTime,
    string ClassHeader, UserClasses Classes, string DeadlineHeader,
    FrozenDictionary<int, string> Listeners, FrozenDictionary<WebRoute, ForwardTransform> Transforms)
{
    public static WebPicture Empty { get; } = new(WebRouteTable.Empty, new TargetClients(new ForwardOptions()), null!,
        ProxyTrust.Nobody, TimeSpan.Zero, 0, "", "", TimeSpan.Zero, "", UserClasses.None, "",
        FrozenDictionary<int, string>.Empty, FrozenDictionary<WebRoute, ForwardTransform>.Empty);

    /// <summary>Name of the listener at a port; null: none any more.</summary>
    public string? ListenerAt(int port) => Listeners.GetValueOrDefault(port);

    public ForwardTransform TransformOf(WebRoute route) => Transforms[route];

    /// <param name="before">Its connections go on where nothing changed for them.</param>
    public static WebPicture Draw(AcceptOptions accept, SelectOptions select, ForwardOptions forward,
        ITrafficBoard board, TimeProvider time, WebMetrics metrics, HedgeWaits hedges, WebPicture before)
    {
        var routes = new WebRouteTable(select);
        var trust = new ProxyTrust(accept.TrustedProxies);
        var clients = ReferenceEquals(forward, before.Clients.Options) ? before.Clients : new TargetClients(forward);
        string[] trustedFields = [.. new[] { select.PriorityHeader, select.UserHeader, select.ClassHeader }
            .Where(f => f.Length > 0)];
        var transforms = routes.All.ToFrozenDictionary<WebRoute, WebRoute, ForwardTransform>(r => r,
            r => new ForwardTransform(trust, clients.Of(r.Service).Host, r.AffinityCookie, trustedFields),
            ReferenceEqualityComparer.Instance);
        return new WebPicture(routes, clients,
            new ForwardParts(board, time, metrics, hedges, forward.AttemptsMax, select.WaitingMax), trust,
            select.WaitMax,
            forward.ReplayBytesMax, select.PriorityHeader, select.UserHeader, select.AffinityAwayTime,
            select.ClassHeader, new UserClasses(select.Classes), select.DeadlineHeader,
            NamesByPort(accept.Listeners),
            transforms);
    }

    /// <remarks>Two at one port differ by address: the first stands for both.</remarks>
    private static FrozenDictionary<int, string> NamesByPort(WebListenerOptions[] listeners)
    {
        var names = new Dictionary<int, string>();
        foreach (var listener in listeners)
        {
            if (IPEndPoint.TryParse(listener.Endpoint, out var endpoint))
                names.TryAdd(endpoint.Port, listener.Name);
        }
        return names.ToFrozenDictionary();
    }
}
