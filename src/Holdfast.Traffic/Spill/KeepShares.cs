namespace Holdfast.Traffic.Spill;

/// <summary>Which part of each priority's traffic a full home keeps: the most important first.</summary>
/// <remarks>
/// Guards against sending away the traffic that matters most, or a slice of everything, when home is full.
/// Formula (lexicographic waterfall, Google's waterfall by region): from priority 0 on, each keeps what still fits
/// under U · capacity; U = 0.9 for priority 0, 0.8 for the rest. The share is dealt out evenly by a running sum,
/// without chance. Only which part leaves is decided here; whether anything may leave is the engine's.
/// Known to do badly: priorities whose rates change by a multiple within a second.
/// </remarks>
internal sealed class KeepShares
{
    private const int Priorities = 6;
    private readonly double[] _keep = [1, 1, 1, 1, 1, 1];
    private readonly double[] _dealt = new double[Priorities];

    public double this[int priority] => _keep[priority];

    /// <param name="asked">What each priority asks for a second, wherever it is placed.</param>
    public void Plan(ReadOnlySpan<double> asked, double capacity, double mark, double markTop)
    {
        var used = 0.0;
        for (var p = 0; p < Priorities; p++)
        {
            var room = (p == 0 ? Math.Max(mark, markTop) : mark) * capacity - used;
            _keep[p] = asked[p] <= 0 ? (room > 0 ? 1 : 0) : Math.Clamp(room / asked[p], 0, 1);
            used += _keep[p] * asked[p];
        }
    }

    /// <summary>Whether the next one of this priority stays.</summary>
    public bool Keeps(int priority)
    {
        var keep = _keep[priority];
        if (keep >= 1)
            return true;
        _dealt[priority] += keep;
        if (_dealt[priority] < 1)
            return false;
        _dealt[priority] -= 1;
        return true;
    }
}
