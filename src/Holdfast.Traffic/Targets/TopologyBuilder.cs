using System.Collections.Immutable;

namespace Holdfast.Traffic.Targets;

/// <summary>Builds one picture from options and the picture before it.</summary>
internal sealed class TopologyBuilder
{
    private readonly TopologyOptions _options;
    private readonly RegionOrder _order;
    private readonly NameTable _services = new();
    private readonly NameTable _regions = new();
    private readonly NameTable _components = new();
    private readonly NameTable _siteNames = new();
    private readonly NameTable _targetNames = new();
    private readonly List<SiteNode> _sites;
    private readonly List<TargetNode> _targets;

    public TopologyBuilder(TopologyOptions options, Topology previous)
    {
        _options = options;
        _order = new RegionOrder(options);
        _sites = [.. previous.Sites.Select(s => s with { IsRetired = true, Targets = [], DependsOn = [] })];
        _targets = [.. previous.Targets.Select(t => t with { IsRetired = true })];
        foreach (var service in previous.Services)
            _services.Index(service.Name);
        foreach (var region in previous.Regions)
            _regions.Index(region);
        foreach (var component in previous.Components)
            _components.Index(component);
        foreach (var site in previous.Sites)
            _siteNames.Index(site.Name);
        foreach (var target in previous.Targets)
            _targetNames.Index(TargetName(target.Site.Value, target.Address));
    }

    public Topology Build()
    {
        foreach (var region in _options.Regions)
            _regions.Index(region.Name);
        foreach (var site in _options.Sites)
            Add(site);
        return new Topology(_options, BuildServices(), [.. _sites], [.. _targets])
        {
            Regions = [.. _regions.Names], Components = [.. _components.Names],
        };
    }

    private void Add(SiteOptions site)
    {
        var service = _services.Index(site.Service);
        var id = _siteNames.Index(site.Name);
        var targets = ImmutableArray.CreateBuilder<TargetId>(site.Targets.Length);
        foreach (var target in site.Targets)
        {
            var index = _targetNames.Index(TargetName(id, target.Address));
            var node = new TargetNode(new TargetId(index), new SiteId(id), target.Address, target.ConcurrencyMax);
            if (index < _targets.Count)
                _targets[index] = node;
            else
                _targets.Add(node);
            targets.Add(node.Id);
        }
        var isHome = _order.Distance(site.Region, HomeOf(site.Service)) == RegionOrder.Home;
        var built = new SiteNode(new SiteId(id), site.Name, new ServiceId(service), site.Region, isHome,
            site.CapacityPerSecond, targets.ToImmutable())
        {
            RegionId = new RegionId(_regions.Index(site.Region)),
            DependsOn = [.. (site.DependsOn ?? []).Select(_components.Index).Distinct()],
        };
        if (id < _sites.Count)
            _sites[id] = built;
        else
            _sites.Add(built);
    }

    private ImmutableArray<ServiceNode> BuildServices()
    {
        var bySite = new List<SiteOptions>[_services.Names.Count];
        for (var i = 0; i < bySite.Length; i++)
            bySite[i] = [];
        foreach (var site in _options.Sites)
            bySite[_services.Index(site.Service)].Add(site);
        return [.. bySite.Select((sites, i) => new ServiceNode(new ServiceId(i), _services.Names[i],
            [.. sites.OrderBy(s => _order.Distance(s.Region, HomeOf(s.Service)))
                .Select(s => new SiteId(_siteNames.Index(s.Name)))]))];
    }

    private string? HomeOf(string service)
    {
        foreach (var own in _options.Services ?? [])
        {
            if (string.Equals(own.Name, service, StringComparison.OrdinalIgnoreCase))
                return own.HomeRegion;
        }
        return null;
    }

    private static string TargetName(int site, string address) => $"{site}/{address}";
}

/// <summary>Numbers names as they come.</summary>
internal sealed class NameTable
{
    private readonly Dictionary<string, int> _indexes = new(StringComparer.OrdinalIgnoreCase);

    public List<string> Names { get; } = [];

    public int Index(string name)
    {
        if (_indexes.TryGetValue(name, out var index))
            return index;
        index = Names.Count;
        _indexes.Add(name, index);
        Names.Add(name);
        return index;
    }
}

/// <summary>How far a region is from home, in steps of the configured order.</summary>
internal sealed class RegionOrder
{
    public const int Home = -1;
    private readonly string _home;
    private readonly List<string> _order;

    public RegionOrder(TopologyOptions options)
    {
        _home = options.HomeRegion.Length > 0 ? options.HomeRegion
            : options.Regions.Length > 0 ? options.Regions[0].Name : "";
        _order = [.. options.Regions.Select(r => r.Name)];
    }

    /// <param name="home">The service's own home; null: everybody's.</param>
    public int Distance(string region, string? home = null)
    {
        if (string.Equals(region, string.IsNullOrEmpty(home) ? _home : home, StringComparison.OrdinalIgnoreCase))
            return Home;
        var i = _order.FindIndex(r => string.Equals(r, region, StringComparison.OrdinalIgnoreCase));
        return i < 0 ? int.MaxValue : i;
    }
}
