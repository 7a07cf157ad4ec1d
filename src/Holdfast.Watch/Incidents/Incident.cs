namespace Holdfast.Watch.Incidents;

/// <summary>One service in one region.</summary>
internal readonly record struct Scope(string Service, string Region);

/// <summary>How bad a scope is.</summary>
internal enum Severity
{
    Healthy,
    /// <summary>Works in part.</summary>
    Degraded,
    Down,
}

/// <summary>The names of Microsoft Graph's serviceHealthStatus that an incident takes by itself.</summary>
internal enum IncidentStatus
{
    ServiceDegradation,
    ServiceInterruption,
    /// <summary>Everything is healthy again, not yet for long.</summary>
    VerifyingService,
    /// <summary>Closed.</summary>
    ServiceRestored,
}

/// <summary>What happened to an incident.</summary>
internal enum IncidentAct
{
    Opened,
    Widened,
    Worsened,
    Downgraded,
    /// <summary>Everything is healthy; it is verified.</summary>
    Recovering,
    /// <summary>Bad again before it was closed.</summary>
    Relapsed,
    Closed,
    Reopened,
    /// <summary>Its scopes are another one's from now on.</summary>
    Merged,
    /// <summary>The time for the next word has passed.</summary>
    UpdateDue,
}

/// <summary>A step in an incident's life; posts and evidence records are made of these.</summary>
internal sealed record IncidentChange(Incident Incident, IncidentAct Act, DateTimeOffset At, string Words);

/// <summary>Something that is wrong, as people follow it. Changed by <see cref="IncidentRegister"/> alone.</summary>
internal sealed class Incident(string id, DateTimeOffset start, DateTimeOffset opened)
{
    private readonly Dictionary<Scope, Severity> _scopes = [];

    /// <summary>Never changes, also when other services join: people have written it down.</summary>
    public string Id => id;
    /// <summary>When the first of its scopes became bad.</summary>
    public DateTimeOffset Start => start;
    public DateTimeOffset Opened { get; } = opened;
    public DateTimeOffset Changed { get; internal set; } = opened;
    public DateTimeOffset Widened { get; internal set; } = opened;
    public DateTimeOffset? Closed { get; internal set; }
    public DateTimeOffset NextUpdateBy { get; internal set; }
    public IncidentStatus Status { get; internal set; }
    public Incident? MergedInto { get; internal set; }
    public bool IsOpen => Closed is null && MergedInto is null;

    /// <summary>All that was hit, with how bad it is now.</summary>
    public IReadOnlyDictionary<Scope, Severity> Scopes => _scopes;
    public Severity Worst => _scopes.Count == 0 ? Severity.Healthy : _scopes.Values.Max();

    /// <summary>The scope has become another one's while this was closed.</summary>
    internal void Leave(Scope scope) => _scopes.Remove(scope);

    internal void Set(Scope scope, Severity severity) => _scopes[scope] = severity;

    /// <summary>Whether a newly bad scope looks like the same cause.</summary>
    internal bool IsNear(Scope scope, DateTimeOffset now, TimeSpan joinWithin) => _scopes.ContainsKey(scope)
        || (now - Widened <= joinWithin
            && _scopes.Keys.Any(s => s.Service == scope.Service || s.Region == scope.Region));
}
