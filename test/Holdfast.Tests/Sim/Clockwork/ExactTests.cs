using CsCheck;
using Holdfast.Sim.Clockwork;

namespace Holdfast.Tests.Sim.Clockwork;

public class ExactTests
{
    [Fact]
    public void Exponential_and_logarithm_are_those_of_the_library_to_13_digits()
    {
        Gen.Double[-300, 300].Sample(x => Near(Math.Exp(x), Exact.Exp(x)));
        Gen.Double[1e-12, 1e12].Sample(x => Math.Abs(Math.Log(x) - Exact.Log(x)) <= 1e-13 * (1 + Math.Abs(Math.Log(x))));
        Gen.Double[1e-12, 2].Sample(x => Math.Abs(Math.Log(x) - Exact.Log(x)) <= 1e-13 * (1 + Math.Abs(Math.Log(x))));
        Gen.Double[-3, 3].Sample(x => Math.Abs(Math.Sin(2 * Math.PI * x) - Exact.SinOfTurns(x)) < 1e-12);
    }

    [Fact]
    public void Their_bits_never_change()
    {
        Assert.Equal(0x4005BF0A8B145769, BitConverter.DoubleToInt64Bits(Exact.Exp(1)));
        Assert.Equal(0x40026BB1BBB55516, BitConverter.DoubleToInt64Bits(Exact.Log(10)));
        Assert.Equal(0, Exact.Exp(double.NegativeInfinity));
        Assert.Equal(double.NegativeInfinity, Exact.Log(0));
    }

    [Fact]
    public void A_stream_depends_on_seed_and_name_alone()
    {
        Assert.Equal(Draw(1, "a"), Draw(1, "a"));
        Assert.NotEqual(Draw(1, "a"), Draw(1, "b"));
        Assert.NotEqual(Draw(1, "a"), Draw(2, "a"));
    }

    [Fact]
    public void Draws_have_the_moments_they_should_have()
    {
        var random = new RandomStream(3, "moments");
        const int N = 200_000;
        var exponential = Enumerable.Range(0, N).Select(_ => random.NextExponential()).ToArray();
        Assert.InRange(exponential.Average(), 0.99, 1.01);
        Assert.InRange(exponential.Average(x => x * x), 1.95, 2.05);
        var normal = Enumerable.Range(0, N).Select(_ => random.NextNormal()).ToArray();
        Assert.InRange(normal.Average(), -0.01, 0.01);
        Assert.InRange(normal.Average(x => x * x), 0.99, 1.01);
        Assert.InRange(normal.Average(x => x * x * x * x), 2.9, 3.1);
        var dice = Enumerable.Range(0, N).GroupBy(_ => random.Next(6)).ToDictionary(g => g.Key, g => g.Count());
        Assert.Equal(6, dice.Count);
        Assert.All(dice.Values, n => Assert.InRange(n, N / 6 * 0.97, N / 6 * 1.03));
    }

    private static void Near(double expected, double actual) =>
        Assert.InRange(actual / expected, 1 - 1e-13, 1 + 1e-13);

    private static ulong[] Draw(ulong seed, string name)
    {
        var random = new RandomStream(seed, name);
        return [random.NextBits(), random.NextBits(), random.NextBits()];
    }
}
