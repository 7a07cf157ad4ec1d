namespace Holdfast.Traffic.Targets;

/// <summary>Finds what is wrong between the values of a topology; each fault says what to do.</summary>
public static class TopologyFaults
{
    private const int SitesMax = 10_000;
    private const int DependsOnMax = 32;
    private const int NameCharsMax = 200;
    private const double CapacityMin = 0.1;
    private const double CapacityMax = 1_000_000;

    /// <summary>Empty when all is well. Null arrays and entries, as a binder makes them, are faults and never
    /// thrown on.</summary>
    public static IReadOnlyList<string> Find(TopologyOptions options)
    {
        var faults = new List<string>();
        var regions = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var region in options.Regions ?? [])
        {
            if (region is null || string.IsNullOrWhiteSpace(region.Name))
                faults.Add("Regions: an entry has no Name.");
            else if (!regions.Add(region.Name))
                faults.Add($"Regions: '{region.Name}' stands there twice: remove one.");
        }
        var home = options.HomeRegion ?? "";
        if (home.Length > 0 && !regions.Contains(home))
            faults.Add($"HomeRegion '{home}' is not among Regions ({Known(regions)}).");
        var services = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var service in options.Services ?? [])
        {
            if (service is null || string.IsNullOrWhiteSpace(service.Name))
                faults.Add("Services: an entry has no Name.");
            else if (!services.Add(service.Name))
                faults.Add($"Services: '{service.Name}' stands there twice: remove one.");
            else if (!regions.Contains(service.HomeRegion ?? ""))
                faults.Add($"Service '{service.Name}': HomeRegion '{service.HomeRegion}' is not among Regions "
                    + $"({Known(regions)}).");
        }
        var sites = options.Sites ?? [];
        if (sites.Length > SitesMax)
            faults.Add($"Sites: {sites.Length} entries; at most {SitesMax} are supported.");
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < sites.Length && i < SitesMax; i++)
        {
            if (sites[i] is null)
                faults.Add($"Sites[{i}] is empty: remove it.");
            else
                Check(sites[i], i, names, regions, faults);
        }
        return faults;
    }

    private static void Check(SiteOptions site, int index, HashSet<string> names, HashSet<string> regions,
        List<string> faults)
    {
        var name = string.IsNullOrWhiteSpace(site.Name) ? $"Sites[{index}]" : $"Site '{site.Name}'";
        if (string.IsNullOrWhiteSpace(site.Name))
            faults.Add($"{name} has no Name.");
        else if (!names.Add(site.Name))
            faults.Add($"{name} stands there twice: give each site a name of its own.");
        if (string.IsNullOrWhiteSpace(site.Service))
            faults.Add($"{name} has no Service: write what it provides, for example \"mail\".");
        if (string.IsNullOrWhiteSpace(site.Region))
            faults.Add($"{name} has no Region.");
        else if (!regions.Contains(site.Region))
            faults.Add($"{name}: Region '{site.Region}' is not among Regions ({Known(regions)}).");
        if (site.CapacityPerSecond is { } capacity && capacity is not (>= CapacityMin and <= CapacityMax))
        {
            faults.Add($"{name}: CapacityPerSecond must be from {CapacityMin} to 1 000 000, or left out when it isn't "
                + "known.");
        }
        foreach (var component in site.DependsOn ?? [])
        {
            if (string.IsNullOrWhiteSpace(component) || component.Length > NameCharsMax)
                faults.Add($"{name}: DependsOn: a component's name must have 1 to {NameCharsMax} characters.");
        }
        if (site.DependsOn is { Length: > DependsOnMax })
            faults.Add($"{name}: DependsOn: {site.DependsOn.Length} entries; at most {DependsOnMax} are supported.");
        if (site.Targets is not { Length: > 0 })
            faults.Add($"{name} has no Targets: add at least one Address.");
        var addresses = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var target in site.Targets ?? [])
        {
            if (target is null)
                faults.Add($"{name}: an entry of Targets is empty: remove it.");
            else if (!TargetAddress.TryParse(target.Address, out _, out var fault))
                faults.Add($"{name}: Address {fault}");
            else if (!addresses.Add(target.Address))
                faults.Add($"{name}: Address '{target.Address}' stands there twice: remove one.");
            if (target?.ConcurrencyMax is < 1 or > 10_000)
                faults.Add($"{name}: ConcurrencyMax must be from 1 to 10 000.");
        }
    }

    private static string Known(HashSet<string> regions) => regions.Count == 0 ? "none is given"
        : string.Join(", ", regions.Order(StringComparer.OrdinalIgnoreCase));
}
