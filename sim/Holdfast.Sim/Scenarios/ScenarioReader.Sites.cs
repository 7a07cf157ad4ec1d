using System.Collections.Immutable;
using System.Globalization;
using Holdfast.Mail.Route;
using Holdfast.Sim.Clockwork;

namespace Holdfast.Sim.Scenarios;

/// <summary>Services, components and sites with their servers.</summary>
internal sealed partial class ScenarioReader
{
    private void ReadServices(FieldReader at)
    {
        foreach (var (service, _) in at.Objects("services", 50, required: true))
        {
            var kind = service.Choice("kind", ServiceKind.Http);
            var isMail = kind == ServiceKind.Mail;
            _services.Add(new ServiceSpec
            {
                Name = service.Text("name", charsMax: 60, required: true),
                Kind = kind,
                Greets = service.Choice("greets", Greeting.AtOnce),
                Profile = service.Choice("profile", ProviderProfile.None),
                // Mail: how long Mail waits for the final reply is 10 minutes; HTTP: HAProxy's and nginx's usual minute
                // is longer than any client waits, so 30 s.
                AttemptTimeout = service.Time("attemptTimeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1),
                    isMail ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(30)),
                ConnectTimeout = service.Time("connectTimeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1),
                    TimeSpan.FromSeconds(isMail ? 30 : 5)),
                EdgeQueueMax = service.Whole("edgeQueueMax", 0, 10_000_000, 10_000),
            });
            if (_services[^1].Profile != ProviderProfile.None && !isMail)
                service.Fault("profile", "only mail has a provider's receiving limits");
            service.Close();
        }
        for (var i = 0; i < _services.Count; i++)
        {
            if (_services.FindIndex(s => FieldReader.Same(s.Name, _services[i].Name)) < i)
                at.Fault("services", $"\"{_services[i].Name}\" stands there twice");
        }
    }

    private void ReadComponents(FieldReader at)
    {
        foreach (var (component, _) in at.Objects("components", 50))
        {
            _components.Add(new ComponentSpec
            {
                Name = component.Text("name", charsMax: 60, required: true),
                Server = ReadServer(component.Object("instances")),
                Timeout = component.Time("timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1),
                    TimeSpan.FromSeconds(2)),
                Retries = component.Whole("retries", 0, 10, 0),
            });
            component.Close();
        }
    }

    private void ReadSites(FieldReader at)
    {
        string[] services = [.. _services.Select(s => s.Name)];
        string[] components = [.. _components.Select(c => c.Name)];
        foreach (var (site, _) in at.Objects("sites", SitesMax, required: true))
        {
            var service = site.Named("service", services, required: services.Length != 1);
            var region = site.Named("region", _regions, required: true);
            var depends = ImmutableArray.CreateBuilder<int>();
            foreach (var node in site.Items("dependsOn", 8))
            {
                if (site.Named(node, "dependsOn", components) is >= 0 and var component)
                    depends.Add(component);
            }
            _sites.Add(new SiteSpec
            {
                Name = site.Text("name", charsMax: 60, required: true),
                Service = services.Length == 1 ? 0 : service,
                Region = region >= 0 ? _regions[region] : "",
                DeclaredCapacity = site.MaybeNumber("declaredCapacity", 0.1, 1_000_000),
                Server = ReadServer(site.Object("targets")),
                ConcurrencyMax = site.Whole("concurrencyMax", 1, 10_000, 100),
                DependsOn = depends.ToImmutable(),
                OperationFactors = ReadFactors(site),
                HasCanary = site.Flag("hasCanary", true),
            });
            site.Close();
        }
    }

    private ImmutableArray<double> ReadFactors(FieldReader at)
    {
        var factors = Enumerable.Repeat(1.0, 8).ToArray();
        foreach (var (name, line, value) in at.Pairs("operationFactors"))
        {
            var operation = Array.IndexOf(OperationNames, name);
            if (operation >= 0)
                factors[operation] = at.Number(value, "operationFactors." + name, 0.01, 1000, 1);
            else
                _notes.Faults.Add(new(line, "operationFactors", $"there is no operation \"{name}\"",
                    NearName.Suggest(name, OperationNames)));
        }
        return [.. factors];
    }

