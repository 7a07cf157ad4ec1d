namespace Holdfast.Watch.Localise;

/// <summary>Says where failures come from: the shortest combinations of dimensions that explain what is beyond the
/// expected, several where there are several causes.</summary>
/// <remarks>
/// Guards against blaming a symptom (a region for one site of it), a coincidence (a small combination with three
/// failures), and against stopping at the first cause. Formula: <see cref="ScanScore"/> over all choices of at most
/// <see cref="LocaliseOptions.DepthMax"/> dimensions. Expected failures are those given, a combination's own rate
/// shrunk to the global one by <see cref="LocaliseOptions.PseudoRequests"/>, or in proportion to requests. The best
/// set is taken, its leaves are removed, and the scan goes on until nothing earns its name. A forecast's error isn't
/// Poisson: with a variance of E + σ²E², σ such that the middle leaf without the first cause is as far off as chance
/// would have it, a leaf's counts weigh 1/(1 + σ²E).
/// Known to do badly: a cause that covers nearly everything (nothing else is normal beside it); two dimensions that
/// always go together (the first in the file is named); causes of more than four dimensions. Time: choices × leaves,
/// for each cause; memory: some numbers a leaf.
/// </remarks>
public sealed class Localiser(FailureCube cube, LocaliseOptions options)
{
    private const int CausesMax = 12;
    private const double ChiSquaredMedian = 0.455;
    private const int LeavesMin = 20;
    private const int SampleMax = 5000;
    private const int DirectMax = 1 << 22;
    private readonly bool[] _isGone = new bool[cube.Leaves];
    private readonly double[] _expected = Shrink(cube, options.PseudoRequests);
    private readonly double[] _weights = [.. Enumerable.Repeat(1.0, cube.Leaves)];
    private readonly List<Choice> _found = [];
    private readonly double[] _groupFailures = new double[cube.Leaves];
    private readonly double[] _groupExpected = new double[cube.Leaves];
    private readonly int[][] _groups = [.. Enumerable.Range(0, 5).Select(_ => new int[cube.Leaves])];
    private readonly ScanScore _score = new();
    private int[]? _direct;
    private double _allFailures;
    private double _allExpected;
    private double _error;
    private Choice? _best;

    public Breakdown Explain()
    {
        var total = cube.Failures.Sum();
        Scan();
        if (_best is { } first)
        {
            // The error is what is left without the first cause; with it known, the first is looked for again.
            Remove(first, true);
            Weigh();
            Array.Clear(_isGone);
            Scan();
        }
        while (_best is { } best && _found.Count < CausesMax)
        {
            var sum = Remove(best, false);
            var rest = Rest();
            var excess = total - rest.Rate * _expected.Sum();
            if (sum.Failures - rest.Rate * sum.Expected < options.ShareMin * excess)
                break;
            _found.Add(best);
            Scan();
        }
        return Tell(total);
    }

    /// <summary>A leaf of many counts whose expectation is off tells no more than its error allows.</summary>
    private void Weigh()
    {
        _error = Error();
        var rate = Rest().Rate;
        for (var i = 0; i < cube.Leaves; i++)
            _weights[i] = 1 / (1 + _error * _error * rate * _expected[i]);
    }

    private void Scan()
    {
        _best = null;
        (_allFailures, _allExpected) = (0, 0);
        for (var i = 0; i < cube.Leaves; i++)
        {
            _groups[0][i] = _isGone[i] ? -1 : 0;
            if (_isGone[i])
                continue;
            _allFailures += _weights[i] * cube.Failures[i];
            _allExpected += _weights[i] * _expected[i];
        }
        if (_allFailures <= 0 || _allExpected <= 0)
            return;
        // Short names first: a longer one must be better, not as good.
        for (var layers = 1; layers <= Math.Min(options.DepthMax, cube.Dimensions.Count); layers++)
            Descend([], 1, layers);
    }

    private void Descend(int[] dimensions, int groups, int layers)
    {
        for (var d = dimensions.Length == 0 ? 0 : dimensions[^1] + 1;
            d <= cube.Dimensions.Count - (layers - dimensions.Length); d++)
        {
            int[] chosen = [.. dimensions, d];
            var count = Split(chosen.Length, d, groups);
            if (chosen.Length < layers)
                Descend(chosen, count, layers);
            else
                Judge(chosen, count);
        }
    }

    /// <summary>Groups of the level before, split by one dimension's values; -1 is a leaf that is gone.</summary>
    private int Split(int level, int dimension, int groups)
    {
        var (from, to, codes) = (_groups[level - 1], _groups[level], cube.Codes[dimension]);
        var values = cube.Values[dimension].Count;
        var next = 0;
        if ((long)groups * values <= DirectMax)
        {
            _direct ??= new int[DirectMax];
            Array.Clear(_direct, 0, groups * values);
            for (var i = 0; i < from.Length; i++)
            {
                if (from[i] < 0)
                {
                    to[i] = -1;
                    continue;
                }
                ref var place = ref _direct[from[i] * values + codes[i]];
                to[i] = (place = place == 0 ? ++next : place) - 1;
            }
            return next;
        }
        var known = new Dictionary<long, int>();
        for (var i = 0; i < from.Length; i++)
        {
            var key = (long)from[i] * values + codes[i];
            if (from[i] >= 0 && known.TryAdd(key, next))
                next++;
            to[i] = from[i] < 0 ? -1 : known[key];
        }
        return next;
    }

