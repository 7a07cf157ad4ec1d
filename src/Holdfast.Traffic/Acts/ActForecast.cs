using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Acts;

/// <summary>What an act would do to load and shedding, by the rates and capacities of now.</summary>
/// <remarks>
/// Formula: each service's present traffic is filled into its sites nearest first, up to the spill mark of what each
/// has proven or may be filled to, then up to that limit; what no site has room for waits or is shed.
/// Known to do badly: it knows the traffic that was placed, not what waits or was shed already; it says where traffic
/// ends up, not how the shift goes on the way.
/// </remarks>
internal readonly struct ActForecast(TrafficEngine engine, Topology topology, OperatorAct act, double now)
{
    private sealed class Row
    {
        public required SiteState Site { get; init; }
        public double Before { get; init; }
        public double Room { get; set; }
        public double After { get; set; }
        public bool IsPinned { get; set; }
    }

    public ActPrediction Tell()
    {
        var shifts = new List<ActShift>();
        var sentences = new List<string>();
        double moved = 0, unplaced = 0;
        foreach (var service in topology.Services)
        {
            var rows = new List<Row>();
            var isConcerned = false;
            foreach (var id in service.SitesNearestFirst)
            {
                var site = engine.StateOf(id);
                isConcerned |= engine.Concerns(act, site);
                rows.Add(new Row { Site = site, Before = site.PlacedMeter.PerSecond(now) });
            }
            if (!isConcerned)
                continue;
            Fill(rows, ref unplaced, out var lost);
            var gone = rows.Sum(r => Math.Max(0, r.Before - r.After));
            moved += gone;
            shifts.AddRange(rows.Select(r => new ActShift(service.Name, r.Site.Node.Name, r.Before, r.After,
                r.Site.Full)));
            sentences.Add(Sentence(service.Name, rows, gone, lost));
        }
        return new ActPrediction(true, string.Join("; ", sentences) + ".", moved, unplaced, shifts);
    }

    private void Fill(List<Row> rows, ref double unplaced, out double lost)
    {
        var anyPinned = false;
        foreach (var row in rows)
        {
            var site = row.Site;
            var isConcerned = engine.Concerns(act, site);
            var isWhole = act.Scope != ActScope.Target || site.Node.Targets.Length <= 1;
            // A target is its part of the site.
            var part = isWhole ? 1 : 1.0 / site.Node.Targets.Length;
            var drained = site.IsDrained;
            var weight = site.ActWeight;
            row.IsPinned = site.IsPinned;
            if (isConcerned)
            {
                switch (act.Kind)
                {
                    case ActKind.Drain:
                        weight *= 1 - part;
                        break;
                    case ActKind.Undrain:
                        drained = false;
                        break;
                    case ActKind.Pin:
                        row.IsPinned = true;
                        break;
                    case ActKind.Unpin:
                        row.IsPinned = false;
                        break;
                    case ActKind.Weight:
                        weight = isWhole ? act.Weight : weight * (1 - part * (1 - act.Weight));
                        break;
                }
            }
            row.Room = drained || IsShut(site) ? 0 : site.Full * weight;
            anyPinned |= row.IsPinned;
        }
        var left = rows.Sum(r => r.Before);
        foreach (var mark in (ReadOnlySpan<double>)[engine.Options.SpillFrom, 1.0])
        {
            foreach (var row in rows)
            {
                if (anyPinned && !row.IsPinned)
                    continue;
                var more = Math.Clamp(mark * row.Room - row.After, 0, left);
                row.After += more;
                left -= more;
            }
        }
        lost = left < 1e-6 ? 0 : left;
        unplaced += lost;
    }

    private static bool IsShut(SiteState site)
    {
        foreach (var key in site.Keys)
        {
            if (key is { IsClosed: true })
                return true;
        }
        return false;
    }

    private static string Sentence(string service, List<Row> rows, double moved, double lost)
    {
        if (moved < 0.05)
            return $"{service}: this moves nothing now";
        var into = rows.Where(r => r.After > r.Before + 0.05).Select(r =>
            $"{TrafficEngine.Number(r.After - r.Before)}/s to {r.Site.Node.Name}, which then carries "
            + $"{TrafficEngine.Number(r.After)} of the {TrafficEngine.Number(r.Site.Full)}/s that it has proven or may "
            + "be filled to").ToList();
        var waits = rows.Exists(r => r.Site.Keys[(int)OperationClass.MailDelivery] is not null);
        var fate = waits ? "wait" : "be shed";
        var text = into.Count == 0 ? $"{service}: this takes {TrafficEngine.Number(moved)}/s away"
            : $"{service}: this moves {string.Join(" and ", into)}";
        return lost > 0 ? $"{text}: {TrafficEngine.Number(lost)}/s would {fate}" : text;
    }
}
