using System.Diagnostics.Metrics;

namespace Holdfast.Web.Probes;

/// <summary>What a probe or canary came to.</summary>
internal enum ProbeFate : byte
{
    Passed = 0,
    Failed = 1,
    /// <summary>It says nothing of the target or site: we were at fault, or the configuration.</summary>
    Void = 2,
    /// <summary>A canary's token didn't come back in time.</summary>
    Lost = 3,
}

/// <summary>What probes and canaries came to. Meter <c>Holdfast.Web</c>.</summary>
internal sealed class ProbeMetrics
{
    private readonly Counter<long> _probes;
    private readonly Counter<long> _canaries;

    public ProbeMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Web");
        _probes = meter.CreateCounter<long>("holdfast.web.probes", "{probe}", "Probes of targets, by fate.");
        _canaries = meter.CreateCounter<long>("holdfast.web.canaries", "{canary}",
            "Write-then-read canaries that came to an end, by site and fate.");
    }

    public void Probed(string service, string site, ProbeFate fate) => _probes.Add(1, new("holdfast.service", service),
        new("holdfast.site", site), new("holdfast.fate", Name(fate)));

    public void Ended(string site, ProbeFate fate) => _canaries.Add(1, new("holdfast.site", site),
        new KeyValuePair<string, object?>("holdfast.fate", Name(fate)));

    /// <summary>As metrics and status pages call it.</summary>
    public static string Name(ProbeFate fate) => fate switch
    {
        ProbeFate.Passed => "passed", ProbeFate.Failed => "failed", ProbeFate.Lost => "lost", _ => "void",
    };
}
