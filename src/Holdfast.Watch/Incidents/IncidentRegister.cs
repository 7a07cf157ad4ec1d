namespace Holdfast.Watch.Incidents;

/// <summary>Makes incidents of verdicts: opens, widens, merges, worsens, downgrades, recovers, closes and reopens them.
/// </summary>
/// <remarks>
/// Promise: each scope that is settled bad (<see cref="ScopeHistory"/>) belongs to exactly one open incident; an
/// incident is closed only after all its scopes were healthy for <see cref="IncidentOptions.CloseAfter"/> without a
/// break; an id is given once and never changes. Pure: the same calls give the same incidents.
/// Which incident: one that has the scope; else the oldest open one near it (same service or region, still widening);
/// where several are near, the younger ones are merged into the oldest. Else one closed a short while ago that had it.
/// Limits: no more than <see cref="KeptMax"/> ended incidents are remembered; one cause that hits services and regions
/// without any in common is several incidents. Not for use by two threads.
/// </remarks>
/// <param name="prefixes">Two letters of an id by service, as EX for mail; XX where there are none, MO for
/// several.</param>
internal sealed class IncidentRegister(IncidentOptions options, IReadOnlyDictionary<string, string> prefixes,
    int nextNumber)
{
    public const int KeptMax = 1000;
    private readonly Dictionary<Scope, ScopeHistory> _histories = [];
    private readonly List<Incident> _incidents = [];
    private readonly List<IncidentChange> _changes = [];
    private DateTimeOffset _now = DateTimeOffset.MinValue;
    private int _next = nextNumber;

    /// <summary>Open ones, and ended ones that are remembered; oldest first.</summary>
    public IReadOnlyList<Incident> Incidents => _incidents;

    public Severity SettledOf(Scope scope) => _histories.TryGetValue(scope, out var h) ? h.Settled : Severity.Healthy;

    /// <summary>Hears what is bad now; what isn't named is healthy. A clock that steps back stands still.</summary>
    public IReadOnlyList<IncidentChange> Hear(DateTimeOffset now, IReadOnlyDictionary<Scope, Severity> bad)
    {
        _now = now > _now ? now : _now;
        _changes.Clear();
        foreach (var scope in bad.Keys)
            _histories.TryAdd(scope, new());
        foreach (var (scope, history) in _histories)
            history.Hear(bad.GetValueOrDefault(scope), _now, options);
        Place();
        foreach (var incident in _incidents.Where(i => i.IsOpen).ToList())
            Follow(incident);
        foreach (var scope in _histories.Where(h => h.Value.IsForgettable).Select(h => h.Key).ToList())
            _histories.Remove(scope);
        var ended = _incidents.Count(i => !i.IsOpen) - KeptMax;
        for (var i = 0; ended > 0 && i < _incidents.Count; i++)
        {
            if (_incidents[i].IsOpen)
                continue;
            _incidents.RemoveAt(i--);
            ended--;
        }
        return [.. _changes];
    }

    /// <summary>Finds an incident for each scope that has none. What becomes bad at once is placed together.</summary>
    private void Place()
    {
        var homeless = _histories.Where(h => h.Value.Settled > Severity.Healthy
                && !_incidents.Any(i => i.IsOpen && i.Scopes.ContainsKey(h.Key)))
            .OrderBy(h => h.Value.BadSince).ThenBy(h => h.Key.Service, StringComparer.Ordinal)
            .ThenBy(h => h.Key.Region, StringComparer.Ordinal).Select(h => h.Key).ToList();
        while (homeless.Count > 0)
        {
            var scope = homeless[0];
            homeless.RemoveAt(0);
            var near = _incidents.Where(i => i.IsOpen && i.IsNear(scope, _now, options.JoinWithin)).ToList();
            if (near.Count > 0)
            {
                Widen(near[0], scope);
                foreach (var other in near.Skip(1))
                    Merge(other, near[0]);
            }
            else if (_incidents.FindLast(i => i.Closed is { } at && _now - at <= options.ReopenWithin
                && i.Scopes.ContainsKey(scope)) is { } closed)
            {
                foreach (var taken in closed.Scopes.Keys
                    .Where(s => _incidents.Any(i => i.IsOpen && i.Scopes.ContainsKey(s))).ToList())
                    closed.Leave(taken);
                closed.Closed = null;
                closed.Set(scope, SettledOf(scope));
                closed.Widened = _now;
                closed.Status = StatusOf(closed.Worst);
                Tell(closed, IncidentAct.Reopened, $"{Name(scope)} is {Word(scope)} again");
            }
            else
            {
                Open(scope, homeless);
            }
        }
    }

    private void Open(Scope first, List<Scope> homeless)
    {
        // All that is near what it already has, so that one cause is one id from the start.
        List<Scope> scopes = [first];
        for (var i = 0; i < scopes.Count; i++)
        {
            var near = homeless.Where(s => s.Service == scopes[i].Service || s.Region == scopes[i].Region).ToList();
            scopes.AddRange(near);
            homeless.RemoveAll(near.Contains);
        }
        var services = scopes.Select(s => s.Service).Distinct(StringComparer.Ordinal).ToList();
        var prefix = services.Count > 1 ? "MO" : prefixes.GetValueOrDefault(services[0], "XX");
        var incident = new Incident(FormattableString.Invariant($"{prefix}{_next++}"),
            scopes.Min(s => _histories[s].BadSince), _now);
        foreach (var scope in scopes)
            incident.Set(scope, SettledOf(scope));
        incident.Status = StatusOf(incident.Worst);
        _incidents.Add(incident);
        Tell(incident, IncidentAct.Opened, string.Join("; ", scopes.Select(s => $"{Name(s)} is {Word(s)}")));
    }

    private void Widen(Incident incident, Scope scope)
    {
        incident.Set(scope, SettledOf(scope));
        incident.Widened = _now;
        Tell(incident, IncidentAct.Widened, $"{Name(scope)} is {Word(scope)} too");
    }

    private void Merge(Incident younger, Incident older)
    {
        foreach (var (scope, severity) in younger.Scopes)
            older.Set(scope, severity);
        older.Widened = _now;
        younger.MergedInto = older;
        Tell(younger, IncidentAct.Merged, $"continued as {older.Id}");
    }

    private void Follow(Incident incident)
    {
        foreach (var scope in incident.Scopes.Keys.ToList())
            incident.Set(scope, SettledOf(scope));
        var worst = incident.Worst;
        var status = incident.Status;
        if (worst == Severity.Healthy)
        {
            if (status != IncidentStatus.VerifyingService)
            {
                incident.Status = IncidentStatus.VerifyingService;
                Tell(incident, IncidentAct.Recovering, "all of it is healthy again, and is being watched");
            }
            else if (_now - incident.Changed >= options.CloseAfter)
            {
                incident.Status = IncidentStatus.ServiceRestored;
                incident.Closed = _now;
                Tell(incident, IncidentAct.Closed, "it stayed healthy");
            }
        }
        else if (StatusOf(worst) is var wanted && wanted != status)
        {
            incident.Status = wanted;
            Tell(incident, status == IncidentStatus.VerifyingService ? IncidentAct.Relapsed
                : wanted == IncidentStatus.ServiceInterruption ? IncidentAct.Worsened : IncidentAct.Downgraded,
                worst == Severity.Down ? "it is down" : "it works in part");
        }
        if (incident.IsOpen && status != IncidentStatus.VerifyingService && _now >= incident.NextUpdateBy)
        {
            incident.NextUpdateBy = _now + options.UpdateEvery;
            _changes.Add(new(incident, IncidentAct.UpdateDue, _now, "a word is due"));
        }
    }

    private void Tell(Incident incident, IncidentAct act, string words)
    {
        incident.Changed = _now;
        incident.NextUpdateBy = _now + options.UpdateEvery;
        _changes.Add(new(incident, act, _now, words));
    }

    private static IncidentStatus StatusOf(Severity worst) =>
        worst == Severity.Down ? IncidentStatus.ServiceInterruption : IncidentStatus.ServiceDegradation;

    private string Word(Scope scope) => SettledOf(scope) == Severity.Down ? "down" : "degraded";

    private static string Name(Scope scope) => $"{scope.Service} in {scope.Region}";
}
