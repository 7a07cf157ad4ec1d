using System.ComponentModel.DataAnnotations;

namespace Holdfast.Configuration;

/// <summary>Where traces, metrics and logs go besides the console and <c>/metrics</c>: section
/// <c>Holdfast:Telemetry</c>. Needs a restart to change.</summary>
internal sealed class TelemetryOptions
{
    /// <summary>OpenTelemetry collector (OTLP over gRPC), for example <c>http://127.0.0.1:4317</c>; empty: none.
    /// </summary>
    /// <value>Empty.</value>
    public string OtlpEndpoint { get; set; } = "";

    /// <summary>Share of messages whose trace is kept: all of its spans or none.</summary>
    /// <value>0.01. Range 0 to 1.</value>
    [Range(0.0, 1.0)]
    public double TraceShare { get; set; } = 0.01;

    /// <summary>Least important log level that is written.</summary>
    /// <value>Information.</value>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;
}
