using System.Collections.Immutable;

namespace Holdfast.Sim.Scenarios;

/// <summary>Reads a scenario: JSON in, a checked <see cref="Scenario"/> or every fault with its line out.</summary>
/// <remarks>Any bytes give one or the other, never an exception. Names are resolved to indexes here; unknown fields and
/// names are refused with what was probably meant. Files that a scenario names (recorded arrivals, capacities) are
/// fetched by the delegate given, which answers null for one that can't be read.</remarks>
internal sealed partial class ScenarioReader
{
    public const int SitesMax = 200;
    public const int TargetsMax = 20_000;
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(31);
    private readonly ReadingNotes _notes = new();
    private readonly Func<string, byte[]?> _files;
    private readonly List<string> _regions = [];
    private readonly List<EdgeSpec> _edges = [];
    private readonly List<ServiceSpec> _services = [];
    private readonly List<ComponentSpec> _components = [];
    private readonly List<SiteSpec> _sites = [];
    private TimeSpan _duration;

    private ScenarioReader(Func<string, byte[]?> files) => _files = files;

    public static (Scenario? Scenario, IReadOnlyList<ScenarioFault> Faults) Read(
        ReadOnlySpan<byte> utf8, Func<string, byte[]?> files)
    {
        var (scenario, notes) = ReadWithNotes(utf8, files);
        return (scenario, notes.Faults);
    }

    public static (Scenario? Scenario, ReadingNotes Notes) ReadWithNotes(
        ReadOnlySpan<byte> utf8, Func<string, byte[]?> files)
    {
        var reader = new ScenarioReader(files);
        if (ScenarioNode.Read(utf8, reader._notes.Faults) is not { } root)
            return (null, reader._notes);
        var scenario = reader.ReadAll(new FieldReader(root, "", reader._notes));
        return (reader._notes.Faults.Count == 0 ? scenario : null, reader._notes);
    }

    /// <summary>Reads a file and those that it names beside it.</summary>
    public static (Scenario? Scenario, IReadOnlyList<ScenarioFault> Faults) ReadFile(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        return Read(File.ReadAllBytes(path), name =>
        {
            var beside = Path.Combine(folder, name);
            return File.Exists(beside) ? File.ReadAllBytes(beside) : null;
        });
    }

    private Scenario? ReadAll(FieldReader at)
    {
        var name = at.Text("name", required: true);
        var teaches = at.Text("teaches", charsMax: 1000, required: true);
        var seed = (ulong)at.Number("seed", 0, 9e15, 1);
        _duration = at.Time("duration", TimeSpan.FromSeconds(1), s_longest, TimeSpan.FromMinutes(1), required: true);
        var healedAt = at.MaybeTime("healedAt", TimeSpan.Zero, _duration);
        var step = at.Time("step", s_step, TimeSpan.FromMinutes(10), DefaultStep(_duration));
        if (_duration / step > Runs.RunBounds.StepsMax)
            at.Fault("step", $"the duration has more than {Runs.RunBounds.StepsMax} steps", "make the step longer");
        ReadRegions(at);
        var home = at.Named("home", _regions);
        var homeName = home >= 0 ? _regions[home] : _regions.Count > 0 ? _regions[0] : "";
        ReadEdges(at, homeName);
        ReadServices(at);
        ReadComponents(at);
        ReadSites(at);
        OrderServices(at);
        CheckNames(at);
        var network = ReadNetwork(at);
        var canaries = ReadCanaries(at.Object("canaries"));
        var workloads = ReadWorkloads(at);
        var faults = ReadFaults(at, healedAt);
        var acts = ReadActs(at);
        var traffic = TrafficOverrides.Read(at.Pairs("traffic"), _notes.Faults);
        var holds = ReadHolds(at.Object("holds"));
        at.Close();
        return new Scenario
        {
            Name = name, Teaches = teaches, Seed = seed, Duration = _duration, HealedAt = healedAt, Step = step,
            Home = homeName, Regions = [.. _regions], Edges = [.. _edges], Services = [.. _services],
            Components = [.. _components], Sites = [.. _sites], Network = network, Canaries = canaries,
            Workloads = workloads, Faults = faults, Acts = acts, Traffic = traffic, Holds = holds,
        };
    }

    /// <summary>At most about 2 000 steps.</summary>
    private static TimeSpan DefaultStep(TimeSpan duration)
    {
        foreach (var seconds in (ReadOnlySpan<int>)[1, 5, 10, 30, 60])
        {
            if (duration.TotalSeconds / seconds <= 4000)
                return TimeSpan.FromSeconds(seconds);
        }
        return TimeSpan.FromMinutes(10);
    }

    private void ReadRegions(FieldReader at)
    {
        foreach (var node in at.Items("regions", 50, required: true))
        {
            if (node.Kind != NodeKind.Text || node.Text.Length is 0 or > 60)
                at.Fault(node, "regions", "a region is a name of up to 60 characters");
            else if (_regions.Exists(r => FieldReader.Same(r, node.Text)))
                at.Fault(node, "regions", $"\"{node.Text}\" stands there twice");
            else
                _regions.Add(node.Text);
        }
    }

