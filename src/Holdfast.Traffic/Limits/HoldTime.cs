namespace Holdfast.Traffic.Limits;

/// <summary>How long an operation holds its slot at a site when nothing holds it up: W₀ of capacity = slots / W₀.
/// </summary>
/// <remarks>Learnt from seconds in which less than half the slots were used and nothing is suspected, with a memory of
/// about a minute of them; a faster second is believed at any time, since load makes nothing faster. Until then what is
/// seen, whatever it is.</remarks>
internal struct HoldTime
{
    private const double Weight = 1.0 / 60;
    private const double FasterWeight = 0.1;
    private double _sum;
    private int _count;
    private bool _isLearnt;

    /// <summary>Seconds; 0: nothing seen yet.</summary>
    public double Usual { get; private set; }

    public void Add(double seconds)
    {
        _sum += seconds;
        _count++;
    }

    public void EndWindow(bool mayLearn)
    {
        if (_count == 0)
            return;
        var mean = _sum / _count;
        if (Usual <= 0 || (mayLearn && !_isLearnt))
            Usual = mean;
        else if (mayLearn)
            Usual += (mean < Usual ? FasterWeight : Weight) * (mean - Usual);
        else if (!_isLearnt)
            Usual = Math.Min(Usual, mean);
        else if (mean < Usual)
            Usual += FasterWeight * (mean - Usual);
        _isLearnt |= mayLearn;
        _sum = 0;
        _count = 0;
    }
}