    private void Judge(int[] dimensions, int groups)
    {
        Array.Clear(_groupFailures, 0, groups);
        Array.Clear(_groupExpected, 0, groups);
        var place = _groups[dimensions.Length];
        for (var i = 0; i < place.Length; i++)
        {
            if (place[i] < 0)
                continue;
            _groupFailures[place[i]] += _weights[i] * cube.Failures[i];
            _groupExpected[place[i]] += _weights[i] * _expected[i];
        }
        if (!_score.TryBetter(_groupFailures, _groupExpected, groups, dimensions.Length, _allFailures, _allExpected,
            _best?.Nats ?? 0))
            return;
        var chosen = _score.Best.ToDictionary(b => b.Group, b => b.Nats);
        var elements = new Dictionary<int, Element>();
        for (var i = 0; i < place.Length; i++)
        {
            if (place[i] >= 0 && chosen.TryGetValue(place[i], out var nats) && !elements.ContainsKey(place[i]))
                elements.Add(place[i], new([.. dimensions.Select(d => cube.Codes[d][i])], nats));
        }
        _best = new(dimensions, [.. elements.Values], _score.Nats);
    }

    private (double Failures, double Expected) Remove(Choice choice, bool isTrial)
    {
        var (failures, expected) = (0.0, 0.0);
        for (var i = 0; i < cube.Leaves; i++)
        {
            if (_isGone[i] || choice.Find(cube, i) is not { } element)
                continue;
            _isGone[i] = true;
            failures += cube.Failures[i];
            expected += _expected[i];
            if (!isTrial)
                element.Take(cube.Requests[i], cube.Failures[i], _expected[i]);
        }
        return (failures, expected);
    }

    private (double Failures, double Rate) Rest()
    {
        var (failures, expected) = (0.0, 0.0);
        for (var i = 0; i < cube.Leaves; i++)
        {
            if (!_isGone[i])
                (failures, expected) = (failures + cube.Failures[i], expected + _expected[i]);
        }
        return (failures, expected > 0 ? failures / expected : 0);
    }

    /// <summary>The relative error of what is expected that makes the middle leaf as far off as chance would.</summary>
    private double Error()
    {
        var rate = Rest().Rate;
        var seen = new List<(double Square, double Expected)>();
        for (var i = 0; i < cube.Leaves; i++)
        {
            var expected = rate * _expected[i];
            if (!_isGone[i] && expected >= 1)
                seen.Add(((cube.Failures[i] - expected) * (cube.Failures[i] - expected), expected));
        }
        if (seen.Count < LeavesMin)
            return 0;
        var stride = Math.Max(1, seen.Count / SampleMax);
        var ratios = new double[(seen.Count + stride - 1) / stride];
        if (Middle(0) <= ChiSquaredMedian)
            return 0;
        var (low, high) = (1e-4, 10.0);
        for (var i = 0; i < 20; i++)
        {
            var error = Math.Sqrt(low * high);
            (low, high) = Middle(error) > ChiSquaredMedian ? (error, high) : (low, error);
        }
        return high;

        double Middle(double error)
        {
            for (var i = 0; i < ratios.Length; i++)
            {
                var (square, expected) = seen[i * stride];
                ratios[i] = square / (expected + error * error * expected * expected);
            }
            Array.Sort(ratios);
            return ratios[ratios.Length / 2];
        }
    }

    private Breakdown Tell(double total)
    {
        var rest = Rest();
        var excess = Math.Max(0, total - rest.Rate * _expected.Sum());
        var told = _found.SelectMany(f => f.Elements.Select(e => new Explanation(
            [.. f.Dimensions.Select((d, i) => (cube.Dimensions[d], cube.Values[d][e.Codes[i]]))],
            e.Requests, e.Failures, rest.Rate * e.Expected,
            excess > 0 ? (e.Failures - rest.Rate * e.Expected) / excess : 0, e.Nats)))
            .OrderByDescending(e => e.Share).ToList();
        return new(told, cube.Requests.Sum(), total, _found.Count == 0 ? 0 : excess, rest.Failures,
            cube.Expected is null ? 1 : rest.Rate, _error);
    }

    private static double[] Shrink(FailureCube cube, double pseudoRequests)
    {
        if (cube.Expected is not { } given)
            return cube.Requests;
        var requests = cube.Requests.Sum();
        if (requests <= 0)
            return given;
        // A leaf takes its part of the pseudo-requests: the leaves of a combination together take them once or so.
        var (rate, part) = (given.Sum() / requests, pseudoRequests / cube.Leaves);
        return [.. given.Select((e, i) => (e + part * rate) * cube.Requests[i] / (cube.Requests[i] + part))];
    }

    private sealed record Choice(int[] Dimensions, Element[] Elements, double Nats)
    {
        public Element? Find(FailureCube cube, int leaf)
        {
            foreach (var element in Elements)
            {
                var matches = true;
                for (var i = 0; matches && i < Dimensions.Length; i++)
                    matches = cube.Codes[Dimensions[i]][leaf] == element.Codes[i];
                if (matches)
                    return element;
            }
            return null;
        }
    }

    private sealed class Element(int[] codes, double nats)
    {
        public int[] Codes => codes;
        public double Nats => nats;
        public double Requests { get; private set; }
        public double Failures { get; private set; }
        public double Expected { get; private set; }

        public void Take(double requests, double failures, double expected) =>
            (Requests, Failures, Expected) = (Requests + requests, Failures + failures, Expected + expected);
    }
}
