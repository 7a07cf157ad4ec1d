using System.Globalization;
using Holdfast.Mail.Route;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Queue;

/// <summary>Says in words which rule, service, sites and targets a recipient would take now, and why.</summary>
/// <remarks>It asks the same table and board as delivery, but takes no slot and moves nothing; between its answer and a
/// delivery the board may decide otherwise.</remarks>
internal sealed class RouteExplainer(RouteTableSource routes, ITrafficBoard board, IMxResolver mx, TimeProvider time,
    Func<int> mxPort) : IRouteExplainer
{
    public async Task<RouteExplanation> ExplainAsync(string address, CancellationToken abort)
    {
        var at = address.LastIndexOf('@');
        var domain = at < 0 ? address : address[(at + 1)..];
        var decision = routes.Table.Decide(domain.Trim().TrimEnd('>'));
        if (decision.Route is not { } route)
            return new RouteExplanation(address, null, null, [],
                $"No rule matches {Shown(decision.Destination)}: its mail would wait until a rule of "
                + "Holdfast:Mail:Route matches it or it expires.");
        var policy = $"TLS {route.Tls.ToString().ToLowerInvariant()}"
            + (route.Profile == ProviderProfile.None ? "" : $", paced for {route.Profile}");
        return route.Service is { } service ? OfService(address, route, service, policy)
            : await OfMxAsync(address, route, decision.Destination, policy, abort);
    }

    private RouteExplanation OfService(string address, MailRoute route, string service, string policy)
    {
        var topology = board.Topology;
        if (!topology.TryFindService(service, out var id))
            return new RouteExplanation(address, route.Rule, service, [],
                $"By {route.Rule} to service {service}, which has no site: the mail would wait.");
        var snapshot = board.Snapshot(time.GetElapsedTime(0));
        var byName = snapshot.Sites.Where(s => Same(s.Service, service)).ToDictionary(s => s.Site,
            StringComparer.OrdinalIgnoreCase);
        var steps = new List<RouteStep>();
        string? used = null;
        foreach (var siteId in topology.Services[id.Value].SitesNearestFirst)
        {
            if (!byName.TryGetValue(topology.Sites[siteId.Value].Name, out var site))
                continue;
            var open = site.Verdict.State == VerdictState.Closed ? []
                : site.Targets.Where(t => t.Verdict.State != VerdictState.Closed).ToList();
            var free = open.Where(t => t.InFlight < t.Limit).ToList();
            var takes = used is null && free.Count > 0;
            if (takes)
                used = site.Site;
            foreach (var target in site.Targets)
                steps.Add(new RouteStep(site.Site, target.Address, WorseOf(site, target).State.ToString(),
                    takes && free.Contains(target), Why(site, target, used, takes)));
        }
        var summary = used is not null
            ? $"By {route.Rule} to service {service}, now at site {used} ({policy})."
            : steps.Count == 0 ? $"By {route.Rule} to service {service}, which has no target: the mail would wait."
            : $"By {route.Rule} to service {service}, of which no site takes mail now: it would wait; single messages "
                + $"test the sites ({policy}).";
        return new RouteExplanation(address, route.Rule, service, steps, summary);
    }

    private string Why(SiteSnapshot site, TargetSnapshot target, string? used, bool takes)
    {
        var verdict = WorseOf(site, target);
        var place = site.IsHome ? "home region" : $"region {site.Region}";
        if (verdict.State == VerdictState.Closed)
        {
            var canary = target.NextCanaryIn is { } next ? $"; tested again {(next > TimeSpan.Zero
                ? $"in {InWords(next)}" : "now")}" : "";
            return $"{place}, closed for {InWords(time.GetElapsedTime(0) - verdict.Since)}: {verdict.Evidence}{canary}";
        }
        var state = verdict.State == VerdictState.Healthy ? "healthy"
            : $"{verdict.State.ToString().ToLowerInvariant()}: {verdict.Evidence}";
        if (target.InFlight >= target.Limit)
            return string.Create(CultureInfo.InvariantCulture,
                $"{place}, {state}, but at its limit ({target.InFlight} of {target.Limit} in flight)");
        return takes ? $"{place}, {state}: the nearest with room" : used is null ? $"{place}, {state}"
            : $"{place}, {state}: used when {used} is closed or full";
    }

    private async Task<RouteExplanation> OfMxAsync(string address, MailRoute route, string domain, string policy,
        CancellationToken abort)
    {
        var answer = await mx.ResolveAsync(domain, abort);
        var steps = new List<RouteStep>();
        foreach (var host in answer.Hosts)
        {
            foreach (var ip in host.Addresses)
                steps.Add(new RouteStep(host.Name, new System.Net.IPEndPoint(ip, mxPort()).ToString(), "Unknown",
                    steps.Count == 0, string.Create(CultureInfo.InvariantCulture,
                        $"mail exchanger of {domain}, preference {host.Preference}")));
        }
        var stale = answer.IsStale ? " DNS fails now; this is its last answer." : "";
        var summary = answer.ToReply() switch
        {
            null => $"By {route.Rule} directly to the mail exchangers of {domain} ({policy}).{stale}",
            { IsPermanent: true } reply =>
                $"By {route.Rule} to mail exchangers, but the mail would be refused: {reply}.",
            var reply => $"By {route.Rule} to mail exchangers, but the mail would wait: {reply}.",
        };
        return new RouteExplanation(address, route.Rule, null, steps, summary);
    }

    private static Verdict WorseOf(SiteSnapshot site, TargetSnapshot target) =>
        Badness(site.Verdict.State) > Badness(target.Verdict.State) ? site.Verdict : target.Verdict;

    private static int Badness(VerdictState state) => state switch
    {
        VerdictState.Healthy => 0,
        VerdictState.Recovering => 1,
        VerdictState.Suspect => 2,
        VerdictState.Degraded => 3,
        _ => 4,
    };

    private static string InWords(TimeSpan span) =>
        span < TimeSpan.FromMinutes(2) ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s")
        : span < TimeSpan.FromHours(2) ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min")
        : string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0} h");

    private static string Shown(string domain) => domain.Length == 0 ? "an address without domain" : domain;
    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
