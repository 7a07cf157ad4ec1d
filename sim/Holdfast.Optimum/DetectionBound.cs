namespace Holdfast.Optimum;

/// <summary>The shortest mean time in which any detector can see a change of the failure share, given how seldom it may
/// cry wolf: Lorden's ln(ARL) / KL (G. Lorden, "Procedures for reacting to a change in distribution", 1971).</summary>
internal static class DetectionBound
{
    /// <summary>Seconds; infinite when nothing changed.</summary>
    /// <param name="ratePerSecond">Outcomes a second.</param>
    /// <param name="before">Share of failures before, above 0.</param>
    /// <param name="after">Share of failures after.</param>
    /// <param name="falseAlarmSeconds">Mean time between false alarms.</param>
    public static double Seconds(double ratePerSecond, double before, double after, double falseAlarmSeconds)
    {
        var outcomes = Math.Log(Math.Max(1, ratePerSecond * falseAlarmSeconds));
        var distance = Divergence(after, before);
        return distance <= 0 || ratePerSecond <= 0 ? double.PositiveInfinity : outcomes / distance / ratePerSecond;
    }

    /// <summary>Kullback–Leibler distance of two coins, in nats.</summary>
    private static double Divergence(double p, double q) => Term(p, q) + Term(1 - p, 1 - q);

    private static double Term(double p, double q) => p <= 0 ? 0 : p * Math.Log(p / q);
}
