namespace Holdfast.Watch.Incidents;

/// <summary>What is said of one scope over time, without its flicker.</summary>
/// <remarks>
/// A severity counts when it, or a worse one, was said without a break for long enough: <see
/// cref="IncidentOptions.OpenAfter"/>
/// upwards, <see cref="IncidentOptions.DowngradeAfter"/> down to degraded, <see cref="IncidentOptions.RecoverAfter"/>
/// to healthy. So flapping neither opens incidents nor recovers them.
/// </remarks>
internal sealed class ScopeHistory
{
    private DateTimeOffset? _degradedSince;
    private DateTimeOffset? _downSince;
    private DateTimeOffset? _notDownSince;
    private DateTimeOffset? _healthySince;

    public Severity Settled { get; private set; }
    /// <summary>When it became bad; of the run that settled last.</summary>
    public DateTimeOffset BadSince { get; private set; }
    public bool IsForgettable => Settled == Severity.Healthy && _degradedSince is null;

    public void Hear(Severity severity, DateTimeOffset now, IncidentOptions options)
    {
        _degradedSince = severity >= Severity.Degraded ? _degradedSince ?? now : null;
        _downSince = severity == Severity.Down ? _downSince ?? now : null;
        _notDownSince = severity < Severity.Down ? _notDownSince ?? now : null;
        _healthySince = severity == Severity.Healthy ? _healthySince ?? now : null;
        if (_downSince is { } down && now - down >= options.OpenAfter)
            Settle(Severity.Down);
        else if (_degradedSince is { } bad && now - bad >= options.OpenAfter && Settled == Severity.Healthy)
            Settle(Severity.Degraded);
        else if (_healthySince is { } well && now - well >= options.RecoverAfter)
            Settled = Severity.Healthy;
        else if (Settled == Severity.Down && _notDownSince is { } better && now - better >= options.DowngradeAfter)
            Settled = Severity.Degraded;
    }

    private void Settle(Severity severity)
    {
        if (Settled == Severity.Healthy)
            BadSince = _degradedSince!.Value;
        Settled = severity;
    }
}
