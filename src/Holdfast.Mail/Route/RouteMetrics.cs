using System.Diagnostics.Metrics;

namespace Holdfast.Mail.Route;

/// <summary>What resolving costs and how it fails.</summary>
internal sealed class RouteMetrics
{
    private readonly Histogram<double> _lookup;

    public RouteMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Mail");
        _lookup = meter.CreateHistogram("holdfast.route.dns_lookup", "s", "Time of one DNS question",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
            });
    }

    /// <param name="type">MX, A or AAAA.</param>
    /// <param name="error">Null when DNS gave an answer, also a denial.</param>
    public void Looked(string type, TimeSpan took, string? error)
    {
        if (error is null)
            _lookup.Record(took.TotalSeconds, new KeyValuePair<string, object?>("dns.question.type", type));
        else
            _lookup.Record(took.TotalSeconds, new KeyValuePair<string, object?>("dns.question.type", type),
                new KeyValuePair<string, object?>("error.type", error));
    }
}
