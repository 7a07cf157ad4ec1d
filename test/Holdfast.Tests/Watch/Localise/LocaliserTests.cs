using Holdfast.Tests.Watch.Surge;
using Holdfast.Watch.Localise;

namespace Holdfast.Tests.Watch.Localise;

public class LocaliserTests
{
    [Theory]
    [InlineData(1, 0.0, false)]
    [InlineData(2, 0.0, false)]
    [InlineData(1, 0.2, true)]
    [InlineData(2, 0.2, true)]
    [InlineData(3, 0.1, true)]
    public void Planted_causes_are_found_and_little_else(int causes, double noise, bool isForecast)
    {
        var (hits, told, planted) = (0, 0, 0);
        for (var seed = 1; seed <= 30; seed++)
        {
            var (cube, truth) = Plant(new Random(seed), causes, noise, isForecast);
            var names = new Localiser(cube, new()).Explain().Explanations.Select(Name).ToList();
            hits += truth.Count(names.Contains);
            told += names.Count;
            planted += truth.Count;
        }
        var (recall, precision) = (hits / (double)planted, hits / Math.Max(1.0, told));
        TestContext.Current.TestOutputHelper!.WriteLine($"recall {recall:0.00}, precision {precision:0.00}");
        Assert.True(recall >= 0.8 && precision >= 0.8, $"recall {recall:0.00}, precision {precision:0.00}");
    }

    [Fact]
    public void A_forecast_that_is_off_where_counts_are_high_is_no_cause()
    {
        var (hits, told) = (0, 0);
        for (var seed = 1; seed <= 20; seed++)
        {
            var (cube, truth) = Plant(new Random(seed), 2, 0.2, true, 200_000);
            var breakdown = new Localiser(cube, new() { ShareMin = 0 }).Explain();
            Assert.InRange(breakdown.Error, 0.15, 0.25);
            hits += breakdown.Explanations.Select(Name).Count(truth.Contains);
            told += breakdown.Explanations.Count;
        }
        Assert.True(hits >= 38 && told <= 48, $"{hits} of 40, {told} told");
    }

    [Fact]
    public void Nothing_is_told_where_all_fail_alike()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            var (cube, _) = Plant(new Random(seed), 0, 0, false);
            Assert.Empty(new Localiser(cube, new()).Explain().Explanations);
        }
    }

    [Fact]
    public void Two_values_of_one_dimension_are_told_as_two_and_not_as_their_parent()
    {
        var random = new Random(1);
        var (cube, _) = Plant(random, 0, 0, false);
        for (var i = 0; i < cube.Leaves; i++)
        {
            if (cube.Codes[0][i] == 1 && cube.Codes[1][i] is 0 or 2)
                cube.Failures[i] = CountSource.Poisson(random, cube.Requests[i] * 0.3);
        }
        var told = new Localiser(cube, new()).Explain();
        Assert.Equal(["a=1,b=0", "a=1,b=2"], told.Explanations.Select(Name).Order(StringComparer.Ordinal));
        Assert.InRange(told.Explanations.Sum(e => e.Share), 0.95, 1.05);
    }

    [Fact]
    public void A_cube_without_failures_or_requests_explains_nothing()
    {
        FailureCube Empty(double requests, double failures) => new(["a"], [["x", "y"]], [[0, 1]], [requests, requests],
            [failures, failures], null);
        Assert.Empty(new Localiser(Empty(0, 0), new()).Explain().Explanations);
        Assert.Empty(new Localiser(Empty(10, 0), new()).Explain().Explanations);
        Assert.Empty(new Localiser(Empty(0, 5), new()).Explain().Explanations);
    }

    /// <summary>In the way of the public sets of Squeeze: causes of one choice of one to three dimensions, each with its own
    /// magnitude, and a forecast that is off.</summary>
    private static (FailureCube Cube, List<string> Truth) Plant(Random random, int causes, double noise, bool isForecast,
        double scale = 200)
    {
        int[] sizes = [6, 8, 10, 5];
        var leaves = sizes.Aggregate(1, (a, b) => a * b);
        var codes = sizes.Select(_ => new int[leaves]).ToArray();
        var (requests, failures, expected) = (new double[leaves], new double[leaves], new double[leaves]);
        var chosen = Enumerable.Range(0, 4).OrderBy(_ => random.Next()).Take(random.Next(1, 4)).Order().ToArray();
        var planted = new Dictionary<string, double>(StringComparer.Ordinal);
        while (planted.Count < causes)
            planted.TryAdd(string.Join(',', chosen.Select(d => $"{(char)('a' + d)}={random.Next(sizes[d])}")),
                4 + random.NextDouble() * 16);
        for (var i = 0; i < leaves; i++)
        {
            for (int d = 0, rest = i; d < 4; rest /= sizes[d++])
                codes[d][i] = rest % sizes[d];
            requests[i] = Math.Round(Math.Exp(CountSource.Normal(random)) * scale) + 1;
            expected[i] = requests[i] * 0.02 * (isForecast ? Math.Exp(0.7 * CountSource.Normal(random)) : 1);
            var name = string.Join(',', chosen.Select(d => $"{(char)('a' + d)}={codes[d][i]}"));
            var mean = expected[i] * Math.Exp(noise * CountSource.Normal(random));
            failures[i] = CountSource.Poisson(random, mean * planted.GetValueOrDefault(name, 1));
        }
        var values = sizes.Select(s => (IReadOnlyList<string>)[.. Enumerable.Range(0, s).Select(v => $"{v}")]).ToArray();
        return (new(["a", "b", "c", "d"], values, codes, requests, failures, isForecast ? expected : null),
            [.. planted.Keys]);
    }

    private static string Name(Explanation explanation) =>
        string.Join(',', explanation.Terms.Select(t => $"{t.Dimension}={t.Value}"));
}
