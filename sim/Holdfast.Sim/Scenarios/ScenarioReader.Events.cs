using System.Collections.Immutable;
using System.Globalization;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Scenarios;

/// <summary>Faults and acts: what happens when, and where.</summary>
internal sealed partial class ScenarioReader
{
    private ImmutableArray<FaultSpec> ReadFaults(FieldReader at, TimeSpan? healedAt)
    {
        var faults = ImmutableArray.CreateBuilder<FaultSpec>();
        foreach (var (fault, _) in at.Objects("faults", 1000))
        {
            var kind = fault.Choice("kind", FaultKind.Error, required: true);
            var (text, where) = ReadWhere(fault, kind);
            var isMail = where.Any(p => p.Kind is PlaceKind.Site or PlaceKind.Target && p.First < _sites.Count
                && _services.ElementAtOrDefault(_sites[p.First].Service)?.Kind == ServiceKind.Mail);
            var operation = fault.Named("operation", OperationNames);
            var begins = fault.Time("at", TimeSpan.Zero, _duration, TimeSpan.Zero, required: true);
            var lasts = fault.Time("for", TimeSpan.FromTicks(1), s_longest, _duration);
            var ends = healedAt ?? _duration;
            var spec = new FaultSpec
            {
                Kind = kind,
                At = begins,
                For = lasts,
                Every = fault.Time("every", TimeSpan.Zero, s_longest, TimeSpan.Zero),
                Until = fault.Time("until", TimeSpan.Zero, _duration, ends),
                WhereText = text,
                Where = where,
                Targets = fault.Number("targets", 0, 1, 1),
                Share = fault.Number("share", 0, 1, 1),
                Factor = fault.Number("factor", 0, 1000, kind == FaultKind.Capacity ? 0.5 : 3),
                Operation = operation >= 0 ? (OperationClass)operation : null,
                Scope = fault.Choice("scope", isMail ? FailureScope.Site : FailureScope.Target),
                Phase = fault.MaybeChoice<AttemptPhase>("phase"),
                Text = fault.Text("text", isMail ? "451 4.3.2 Temporary server error" : "500 Internal Server Error"),
                After = fault.Time("after", TimeSpan.Zero, TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(1)),
                Component = fault.Named("component", [.. _components.Select(c => c.Name)],
                    required: kind == FaultKind.DependencyLoss),
                By = ReadStep(fault, kind),
            };
            if (spec.Every > TimeSpan.Zero && spec.Every <= spec.For)
                fault.Fault("every", "is not longer than one fault lasts (for)");
            if (kind == FaultKind.Capacity && spec.Factor > 1)
                fault.Fault("factor", "a capacity fault leaves 0 to 1 of the workers");
            var last = spec.Every > TimeSpan.Zero ? spec.Until : begins + lasts;
            if (healedAt is { } healed && fault.Has("for") && last > healed)
                fault.Fault("for", "the fault lasts beyond healedAt");
            if (healedAt is not null && !fault.Has("for"))
                spec = spec with { For = ends > begins ? ends - begins : lasts };
            fault.Close();
            faults.Add(spec);
        }
        return faults.ToImmutable();
    }

    /// <summary>A clock goes back too: a minus sign before the duration.</summary>
    private static TimeSpan ReadStep(FieldReader at, FaultKind kind)
    {
        var text = at.Text("by", required: kind == FaultKind.ClockStep);
        if (text.Length == 0)
            return TimeSpan.Zero;
        var back = text[0] == '-';
        if (Duration.TryParse(back ? text[1..] : text, out var by) && by <= s_longest)
            return back ? -by : by;
        at.Fault("by", "must be a duration in quotes of up to 31 days", "write \"1h\" or \"-90s\"");
        return TimeSpan.Zero;
    }

    private ImmutableArray<ActSpec> ReadActs(FieldReader at)
    {
        var acts = ImmutableArray.CreateBuilder<ActSpec>();
        foreach (var (act, _) in at.Objects("acts", 1000))
        {
            var (text, where) = ReadWhere(act, null);
            acts.Add(new ActSpec(
                act.Time("at", TimeSpan.Zero, _duration, TimeSpan.Zero, required: true),
                act.Choice("act", ActKind.Drain, required: true), text, where,
                act.Number("weight", 0, 1, 1),
                act.Time("for", TimeSpan.Zero, s_longest, TimeSpan.Zero)));
            act.Close();
        }
        return acts.ToImmutable();
    }

