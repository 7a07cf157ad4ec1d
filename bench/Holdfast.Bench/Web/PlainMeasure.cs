namespace Holdfast.Bench.Web;

/// <summary>What wrk and h2load measured.</summary>
/// <param name="P50">Milliseconds.</param>
/// <param name="P99">Milliseconds.</param>
/// <param name="Failed">Answers other than 2xx or 3xx, and broken connections.</param>
/// <param name="Total">All answers, the failed ones among them.</param>
internal readonly record struct PlainMeasure(double PerSecond, double P50, double P99, long Failed, long Total)
{
    /// <summary>Only what was served: refusing is quicker than serving, and no throughput.</summary>
    public double GoodPerSecond => Total == 0 ? 0 : PerSecond * Math.Max(0, Total - Failed) / Total;

    /// <summary>The latencies are those of served requests, but for one in a hundred.</summary>
    public bool IsServing => Total > 0 && Failed <= Total / 100;
}