    private void ReadEdges(FieldReader at, string home)
    {
        foreach (var (edge, index) in at.Objects("edges", 32))
        {
            var name = edge.Text("name", $"edge-{index + 1}", 60);
            var region = edge.Named("home", _regions);
            var weight = edge.Number("weight", 0.001, 1000, 1);
            edge.Close();
            _edges.Add(new EdgeSpec(name, region >= 0 ? _regions[region] : home, weight));
        }
        if (_edges.Count == 0)
            _edges.Add(new EdgeSpec("edge-1", home, 1));
    }

    /// <summary>The topology numbers services as its sites name them; so do we.</summary>
    private void OrderServices(FieldReader at)
    {
        var order = _sites.Select(s => s.Service).Where(s => s >= 0).Distinct().ToList();
        for (var i = 0; i < _services.Count; i++)
        {
            if (order.Contains(i))
                continue;
            at.Fault("services", $"\"{_services[i].Name}\" has no site");
            return;
        }
        var sorted = order.Select(i => _services[i]).ToList();
        for (var i = 0; i < _sites.Count; i++)
            _sites[i] = _sites[i] with { Service = order.IndexOf(_sites[i].Service) };
        _services.Clear();
        _services.AddRange(sorted);
    }

    /// <summary>A fault's "where" names any of them, so each name may stand once only.</summary>
    private void CheckNames(FieldReader at)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        (string Field, IEnumerable<string> Names)[] all =
        [
            ("regions", _regions), ("edges", _edges.Select(e => e.Name)),
            ("components", _components.Select(c => c.Name)), ("sites", _sites.Select(s => s.Name)),
        ];
        foreach (var (field, list) in all)
        {
            foreach (var name in list)
            {
                if (!names.Add(name))
                    at.Fault(field, $"the name \"{name}\" stands twice among regions, edges, components and sites");
                else if (name.Contains('/', StringComparison.Ordinal))
                    at.Fault(field, $"\"{name}\": a name holds no slash");
            }
        }
        if (_sites.Sum(s => s.Server.Count) > TargetsMax)
            at.Fault("sites", $"more than {TargetsMax} targets in all");
    }

    private NetworkSpec ReadNetwork(FieldReader at)
    {
        var network = at.Object("network");
        var usual = new NetworkSpec().Default;
        var main = ReadLink(network, usual);
        var links = ImmutableArray.CreateBuilder<LinkSpec>();
        foreach (var (link, _) in network.Objects("links", 1000))
        {
            var edge = link.Named("edge", [.. _edges.Select(e => e.Name)]);
            var region = link.Named("region", _regions, required: true);
            links.Add(ReadLink(link, main) with
            {
                Edge = edge >= 0 ? _edges[edge].Name : "", Region = region >= 0 ? _regions[region] : "",
            });
            link.Close();
        }
        network.Close();
        return new NetworkSpec(main, links.ToImmutable());
    }

    private static LinkSpec ReadLink(FieldReader at, LinkSpec usual) => usual with
    {
        Delay = at.Time("delay", TimeSpan.Zero, TimeSpan.FromSeconds(10), usual.Delay),
        Jitter = at.Time("jitter", TimeSpan.Zero, TimeSpan.FromSeconds(10), usual.Jitter),
        Loss = at.Number("loss", 0, 0.9, usual.Loss),
    };

    private static CanarySpec ReadCanaries(FieldReader at)
    {
        var usual = new CanarySpec();
        var canaries = new CanarySpec
        {
            Enabled = at.Flag("enabled", true),
            Every = at.Time("every", TimeSpan.FromMilliseconds(500), TimeSpan.FromHours(1), usual.Every),
            Deadline = at.Time("deadline", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1), usual.Deadline),
        };
        at.Close();
        return canaries;
    }

    private static HoldsSpec ReadHolds(FieldReader at)
    {
        var holds = new HoldsSpec
        {
            RegretMax = at.MaybeNumber("regretMax", 0, 1),
            ConvergeWithin = at.MaybeTime("convergeWithin", TimeSpan.Zero, s_longest),
            DetectWithin = at.MaybeTime("detectWithin", TimeSpan.Zero, s_longest),
            OverloadMax = at.MaybeNumber("overloadMax", 0.1, 100),
            AttemptsMax = at.MaybeNumber("attemptsMax", 1, 100),
            ServedMin = at.MaybeNumber("servedMin", 0, 1),
            ServedTopMin = at.MaybeNumber("servedTopMin", 0, 1),
            HealthyClosedMax = at.Has("healthyClosedMax") ? at.Whole("healthyClosedMax", 0, TargetsMax, 0) : null,
        };
        at.Close();
        return holds;
    }
}
