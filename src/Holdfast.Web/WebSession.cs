using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Forward;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Web;

/// <summary>A request of a route with sessions: where its cookie bound it, and the cookie that it is answered with.
/// </summary>
/// <remarks>An answer says where the session is from now on when the board placed it elsewhere than it was. One request
/// that a bound target failed, and that was repeated elsewhere, moves no session, nor does one that was spent as a
/// canary: the next is placed at the bound target, or not, by what the board then knows.</remarks>
internal sealed class WebSession(HttpContext context, SessionPlaces places, WebRoute route, Topology topology,
    bool isSecure, TimeSpan awayTime, DateTimeOffset now, WebMetrics metrics, SessionCounts counts)
{
    private ForwardedRequest? _request;
    private Placement _placed;

    /// <summary>Null: nothing binds it yet.</summary>
    public SessionPlace? Place { get; init; }

    public PlacementRequest Bound(in PlacementRequest request) => Place is { } place
        ? request with { Bound = place.Target, StaysAway = place.StaysAway } : request;

    public void Follow(ForwardedRequest request)
    {
        (_request, _placed) = (request, request.Placement);
        context.Response.OnStarting(static state => ((WebSession)state).Answer(), this);
    }

    private Task Answer()
    {
        // An answer of our own, or one that failed, binds nobody.
        if (_request is not { AnsweredAt.Ticks: > 0 } request)
            return Task.CompletedTask;
        var target = request.Placement.Target;
        if (Place is { } place && (_placed.Target == place.Target || _placed.Kind == PlacementKind.Canary))
            target = place.Target;
        var isKept = Place?.Target == target;
        metrics.Session(route.Service, isKept ? "kept" : Place is null ? "bound" : "moved");
        counts.Count(isKept, Place is null);
        // A target that came with a reload meanwhile isn't in this picture yet.
        if ((isKept && Place!.Value.IsFresh) || target.Value >= topology.Targets.Length)
            return Task.CompletedTask;
        var headers = context.Response.Headers;
        var path = route.Path.Length == 0 ? "/" : route.Path;
        headers.Append("Set-Cookie", $"{route.AffinityCookie}="
            + $"{places.Bind(route.Service, target, topology, awayTime, now)}; Path={path}; HttpOnly; SameSite=Lax"
            + (isSecure ? "; Secure" : ""));
        // A cache that gave this answer to others would send them all to one target.
        if (!headers.CacheControl.ToString().Contains("no-store", StringComparison.OrdinalIgnoreCase))
            headers.Append("Cache-Control", "private");
        return Task.CompletedTask;
    }
}
