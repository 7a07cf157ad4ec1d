using Holdfast.Configuration;
using Holdfast.Operator;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Holdfast.Telemetry;

/// <summary>Metrics for Prometheus always; metrics, traces and logs over OTLP when an endpoint is configured.</summary>
internal static class OpenTelemetrySetup
{
    /// <summary>From half a millisecond (a local reply) to 10 minutes (RFC 5321 §4.5.3.2.6, the final dot).</summary>
    private static readonly double[] s_secondBounds =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    private static readonly double[] s_byteBounds =
        [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 150 << 20];

    private static readonly double[] s_countBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    public static void Add(IServiceCollection services, ILoggingBuilder logging, TelemetryOptions options,
        Configuration.HostOptions host)
    {
        var endpoint = options.OtlpEndpoint.Length > 0 ? new Uri(options.OtlpEndpoint) : null;
        void Exporter(OtlpExporterOptions otlp) => otlp.Endpoint = endpoint!;

        var resource = ResourceBuilder.CreateEmpty().AddService("holdfast", serviceVersion: StatusBoard.Version,
            autoGenerateServiceInstanceId: false, serviceInstanceId: host.HostName);
        var telemetry = services.AddOpenTelemetry().WithMetrics(metrics =>
        {
            metrics.SetResourceBuilder(resource).AddMeter("Holdfast.*").AddRuntimeInstrumentation()
                .AddView(instrument => instrument.GetType().Name.StartsWith("Histogram", StringComparison.Ordinal)
                    ? new ExplicitBucketHistogramConfiguration { Boundaries = BoundsFor(instrument.Unit) } : null)
                // A slip that puts something unbounded into an attribute must not fill the memory.
                .SetMaxMetricStreams(500)
                .AddPrometheusExporter(prometheus => prometheus.ScrapeResponseCacheDurationMilliseconds = 1000);
            if (endpoint is not null)
                metrics.AddOtlpExporter(Exporter);
        });
        if (endpoint is null)
            return;
        telemetry.WithTracing(tracing => tracing.SetResourceBuilder(resource).AddSource("Holdfast.Mail")
            // By the trace's id alone, which is the message's: no trace of others comes in by SMTP.
            .SetSampler(new TraceIdRatioBasedSampler(options.TraceShare))
            .AddOtlpExporter(Exporter));
        logging.AddOpenTelemetry(logs => logs.SetResourceBuilder(resource).AddOtlpExporter(Exporter));
    }

    internal static double[] BoundsFor(string? unit) => unit switch
    {
        "s" => s_secondBounds,
        "By" => s_byteBounds,
        _ => s_countBounds,
    };
}
