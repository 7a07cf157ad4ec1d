using System.Diagnostics.Metrics;

namespace Holdfast.Mail.Canaries;

/// <summary>What canaries came to. Meter <c>Holdfast.Mail</c>.</summary>
internal sealed class CanaryMetrics
{
    private readonly Counter<long> _results;
    private readonly Histogram<double> _latency;
    private readonly Counter<long> _strangers;
    private readonly Counter<long> _unread;

    public CanaryMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Mail");
        _results = meter.CreateCounter<long>("holdfast.canary.results", "{message}",
            "Canaries that came to an end, by site and fate.");
        _latency = meter.CreateHistogram("holdfast.canary.latency", "s",
            "Time from sending a canary until it was read back.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 300],
            });
        _strangers = meter.CreateCounter<long>("holdfast.canary.strangers", "{message}",
            "Messages to probe addresses that answered no canary under way; they are not kept.");
        _unread = meter.CreateCounter<long>("holdfast.canary.unreadable", "{look}",
            "Looks into a probe's mailbox that failed, by site.");
    }

    public void Ended(string site, CanaryEnd end)
    {
        _results.Add(1, Site(site), new KeyValuePair<string, object?>("holdfast.fate", end.Fate switch
        {
            CanaryFate.Passed => "passed", CanaryFate.Lost => "lost", CanaryFate.Refused => "refused", _ => "void",
        }));
        if (end.Fate == CanaryFate.Passed)
            _latency.Record(end.Latency.TotalSeconds, Site(site));
    }

    public void Stranger() => _strangers.Add(1);
    public void Unreadable(string site) => _unread.Add(1, Site(site));

    private static KeyValuePair<string, object?> Site(string site) => new("holdfast.site", site);
}
