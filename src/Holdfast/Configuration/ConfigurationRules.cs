using System.Net;
using System.Text;
using Holdfast.Mail.Canaries;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;
using RouteOptions = Holdfast.Mail.Route.RouteOptions;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Select;

namespace Holdfast.Configuration;

/// <summary>What must hold between sections: names that refer to each other, endpoints that must not collide.</summary>
internal static class ConfigurationRules
{
    /// <summary>Linux's <c>sun_path</c> holds 108 bytes with the final NUL (unix(7)).</summary>
    public const int SocketPathBytesMax = 107;

    /// <summary>Adds what it finds to what is known; a place with a fault already isn't blamed a second time.</summary>
    public static void Check(ConfigurationSnapshot snapshot, List<ConfigurationFault> known)
    {
        var faults = new FaultList(snapshot.Root, known);
        var listeners = new List<(string Path, EndpointText Endpoint)>();
        CheckOperator(snapshot, faults, listeners);
        var topology = snapshot.Get<TopologyOptions>();
        CheckTopology(topology, faults);
        CheckListeners("Holdfast:Mail:Receive",
            [.. snapshot.Get<ReceiveOptions>().Listeners.Select(l => l.Endpoint)], faults, listeners);
        CheckWeb(snapshot, topology, faults, listeners);
        CheckProbes(snapshot.Get<ProbeOptions>(), topology, faults);
        CheckRoutes(snapshot.Get<RouteOptions>(), topology, faults);
        CheckCanaries(snapshot.Get<CanaryOptions>(), topology, faults);
        for (var i = 0; i < listeners.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (listeners[i].Endpoint.Overlaps(listeners[j].Endpoint))
                    faults.Add(listeners[i].Path, $"{listeners[i].Endpoint} is taken already by {listeners[j].Path}",
                        "choose another port");
            }
        }
        // The engine's own rules, in case they know more than the ones above, which have the better lines.
        if (!faults.HasBelow("Holdfast:Topology"))
        {
            foreach (var fault in TopologyFaults.Find(topology))
                faults.Add("Holdfast:Topology", fault.TrimEnd('.'));
        }
        foreach (var fault in snapshot.Get<TrafficOptions>().Faults())
            faults.Add("Holdfast:Traffic:" + fault.Split(' ')[0], fault.TrimEnd('.'));
    }

    private static void CheckWeb(ConfigurationSnapshot snapshot, TopologyOptions topology, FaultList faults,
        List<(string Path, EndpointText Endpoint)> listeners)
    {
        CheckListeners("Holdfast:Web:Accept", [.. snapshot.Get<AcceptOptions>().Listeners.Select(l => l.Endpoint)],
            faults, listeners);
        var services = ServicesOf(topology);
        var select = snapshot.Get<SelectOptions>();
        if (select.AffinityKeyFile.Length > 0 && AffinityKeys.FaultOf(select.AffinityKeyFile) is { } fault)
        {
            faults.Add("Holdfast:Web:Select:AffinityKeyFile", fault,
                "a key a line, as `openssl rand -hex 32` makes them; the first signs");
        }
        var routes = select.Routes;
        for (var i = 0; i < routes.Length; i++)
        {
            if (routes[i].Service.Length > 0 && !Has(services, routes[i].Service))
            {
                faults.Unknown($"Holdfast:Web:Select:Routes:{i}:Service", "site with the service", routes[i].Service,
                    services);
            }
        }
        var told = snapshot.Get<ForwardOptions>().Services;
        for (var i = 0; i < told.Length; i++)
        {
            if (told[i].Service.Length > 0 && !Has(services, told[i].Service))
            {
                faults.Unknown($"Holdfast:Web:Forward:Services:{i}:Service", "site with the service", told[i].Service,
                    services);
            }
        }
    }

    private static void CheckProbes(ProbeOptions probes, TopologyOptions topology, FaultList faults)
    {
        const string path = "Holdfast:Web:Probes";
        var services = ServicesOf(topology);
        for (var i = 0; i < probes.Services.Length; i++)
        {
            var service = probes.Services[i];
            if (service.Service.Length > 0 && !Has(services, service.Service))
                faults.Unknown($"{path}:Services:{i}:Service", "site with the service", service.Service, services);
            CheckFile(service.AuthorizationFile, $"{path}:Services:{i}:AuthorizationFile", faults);
        }
        string[] sites = [.. topology.Sites.Select(s => s.Name)];
        for (var i = 0; i < probes.Canaries.Length; i++)
        {
            var canary = probes.Canaries[i];
            if (canary.Site.Length > 0 && !Has(sites, canary.Site))
                faults.Unknown($"{path}:Canaries:{i}:Site", "site", canary.Site, sites);
            CheckFile(canary.AuthorizationFile, $"{path}:Canaries:{i}:AuthorizationFile", faults);
        }
    }

    private static void CheckFile(string file, string path, FaultList faults)
    {
        if (file.Length > 0 && !File.Exists(file))
            faults.Add(path, $"\"{file}\" isn't there", "name a file whose first line is the field's value");
    }

    private static string[] ServicesOf(TopologyOptions topology) => [.. topology.Sites.Select(s => s.Service)
        .Where(s => s.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase)];

    private static void CheckListeners(string section, string[] endpoints, FaultList faults,
        List<(string Path, EndpointText Endpoint)> listeners)
    {
        for (var i = 0; i < endpoints.Length; i++)
        {
            var path = $"{section}:Listeners:{i}:Endpoint";
            var text = endpoints[i];
            if (text.Length == 0)
                continue;
            if (!EndpointText.TryParse(text, out var endpoint, out var problem))
                faults.Add(path, problem);
            else if (endpoint.Address is null)
                faults.Add(path, $"\"{endpoint.Host}\" is not an IP address", "listeners take addresses, not names");
            else
                listeners.Add((path, endpoint));
        }
    }

    private static void CheckRoutes(RouteOptions routes, TopologyOptions topology, FaultList faults)
    {
        var services = ServicesOf(topology);
        for (var i = 0; i < routes.Rules.Length; i++)
        {
            var service = routes.Rules[i].Service;
            if (service.Length > 0 && !Has(services, service))
                faults.Unknown($"Holdfast:Mail:Route:Rules:{i}:Service", "site with the service", service, services);
        }
    }

    private static void CheckCanaries(CanaryOptions canaries, TopologyOptions topology, FaultList faults)
    {
        string[] sites = [.. topology.Sites.Select(s => s.Name)];
        for (var i = 0; i < canaries.Probes.Length; i++)
        {
            var site = canaries.Probes[i].Site;
            if (site.Length > 0 && !Has(sites, site))
                faults.Unknown($"Holdfast:Mail:Canaries:Probes:{i}:Site", "site", site, sites);
        }
    }

    private static void CheckOperator(ConfigurationSnapshot snapshot, FaultList faults,
        List<(string, EndpointText)> listeners)
    {
        var options = snapshot.Get<OperatorOptions>();
        const string httpPath = "Holdfast:Operator:HttpEndpoint";
        if (options.HttpEndpoint.Length > 0)
        {
            if (!EndpointText.TryParse(options.HttpEndpoint, out var endpoint, out var problem))
                faults.Add(httpPath, problem);
            else if (endpoint.Address is not { } address || !IPAddress.IsLoopback(address))
                faults.Add(httpPath, $"{endpoint.Host} is not a loopback address",
                    "use 127.0.0.1 or [::1] and put a proxy with sign-in before it, or \"\" for none");
            else
                listeners.Add((httpPath, endpoint));
        }
        if (Encoding.UTF8.GetByteCount(options.SocketPath) > SocketPathBytesMax)
            faults.Add("Holdfast:Operator:SocketPath", $"a socket's path has at most {SocketPathBytesMax} bytes",
                "choose a shorter one, for example /run/holdfast/holdfast.sock");

        var otlp = snapshot.Get<TelemetryOptions>().OtlpEndpoint;
        if (otlp.Length > 0 && !(Uri.TryCreate(otlp, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            faults.Add("Holdfast:Telemetry:OtlpEndpoint", $"\"{otlp}\" is not an http address",
                "for example http://127.0.0.1:4317");
    }

    private static void CheckTopology(TopologyOptions topology, FaultList faults)
    {
        const string path = "Holdfast:Topology";
        string[] regions = [.. topology.Regions.Select(r => r.Name)];
        if (topology.HomeRegion.Length > 0 && !Has(regions, topology.HomeRegion))
            faults.Unknown(path + ":HomeRegion", "region", topology.HomeRegion, regions);
        Distinct(regions, i => $"{path}:Regions:{i}", "region", faults);
        Distinct([.. topology.Sites.Select(s => s.Name)], i => $"{path}:Sites:{i}", "site", faults);
        var seen = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < topology.Sites.Length; i++)
        {
            var site = topology.Sites[i];
            if (site.Region.Length > 0 && !Has(regions, site.Region))
                faults.Unknown($"{path}:Sites:{i}:Region", "region", site.Region, regions);
            if (site.CapacityPerSecond is { } capacity && capacity is not (>= 0.1 and <= 1_000_000))
                faults.Add($"{path}:Sites:{i}:CapacityPerSecond", $"{capacity} is out of range: 0.1 to 1000000",
                    "leave the key out if the capacity isn't known");
            if (site.Targets.Length == 0)
                faults.Add($"{path}:Sites:{i}:Targets", "the site has no targets",
                    "add at least one, for example { \"Address\": \"192.0.2.25:25\" }");
            for (var j = 0; j < site.Targets.Length; j++)
            {
                var target = $"{path}:Sites:{i}:Targets:{j}:Address";
                var address = site.Targets[j].Address;
                if (address.Length == 0)
                    continue;
                if (!EndpointText.TryParse(address, out _, out var problem))
                    faults.Add(target, problem);
                else if (!seen.TryAdd($"{site.Name}/{address}", target))
                    faults.Add(target, $"{address} stands twice in site \"{site.Name}\"", "remove one of them");
            }
        }
    }

    private static void Distinct(string[] names, Func<int, string> path, string what, FaultList faults)
    {
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i].Length > 0 && Has(names[..i], names[i]))
                faults.Add(path(i), $"there are two {what}s named \"{names[i]}\"", "rename one of them");
        }
    }

    private static bool Has(IEnumerable<string> names, string name) =>
        names.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Faults with the lines of their paths.</summary>
    private sealed class FaultList(ConfigurationNode root, List<ConfigurationFault> known)
    {
        public bool HasBelow(string path) =>
            known.Exists(f => f.Key.StartsWith(path, StringComparison.OrdinalIgnoreCase));

        public void Add(string path, string problem, string? suggestion = null)
        {
            if (!known.Exists(f => string.Equals(f.Key, path, StringComparison.OrdinalIgnoreCase)))
                known.Add(new(ConfigurationLoader.Nearest(root, path).At, path, problem, suggestion));
        }

        public void Unknown(string path, string what, string name, IReadOnlyList<string> candidates) =>
            Add(path, $"there is no {what} \"{name}\"", NameGuess.Suggest(name, candidates));
    }
}