    /// <param name="kind">Null: an act.</param>
    private (string Text, ImmutableArray<Place> Where) ReadWhere(FieldReader at, FaultKind? kind)
    {
        var places = ImmutableArray.CreateBuilder<Place>();
        var texts = new List<string>();
        foreach (var node in at.Items("where", 100, required: true))
        {
            texts.Add(node.Text);
            if (node.Kind != NodeKind.Text)
                at.Fault(node, "where", "must be a name in quotes");
            else
                Resolve(at, node, kind, places);
        }
        return (string.Join(", ", texts), places.ToImmutable());
    }

    private void Resolve(FieldReader at, ScenarioNode node, FaultKind? kind, ImmutableArray<Place>.Builder places)
    {
        var slash = node.Text.IndexOf('/', StringComparison.Ordinal);
        var name = slash < 0 ? node.Text : node.Text[..slash];
        var rest = slash < 0 ? "" : node.Text[(slash + 1)..];
        var site = _sites.FindIndex(s => FieldReader.Same(s.Name, name));
        var component = _components.FindIndex(c => FieldReader.Same(c.Name, name));
        var edge = _edges.FindIndex(e => FieldReader.Same(e.Name, name));
        var region = _regions.FindIndex(r => FieldReader.Same(r, name));
        var isNetwork = kind is FaultKind.Partition or FaultKind.Loss;
        if (site < 0 && component < 0 && edge < 0 && region < 0)
        {
            at.Fault(node, "where", $"there is no \"{name}\"", NearName.Suggest(name,
                [.. _sites.Select(s => s.Name), .. _components.Select(c => c.Name), .. _edges.Select(e => e.Name),
                    .. _regions]));
        }
        else if (isNetwork)
        {
            ResolveLink(at, node, edge, region, rest, places);
        }
        else if (kind is FaultKind.Pause or FaultKind.ClockStep)
        {
            if (edge >= 0)
                places.Add(new(PlaceKind.Edge, edge));
            else
                at.Fault(node, "where", "only an edge can pause or have its clock stepped");
        }
        else if (edge >= 0 || (component >= 0 && kind is null or FaultKind.DependencyLoss))
        {
            at.Fault(node, "where", $"\"{name}\" is no site, target or region");
        }
        else if (region >= 0)
        {
            for (var i = 0; i < _sites.Count; i++)
            {
                if (FieldReader.Same(_sites[i].Region, _regions[region]))
                    places.Add(new(PlaceKind.Site, i));
            }
        }
        else
        {
            var server = site >= 0 ? _sites[site].Server : _components[component].Server;
            var index = -1;
            if (slash >= 0 && (!int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out index)
                || index >= server.Count))
            {
                at.Fault(node, "where", $"\"{name}\" has no target {rest}", $"0 to {server.Count - 1}");
                index = 0;
            }
            places.Add(site < 0 ? new(PlaceKind.Component, component, index)
                : index < 0 ? new(PlaceKind.Site, site) : new(PlaceKind.Target, site, index));
        }
    }

    /// <summary>"na": every edge's way to that region; "edge-1": all its ways; "edge-1/na": that one.</summary>
    private void ResolveLink(FieldReader at, ScenarioNode node, int edge, int region, string rest,
        ImmutableArray<Place>.Builder places)
    {
        if (edge >= 0)
        {
            var to = rest.Length == 0 ? -1 : _regions.FindIndex(r => FieldReader.Same(r, rest));
            if (rest.Length > 0 && to < 0)
                at.Fault(node, "where", $"there is no region \"{rest}\"", NearName.Suggest(rest, _regions));
            places.Add(new(PlaceKind.Link, edge, to));
        }
        else if (region >= 0)
        {
            for (var i = 0; i < _edges.Count; i++)
                places.Add(new(PlaceKind.Link, i, region));
        }
        else
        {
            at.Fault(node, "where", "must be a region, an edge, or edge/region");
        }
    }
}
