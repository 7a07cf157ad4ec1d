using Holdfast.Sim.Runs;

namespace Holdfast.Optimum;

/// <summary>Turns what the simulator knows of its world into resources and streams.</summary>
internal sealed class WorldProblem
{
    private readonly TrueWorld _world;
    private readonly int _width;
    private readonly List<FlowResource> _resources = [];
    private readonly Dictionary<int, int> _components = [];

    private WorldProblem(TrueWorld world)
    {
        _world = world;
        _width = WorldBuckets.Width(world);
    }

    private double BucketSeconds => _width * _world.Step.TotalSeconds;

    /// <summary>The problem of these services, and each stream's service.</summary>
    public static (FlowProblem Problem, List<int> ServiceOf) Make(TrueWorld world, List<int> services) =>
        new WorldProblem(world).Make(services);

    private (FlowProblem, List<int>) Make(List<int> services)
    {
        var streams = new List<FlowStream>();
        var serviceOf = new List<int>();
        foreach (var service in services)
        {
            var sites = AddSites(service);
            foreach (var demands in _world.Demands.Where(d => d.Service == service)
                .GroupBy(d => (d.Priority, d.Operation, d.DeadlineSeconds)).OrderBy(g => g.Key))
            {
                streams.Add(MakeStream(demands.Key.Operation, demands.Key.Priority, demands.Key.DeadlineSeconds,
                    [.. demands], sites));
                serviceOf.Add(service);
            }
        }
        return (new FlowProblem(BucketSeconds, [.. _resources], [.. streams]), serviceOf);
    }

    private FlowStream MakeStream(int operation, int priority, double deadline, WorldDemand[] demands, List<Way> ways)
    {
        var arrivals = WorldBuckets.Gather(demands[0].Arrivals, _width);
        foreach (var demand in demands.Skip(1))
        {
            var more = WorldBuckets.Gather(demand.Arrivals, _width);
            for (var i = 0; i < arrivals.Length; i++)
                arrivals[i] += more[i];
        }
        var within = Math.Ceiling(deadline / BucketSeconds - 1e-9);
        return new FlowStream($"operation {operation}, priority {priority}", priority, arrivals,
            demands.Sum(d => d.Backlog), within >= arrivals.Length ? null : (int)within,
            [.. ways.Select(w => new FlowPath(w.Of(operation)))]);
    }

    /// <param name="Site">Resource of the site.</param>
    /// <param name="Components">Resources of what it needs.</param>
    /// <param name="ByOperation">Resource that bounds one operation; −1: none.</param>
    private sealed record Way(int Site, int[] Components, int[] ByOperation)
    {
        public int[] Of(int operation) => ByOperation[operation] < 0 ? [Site, .. Components]
            : [Site, ByOperation[operation], .. Components];
    }

    private List<Way> AddSites(int service)
    {
        var ways = new List<Way>();
        // Sites that nothing tells apart are one: same components, no fault of a single operation.
        foreach (var alike in _world.Sites.Where(s => s.Service == service)
            .GroupBy(s => s.SuccessShare.All(o => o is null) ? string.Join(',', s.DependsOn) : "site " + s.Name))
        {
            var capacity = new double[(_world.Steps + _width - 1) / _width];
            foreach (var site in alike)
                AddTo(capacity, site);
            var components = alike.First().DependsOn.Select(Component).ToArray();
            var resource = Add(alike.Key, capacity);
            var byOperation = alike.First().SuccessShare.Select(share => share is null ? -1
                : Add($"{alike.Key}, one operation", ForOperation(alike.First(), share))).ToArray();
            ways.Add(new Way(resource, components, byOperation));
        }
        return ways;
    }

    private void AddTo(double[] buckets, WorldSite site)
    {
        var reached = site.Reachable.All(r => r >= 1) ? null : Arriving(site.Service);
        for (var i = 0; i < _world.Steps; i++)
        {
            var most = site.Capacity[i] * _world.Step.TotalSeconds;
            if (reached is not null && site.Reachable[i] < 1)
                most = Math.Min(most, site.Reachable[i] * reached[i]);
            buckets[i / _width] += most;
        }
    }

    /// <summary>What arrives in a step.</summary>
    private double[] Arriving(int service)
    {
        var arriving = new double[_world.Steps];
        foreach (var demand in _world.Demands.Where(d => d.Service == service))
        {
            arriving[0] += demand.Backlog;
            for (var i = 0; i < _world.Steps; i++)
                arriving[i] += demand.Arrivals[i];
        }
        return arriving;
    }

    private double[] ForOperation(WorldSite site, double[] share)
    {
        var buckets = new double[(_world.Steps + _width - 1) / _width];
        for (var i = 0; i < _world.Steps; i++)
            buckets[i / _width] += site.Capacity[i] * share[i] * _world.Step.TotalSeconds;
        return buckets;
    }

    private int Component(int component)
    {
        if (_components.TryGetValue(component, out var resource))
            return resource;
        resource = Add(_world.Components[component].Name,
            WorldBuckets.Gather(_world.Components[component].Capacity, _width,
                _world.Step.TotalSeconds));
        _components.Add(component, resource);
        return resource;
    }

    private int Add(string name, double[] perBucket)
    {
        _resources.Add(new FlowResource(name, perBucket));
        return _resources.Count - 1;
    }
}
