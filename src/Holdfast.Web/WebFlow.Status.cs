using Holdfast.Web.Probes;

namespace Holdfast.Web;

/// <summary>What status pages show of it.</summary>
public sealed partial class WebFlow
{
    /// <summary>Every service that a route leads to.</summary>
    public IReadOnlyList<WebServiceStatus> Status()
    {
        var topology = _board.Topology;
        var all = new List<WebServiceStatus>();
        foreach (var name in Picture.Routes.Services)
        {
            if (!topology.TryFindService(name, out var id))
                continue;
            var (probes, canaries) = (new List<WebProbeStatus>(), new List<WebProbeStatus>());
            foreach (var site in topology.Services[id.Value].SitesNearestFirst.Select(s => topology.Sites[s.Value]))
            {
                if (_probes.Results.Of(site.Id) is { } canary)
                    canaries.Add(View(site.Name, null, canary));
                foreach (var target in site.Targets)
                {
                    if (_probes.Results.Of(target) is { } probe)
                        probes.Add(View(site.Name, topology.Targets[target.Value].Address, probe));
                }
            }
            all.Add(new WebServiceStatus(topology.Services[id.Value].Name, _queues.GetValueOrDefault(id)?.Count ?? 0,
                _sessions.CountsOf(name), probes, canaries));
        }
        return all;

        static WebProbeStatus View(string site, string? target, ProbeResult result) =>
            new(site, target, ProbeMetrics.Name(result.Fate), result.Detail, result.At, result.Took);
    }
}
