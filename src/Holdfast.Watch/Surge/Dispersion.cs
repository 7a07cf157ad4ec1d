namespace Holdfast.Watch.Surge;

/// <summary>How far counts stray from their mean, learnt from the series itself.</summary>
/// <remarks>
/// Guards against alarms on series that are just noisy (α) or whose noise lasts (inflation).
/// Formula: α by moments, Σ((y − μ)² − y) / Σμ², forgetting by three days, from a prior of 0.3 (24 bins and two counts'
/// worth), within 0.05 and 3. Inflation: Σ(sum of 6 standardised residuals)² / ΣΣ(residual²), 1 where bins are
/// independent, up to 6 where six bins are as good as one; evidence is divided by it. Residuals count up to 4 standard
/// deviations. Known to do badly: a tail that is much heavier than a negative binomial's; noise that lasts longer than
/// six bins.
/// </remarks>
internal sealed class Dispersion(TimeSpan bin)
{
    private const double AlphaPrior = 0.3;
    private const double AlphaMin = 0.05;
    private const double AlphaMax = 3;
    private const int BlockBins = 6;
    private const double ResidualMax = 4;
    private static readonly TimeSpan s_halfLife = TimeSpan.FromDays(3);
    private readonly double _decay = Math.Pow(0.5, bin / s_halfLife);
    private double _excess;
    private double _squares;
    private double _blocks;
    private double _singles;
    private double _blockSum;
    private double _blockSquares;
    private int _blockBins;

    public double Inflation =>
        Math.Clamp((_blocks + 8 * BlockBins) / (_singles + 8 * BlockBins), 1, BlockBins);

    public double Alpha(double mean)
    {
        var prior = 24 * mean * mean + 2;
        return Math.Clamp((_excess + AlphaPrior * prior) / (_squares + prior), AlphaMin, AlphaMax);
    }

    /// <param name="weight">Less than 1 where the mean itself is doubtful.</param>
    public void Learn(double count, double mean, double weight)
    {
        var deviation = NegativeBinomial.Deviation(mean, Alpha(mean));
        var residual = Math.Clamp((count - mean) / deviation, -ResidualMax, ResidualMax);
        var kept = mean + residual * deviation;
        _excess = _excess * _decay + weight * ((kept - mean) * (kept - mean) - kept);
        _squares = _squares * _decay + weight * mean * mean;
        _blockSum += residual;
        _blockSquares += residual * residual;
        if (++_blockBins < BlockBins)
            return;
        var decay = Math.Pow(_decay, BlockBins);
        _blocks = _blocks * decay + weight * _blockSum * _blockSum;
        _singles = _singles * decay + weight * _blockSquares;
        BreakBlock();
    }

    /// <summary>After a gap or an alarm the next bin has no neighbour.</summary>
    public void BreakBlock()
    {
        _blockSum = 0;
        _blockSquares = 0;
        _blockBins = 0;
    }
}
