using System.Diagnostics.Metrics;

namespace Holdfast.Configuration;

/// <summary>Counts what became of changed configuration files.</summary>
internal sealed class ConfigurationMetrics(IMeterFactory meters)
{
    private readonly Counter<long> _reloads = meters.Create("Holdfast.Configuration").CreateCounter<long>(
        "holdfast.configuration.reloads", "{reload}", "Configuration files read again, by outcome");

    public void Reloaded(bool isInForce) =>
        _reloads.Add(1, new KeyValuePair<string, object?>("holdfast.outcome", isInForce ? "in_force" : "refused"));
}
