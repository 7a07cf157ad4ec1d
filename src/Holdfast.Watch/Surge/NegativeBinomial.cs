namespace Holdfast.Watch.Surge;

/// <summary>Counts with variance μ + αμ²: Poisson counts whose rate itself varies by √α of its mean. Not only whole
/// numbers: rates and averages are taken as they are.</summary>
internal static class NegativeBinomial
{
    /// <summary>Log likelihood ratio of a mean of <paramref name="ratio"/> × mean against the mean, in nats.</summary>
    public static double LogRatio(double count, double mean, double alpha, double ratio)
    {
        var raised = Math.Log((1 + ratio * alpha * mean) / (1 + alpha * mean));
        return count * (Math.Log(ratio) - raised) - raised / alpha;
    }

    /// <summary>Signed deviance residual, nearly a standard normal variable under the mean.</summary>
    public static double Residual(double count, double mean, double alpha)
    {
        var part = count > 0 ? count * Math.Log(count / mean) : 0;
        var deviance = 2 * (part - (count + 1 / alpha) * Math.Log((1 + alpha * count) / (1 + alpha * mean)));
        return Math.CopySign(Math.Sqrt(Math.Max(0, deviance)), count - mean);
    }

    public static double Deviation(double mean, double alpha) => Math.Sqrt(mean + alpha * mean * mean);
}