    /// <summary>By the number of the operation class.</summary>
    internal static readonly string[] OperationNames = ["mailDelivery", "read", "write", "stream"];

    private ServerSpec ReadServer(FieldReader at)
    {
        var time = at.Object("serviceTime");
        var sigma = time.Number("sigma", 0, 3, 0.5);
        var exponential = time.Flag("exponential", false);
        var median = time.MaybeTime("median", TimeSpan.FromTicks(100), TimeSpan.FromHours(1));
        var mean = time.MaybeTime("mean", TimeSpan.FromTicks(100), TimeSpan.FromHours(1));
        time.Close();
        if (median is not null && mean is not null)
            time.Fault("mean", "median and mean are both given", "leave one out");
        // The mean of a lognormal is median × e^(σ²/2).
        mean ??= median * (exponential ? 1 / Exact.Ln2 : Exact.Exp(sigma * sigma / 2));
        var concurrency = at.Has("concurrency") ? at.Whole("concurrency", 1, 10_000, 1) : (int?)null;
        var capacity = at.MaybeNumber("capacityPerSecond", 0.001, 1_000_000);
        if (capacity is { } c && concurrency is { } n && mean is { } m && Math.Abs(n / m.TotalSeconds / c - 1) > 0.02)
        {
            at.Fault("capacityPerSecond", string.Create(CultureInfo.InvariantCulture,
                $"{n} workers of {m.TotalMilliseconds:0.###} ms each do {n / m.TotalSeconds:0.###} a second, not {c}"),
                "leave one of capacityPerSecond, concurrency and serviceTime out");
        }
        mean ??= capacity is { } given ? TimeSpan.FromSeconds((concurrency ?? 8) / given)
            : TimeSpan.FromMilliseconds(20);
        concurrency ??= capacity is { } wanted ? Math.Max(1, (int)Math.Round(wanted * mean.Value.TotalSeconds)) : 8;
        if (capacity is { } exactly)
            mean = TimeSpan.FromSeconds(concurrency.Value / exactly);
        var cold = at.Object("coldCache");
        var crash = at.Object("crash");
        var spread = at.Object("capacities");
        var server = new ServerSpec
        {
            Count = at.Whole("count", 1, TargetsMax, 1),
            Concurrency = concurrency.Value,
            ServiceTimeMean = mean.Value,
            ServiceTimeSigma = sigma,
            IsExponential = exponential,
            Slowing = at.Number("slowing", 0, 100, 0),
            QueueMax = at.Whole("queueMax", 0, 1_000_000, 100),
            BytesPerSecond = at.Number("bytesPerSecond", 0, 1e12, 0),
            ColdFactor = cold.Number("factor", 1, 100, 1),
            WarmsIn = cold.Time("warmsIn", TimeSpan.Zero, TimeSpan.FromHours(10), TimeSpan.Zero),
            CrashAfter = crash.MaybeTime("after", TimeSpan.Zero, TimeSpan.FromHours(10)),
            CrashFor = crash.Time("for", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(10),
                TimeSpan.FromSeconds(30)),
            CapacitySigma = spread.Number("sigma", 0, 2, 0),
            CapacityFactors = ReadCapacityFactors(spread),
        };
        cold.Close();
        crash.Close();
        spread.Close();
        at.Close();
        return server;
    }

    private double[] ReadCapacityFactors(FieldReader at)
    {
        var name = at.Text("file");
        if (name.Length == 0)
            return [];
        if (FetchCsv(at, name) is not { } bytes)
            return [];
        var factors = CsvFile.ReadFactors(bytes, name, _notes.Faults);
        return [.. factors];
    }

    private byte[]? FetchCsv(FieldReader at, string name)
    {
        if (Path.IsPathRooted(name) || name.Contains("..", StringComparison.Ordinal))
            at.Fault("file", "a file stands beside the scenario: no absolute path, no \"..\"");
        else if (_files(name) is not { } bytes)
            at.Fault("file", $"\"{name}\" can't be read", "it stands beside the scenario");
        else if (bytes.Length > CsvFile.BytesMax)
            at.Fault("file", $"\"{name}\" has more than the {CsvFile.BytesMax} bytes allowed");
        else
            return bytes;
        return null;
    }
}
