using System.Net;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Select;

namespace Holdfast.Configuration;

/// <summary>What is allowed and most likely not meant. Told by <c>check</c>; nothing is refused for it.</summary>
internal static class ConfigurationWarnings
{
    public static IReadOnlyList<ConfigurationFault> Find(ConfigurationSnapshot snapshot)
    {
        var found = new List<ConfigurationFault>();
        void Add(string key, string problem, string suggestion) =>
            found.Add(new(ConfigurationLoader.Nearest(snapshot.Root, key).At, key, problem, suggestion));
        var sites = snapshot.Get<TopologyOptions>().Sites;
        var encrypted = snapshot.Get<ForwardOptions>().Services.Where(s => s.Tls).Select(s => s.Service)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        // A secret that goes over a network in the clear is everybody's.
        void CheckSecret(string key, string file, IEnumerable<SiteOptions> asked)
        {
            if (file.Length == 0)
                return;
            var open = asked.Where(s => !encrypted.Contains(s.Service)).SelectMany(s => s.Targets)
                .FirstOrDefault(t => !IsHere(t.Address));
            if (open is not null)
            {
                Add(key, $"the secret is sent to {open.Address} without TLS",
                    "set Tls for the service in Holdfast:Web:Forward:Services, or ask for a path that needs no secret");
            }
        }
        var probes = snapshot.Get<ProbeOptions>();
        for (var i = 0; i < probes.Services.Length; i++)
        {
            var service = probes.Services[i];
            CheckSecret($"Holdfast:Web:Probes:Services:{i}:AuthorizationFile", service.AuthorizationFile,
                sites.Where(s => Same(s.Service, service.Service)));
        }
        for (var i = 0; i < probes.Canaries.Length; i++)
        {
            var canary = probes.Canaries[i];
            CheckSecret($"Holdfast:Web:Probes:Canaries:{i}:AuthorizationFile", canary.AuthorizationFile,
                sites.Where(s => Same(s.Name, canary.Site)));
        }
        var select = snapshot.Get<SelectOptions>();
        var sessions = Array.FindIndex(select.Routes, r => r.AffinityCookie.Length > 0);
        if (sessions >= 0 && select.AffinityKeyFile.Length == 0)
        {
            Add($"Holdfast:Web:Select:Routes:{sessions}:AffinityCookie",
                "there is no AffinityKeyFile: sessions end with the process, and another gateway doesn't know them",
                "name a file with a key a line, as `openssl rand -hex 32` makes them");
        }
        return found;
    }

    private static bool IsHere(string address)
    {
        var colon = address.LastIndexOf(':');
        var host = (colon < 0 ? address : address[..colon]).Trim('[', ']');
        return Same(host, "localhost") || (IPAddress.TryParse(host, out var ip) && IPAddress.IsLoopback(ip));
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
