namespace Holdfast.Watch.Surge;

/// <summary>One side of the cumulative test: evidence since it last was nothing, and the counts it comes from.
/// </summary>
internal sealed class EvidenceTest(double ratio)
{
    public double Nats { get; private set; }
    public DateTime Start { get; private set; }
    public double Observed { get; private set; }
    public double Expected { get; private set; }
    public bool IsUp => ratio > 1;

    /// <param name="guarded">The mean with all that it may be wrong by.</param>
    /// <param name="most">Evidence that one bin can give.</param>
    /// <returns>This bin's evidence before it is divided by the inflation.</returns>
    public double Add(DateTime time, double count, double mean, double guarded, double alpha, double inflation,
        double most)
    {
        if (Nats <= 0)
        {
            Start = time;
            Observed = 0;
            Expected = 0;
        }
        var nats = NegativeBinomial.LogRatio(count, guarded, alpha, ratio);
        Nats = Math.Max(0, Nats + Math.Min(most, nats / inflation));
        Observed += count;
        Expected += mean;
        return nats;
    }

    public void Clear() => Nats = 0;

    /// <summary>An alarm's evidence is kept near what raised it, for the score to fall soon after.</summary>
    public void Bound(double nats) => Nats = Math.Min(Nats, nats);
}
