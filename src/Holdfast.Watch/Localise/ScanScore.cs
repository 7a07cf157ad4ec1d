namespace Holdfast.Watch.Localise;

/// <summary>Finds, among the groups of one choice of dimensions, the set that stands out most.</summary>
/// <remarks>
/// Formula: a group belongs to the set where C·ln θ − bE(θ − 1) is more than the penalty; b is the rate outside the
/// set and θ the set's ratio to it, refined from several starts (penalised fast subset scan, Speakman and others 2016).
/// The set's score is C·ln(C/E) + C′·ln(C′/E′) − ΣC·ln(ΣC/ΣE), Kulldorff's scan (1997), with ′ for the rest; less for
/// each element layers × ln(1 + groups), and a hundredth a further layer, since a longer name must earn it.
/// </remarks>
internal sealed class ScanScore
{
    public const int SetMax = 32;
    private static readonly double[] s_starts = [1.3, 2, 4, 10, 40];
    private const double LayerCost = 0.01;
    private readonly List<(int Group, double Nats)> _set = [];

    public List<(int Group, double Nats)> Best { get; private set; } = [];
    public double Nats { get; private set; }

    /// <param name="failures">By group; the sums are of all groups.</param>
    public bool TryBetter(double[] failures, double[] expected, int groups, int layers, double allFailures,
        double allExpected, double best)
    {
        Nats = best;
        var penalty = layers * Math.Log(1 + groups);
        foreach (var start in s_starts)
        {
            var rate = allFailures / allExpected;
            var ratio = start;
            for (var round = 0; round < 4; round++)
            {
                Select(failures, expected, groups, rate, ratio, penalty);
                var (inside, insideExpected) = Sum(failures, expected);
                if (_set.Count == 0 || allExpected - insideExpected < 1e-9 * allExpected || insideExpected <= 0)
                    break;
                var (rest, restExpected) = (Math.Max(0, allFailures - inside), allExpected - insideExpected);
                var nats = (Term(inside, insideExpected) + Term(rest, restExpected) - Term(allFailures, allExpected))
                    * (1 - LayerCost * (layers - 1)) - penalty * _set.Count;
                if (inside / insideExpected > rest / restExpected && nats > Nats * (1 + 1e-9))
                {
                    Nats = nats;
                    Best = [.. _set];
                }
                rate = Math.Max(rest / restExpected, 1e-3 * allFailures / allExpected);
                ratio = Math.Max(1.05, inside / insideExpected / rate);
            }
        }
        return Nats > best;
    }

    private void Select(double[] failures, double[] expected, int groups, double rate, double ratio, double penalty)
    {
        _set.Clear();
        var log = Math.Log(ratio);
        for (var g = 0; g < groups; g++)
        {
            var nats = failures[g] * log - expected[g] * rate * (ratio - 1) - penalty;
            if (nats > 0)
                _set.Add((g, nats));
        }
        if (_set.Count <= SetMax)
            return;
        _set.Sort((a, b) => b.Nats.CompareTo(a.Nats));
        _set.RemoveRange(SetMax, _set.Count - SetMax);
    }

    private (double Failures, double Expected) Sum(double[] failures, double[] expected)
    {
        var (f, e) = (0.0, 0.0);
        foreach (var (group, _) in _set)
            (f, e) = (f + failures[group], e + expected[group]);
        return (f, e);
    }

    private static double Term(double count, double expected) => count > 0 ? count * Math.Log(count / expected) : 0;
}
