using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Web.Select;

/// <summary>Where a session is.</summary>
/// <param name="StaysAway">It stays there although its service has a nearer site.</param>
/// <param name="IsFresh">False: the cookie is to be made anew.</param>
internal readonly record struct SessionPlace(TargetId Target, bool StaysAway, bool IsFresh);

/// <summary>Where sessions are bound: from a cookie to a target that is in the topology now, and back.</summary>
/// <remarks>
/// Away from home a bond holds for between half and all of <c>AffinityAwayTime</c>, by lot: so long the session stays
/// there. After it the session goes home as soon as the home takes it, which is at its ramp's pace, and otherwise stays
/// at its target for another such time. So what an outage moved in a minute comes back bit by bit.
/// At home a bond is made anew each half to full hour; one that ended more than a day ago, of a target that is no more
/// or of a service that isn't the route's is none.
/// </remarks>
internal sealed class SessionPlaces(IReadOnlyList<byte[]> keys, Random random)
{
    private const int HomeSeconds = 3600;
    private const int DaySeconds = 86_400;
    private readonly AffinityCookie[] _cookies = [.. keys.Select(k => new AffinityCookie(k))];
    private Known _known = new(Topology.Empty, [], []);

    /// <summary>Where the cookies that came bind to now, if any does.</summary>
    public SessionPlace? Find(string service, StringValues cookies, string name, Topology topology, DateTimeOffset now)
    {
        foreach (var value in new CookieValues(cookies, name))
        {
            for (var i = 0; i < _cookies.Length; i++)
            {
                if (_cookies[i].Read(service, value) is { } bond)
                    return PlaceOf(service, bond, i, topology, now.ToUnixTimeSeconds());
            }
        }
        return null;
    }

    private SessionPlace? PlaceOf(string service, AffinityBond bond, int key, Topology topology, long now)
    {
        // Later than any that we make: by a clock that was wrong.
        if (now > bond.Until + (long)DaySeconds || bond.Until > now + 2 * DaySeconds
            || !Of(topology).Targets.TryGetValue((key, bond.Place), out var target))
        {
            return null;
        }
        var site = topology.Sites[topology.Targets[target.Value].Site.Value];
        var node = topology.Services[site.Service.Value];
        if (!string.Equals(node.Name, service, StringComparison.OrdinalIgnoreCase))
            return null;
        var isFresh = now < bond.Until;
        return new SessionPlace(target, isFresh && !IsNearest(node, site), isFresh && key == 0);
    }

    /// <summary>The cookie's value that binds to a target from now on.</summary>
    public string Bind(string service, TargetId target, Topology topology, TimeSpan awayTime, DateTimeOffset now)
    {
        var site = topology.Sites[topology.Targets[target.Value].Site.Value];
        var longest = IsNearest(topology.Services[site.Service.Value], site) ? HomeSeconds
            : Math.Clamp(awayTime.TotalSeconds, 0, DaySeconds);
        double part;
        lock (random)
            part = 1 - random.NextDouble() / 2;
        return _cookies[0].Write(service, new AffinityBond(Of(topology).Places[target.Value],
            (uint)Math.Clamp(now.ToUnixTimeSeconds() + Math.Ceiling(longest * part), 0, uint.MaxValue)));
    }

    private static bool IsNearest(ServiceNode service, SiteNode site) =>
        service.SitesNearestFirst is [var nearest, ..] && nearest == site.Id;

    private Known Of(Topology topology)
    {
        var known = Volatile.Read(ref _known);
        if (ReferenceEquals(known.Topology, topology))
            return known;
        var places = new ulong[topology.Targets.Length];
        var targets = new Dictionary<(int, ulong), TargetId>();
        foreach (var target in topology.Targets)
        {
            for (var i = _cookies.Length - 1; i >= 0; i--)
            {
                places[target.Id.Value] = _cookies[i].PlaceOf(topology.Sites[target.Site.Value].Name, target.Address);
                if (!target.IsRetired)
                    targets[(i, places[target.Id.Value])] = target.Id;
            }
        }
        known = new Known(topology, places, targets);
        Volatile.Write(ref _known, known);
        return known;
    }

    /// <param name="Places">By target, with the key that signs.</param>
    private sealed record Known(
        Topology Topology, ulong[] Places, Dictionary<(int Key, ulong Place), TargetId> Targets);
}
