using System.Collections.Immutable;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Runs;

/// <summary>When each fault begins and ends, and which servers it hits: drawn from the seed before the run, so that
/// it is
/// the same for every policy.</summary>
internal static class FaultTimeline
{
    private const int PeriodsMax = 100_000;

    public static List<FaultPeriod> Draw(Scenario scenario, ulong seed)
    {
        var first = new int[scenario.Sites.Length + scenario.Components.Length + 1];
        for (var i = 0; i < scenario.Sites.Length; i++)
            first[i + 1] = first[i] + scenario.Sites[i].Server.Count;
        for (var i = 0; i < scenario.Components.Length; i++)
        {
            var at = scenario.Sites.Length + i;
            first[at + 1] = first[at] + scenario.Components[i].Server.Count;
        }
        var periods = new List<FaultPeriod>();
        for (var i = 0; i < scenario.Faults.Length; i++)
        {
            var fault = scenario.Faults[i];
            var random = new RandomStream(seed, "fault:" + i);
            for (var from = fault.At; from < scenario.Duration && periods.Count < PeriodsMax; from += fault.Every)
            {
                var servers = DrawServers(scenario, fault, first, random);
                var sites = fault.Where.Where(p => p.Kind is PlaceKind.Site or PlaceKind.Target)
                    .Select(p => p.First).Concat(SitesBehind(scenario, fault)).Distinct().Order();
                periods.Add(new FaultPeriod(i, from, from + fault.For, servers, [.. sites]));
                if (fault.Every <= TimeSpan.Zero || from + fault.Every + fault.For > fault.Until)
                    break;
            }
        }
        return periods;
    }

    /// <summary>Indexes over all servers: the sites' targets, then the components' instances.</summary>
    private static ImmutableArray<int> DrawServers(Scenario scenario, FaultSpec fault, int[] first,
        RandomStream random)
    {
        var servers = new SortedSet<int>();
        foreach (var place in fault.Where)
        {
            if (place.Kind is PlaceKind.Edge or PlaceKind.Link)
                continue;
            var pool = place.Kind == PlaceKind.Component ? scenario.Sites.Length + place.First : place.First;
            var count = first[pool + 1] - first[pool];
            if (place.Second >= 0)
            {
                servers.Add(first[pool] + place.Second);
                continue;
            }
            var wanted = Math.Clamp((int)Math.Round(fault.Targets * count), 1, count);
            // Floyd's draw of distinct ones.
            for (var j = count - wanted; j < count; j++)
            {
                if (!servers.Add(first[pool] + random.Next(j + 1)))
                    servers.Add(first[pool] + j);
            }
        }
        return [.. servers];
    }

    /// <summary>Sites that feel a component's or a link's fault.</summary>
    private static IEnumerable<int> SitesBehind(Scenario scenario, FaultSpec fault)
    {
        for (var site = 0; site < scenario.Sites.Length; site++)
        {
            var spec = scenario.Sites[site];
            foreach (var place in fault.Where)
            {
                if ((place.Kind == PlaceKind.Component && spec.DependsOn.Contains(place.First))
                    || (place.Kind == PlaceKind.Link
                        && (place.Second < 0 || FieldReader.Same(scenario.Regions[place.Second], spec.Region))))
                    yield return site;
            }
        }
    }
}
