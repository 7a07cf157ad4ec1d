using System.Globalization;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>What operators do by hand, and what is expected of it before.</summary>
internal sealed partial class TrafficEngine
{
    private static readonly TimeSpan s_actForDefault = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_actForMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_actForMax = TimeSpan.FromDays(30);
    private static readonly NumberFormatInfo s_numbers = new() { NumberGroupSeparator = " " };

    public ActPrediction Predict(in OperatorAct act, TimeSpan now)
    {
        if (FaultOf(act) is { } fault)
            return new ActPrediction(false, fault, 0, 0, []);
        return new ActForecast(this, Topology, act, now.TotalSeconds).Tell();
    }

    public ActOutcome Apply(in OperatorAct act, TimeSpan time)
    {
        if (FaultOf(act) is { } fault)
            return new ActOutcome(false, fault);
        var now = time.TotalSeconds;
        var prediction = new ActForecast(this, Topology, act, now).Tell();
        ActKind? ends = act.Kind switch
        {
            ActKind.Undrain => ActKind.Drain,
            ActKind.Unpin => ActKind.Pin,
            ActKind.Unfreeze => ActKind.Freeze,
            ActKind.Weight when act.Weight >= 1 => ActKind.Weight,
            _ => null,
        };
        if (ends is { } kind)
        {
            if (!_acts.Remove(kind, act.Scope, act.Name))
                return new ActOutcome(false, $"Refused: there is no {Word(kind)} of {act.Scope} '{act.Name}' to end.");
        }
        else
        {
            _acts.Add(act, now + (act.For ?? s_actForDefault).TotalSeconds);
        }
        RefreshActs(now);
        return new ActOutcome(true, prediction.Sentence);
    }

    /// <summary>Why an act can't be done; null: it can.</summary>
    private string? FaultOf(in OperatorAct act)
    {
        if (string.IsNullOrWhiteSpace(act.Name))
            return "Refused: no name was given.";
        if (!Enum.IsDefined(act.Kind) || !Enum.IsDefined(act.Scope))
            return "Refused: no such act.";
        if (act.For is { } span && (span < s_actForMin || span > s_actForMax))
            return "Refused: an act holds from 1 second to 30 days.";
        if (act.Kind == ActKind.Weight && act.Weight is not (>= 0 and <= 1))
            return "Refused: a weight is from 0 to 1.";
        if (_acts.IsFull && act.Kind is ActKind.Drain or ActKind.Pin or ActKind.Weight or ActKind.Freeze)
            return "Refused: 100 acts are in force; end some first.";
        foreach (var site in _sites)
        {
            if (!site.Node.IsRetired && Concerns(act, site))
                return null;
        }
        return $"Refused: there is no {act.Scope} '{act.Name}'" + (act.Scope == ActScope.Target
            ? "; a target is written site/address." : ".");
    }

    /// <summary>Whether an act is about a site or something in it.</summary>
    internal bool Concerns(in OperatorAct act, SiteState site)
    {
        if (act.Scope == ActScope.Site)
            return Same(act.Name, site.Node.Name);
        if (act.Scope == ActScope.Region)
            return Same(act.Name, site.Node.Region);
        foreach (var id in site.Node.Targets)
        {
            if (Concerns(act, site, _targets[id.Value]))
                return true;
        }
        return false;
    }

    private static bool Concerns(in OperatorAct act, SiteState site, TargetState target) =>
        act.Scope == ActScope.Target && act.Name.Length == site.Node.Name.Length + 1 + target.Node.Address.Length
        && act.Name[site.Node.Name.Length] == '/'
        && act.Name.StartsWith(site.Node.Name, StringComparison.OrdinalIgnoreCase)
        && act.Name.EndsWith(target.Node.Address, StringComparison.OrdinalIgnoreCase);

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    internal static string Word(ActKind kind) => kind switch
    {
        ActKind.Drain => "drain",
        ActKind.Undrain => "undrain",
        ActKind.Pin => "pin",
        ActKind.Unpin => "unpin",
        ActKind.Weight => "weight",
        ActKind.Freeze => "freeze",
        _ => "unfreeze",
    };

    internal static string Number(double value) =>
        value.ToString(value is > 0 and < 10 ? "0.#" : "#,##0", s_numbers);

    internal SiteState StateOf(SiteId id) => _sites[id.Value];

    internal TrafficOptions Options => _options;

    private void RefreshActs() => RefreshActs(double.IsNaN(_tickAt) ? 0 : _tickAt);

    /// <summary>Writes the acts in force into the states that placing looks at.</summary>
    private void RefreshActs(double now)
    {
        foreach (var service in _services)
            service.IsPinned = false;
        foreach (var site in _sites)
            Refresh(site, now);
    }

    private void Refresh(SiteState site, double now)
    {
        var wasDrained = site.IsDrained;
        site.IsDrained = site.IsFrozen = site.IsPinned = false;
        site.ActWeight = 1;
        var targets = site.Node.Targets;
        foreach (var id in targets)
        {
            var target = _targets[id.Value];
            target.IsDrained = target.IsFrozen = target.IsPinned = false;
            target.ActWeight = 1;
        }
        if (_acts.Count == 0)
            return;
        for (var i = 0; i < _acts.Count; i++)
        {
            var act = _acts[i];
            if (act.Scope != ActScope.Target)
            {
                if (Concerns(act, site))
                    Set(site, act);
                continue;
            }
            foreach (var id in targets)
            {
                if (Concerns(act, site, _targets[id.Value]))
                    Set(site, _targets[id.Value], act);
            }
        }
        var anyPinned = false;
        var allDrained = targets.Length > 0;
        foreach (var id in targets)
            anyPinned |= _targets[id.Value].IsPinned;
        foreach (var id in targets)
        {
            var target = _targets[id.Value];
            if (anyPinned && !target.IsPinned)
                target.IsDrained = true;
            allDrained &= target.IsDrained;
        }
        site.IsDrained |= allDrained;
        if (site.IsDrained && !wasDrained)
            site.DrainedSince = now;
        CountSlots(site);
    }

    private void Set(SiteState site, in OperatorAct act)
    {
        switch (act.Kind)
        {
            case ActKind.Drain:
                site.IsDrained = true;
                break;
            case ActKind.Pin:
                site.IsPinned = true;
                _services[site.Node.Service.Value].IsPinned = true;
                break;
            case ActKind.Weight:
                site.ActWeight = Math.Min(site.ActWeight, act.Weight);
                break;
            case ActKind.Freeze:
                site.IsFrozen = true;
                break;
        }
    }

    private void Set(SiteState site, TargetState target, in OperatorAct act)
    {
        switch (act.Kind)
        {
            case ActKind.Drain:
            case ActKind.Weight when act.Weight <= 0:
                target.IsDrained = true;
                break;
            case ActKind.Pin:
                target.IsPinned = site.IsPinned = true;
                _services[site.Node.Service.Value].IsPinned = true;
                break;
            case ActKind.Weight:
                target.ActWeight = Math.Min(target.ActWeight, act.Weight);
                break;
            case ActKind.Freeze:
                target.IsFrozen = true;
                break;
        }
    }
}
