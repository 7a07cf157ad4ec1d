namespace Holdfast.Bench.Web;

/// <summary>What wrk and h2load measured.</summary>
/// <param name="P50">Milliseconds.</param>
/// <param name="P99">Milliseconds.</param>
/// <param name="Failed">Answers other than 2xx or 3xx, and broken connections.</param>
internal readonly record struct PlainMeasure(double PerSecond, double P50, double P99, long Failed);
