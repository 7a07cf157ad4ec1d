namespace Holdfast.Tests.Watch.Surge;

/// <summary>Counts as services have them: a day and a week, growth, and a rate that strays.</summary>
internal sealed record CountSource(TimeSpan Bin, double Mean, double Alpha)
{
    /// <summary>A Thursday.</summary>
    public static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public double DaySwing { get; init; } = 1;
    public double WeekendShare { get; init; } = 0.5;
    public double GrowthADay { get; init; }
    /// <summary>Factor on the mean at a bin.</summary>
    public Func<int, double> Fault { get; init; } = _ => 1;

    public int BinsADay => (int)(TimeSpan.FromDays(1) / Bin);

    public IEnumerable<(DateTimeOffset Start, double Count)> Make(int seed, double days)
    {
        var random = new Random(seed);
        for (var i = 0; i < days * BinsADay; i++)
        {
            var at = Begin + i * Bin;
            var mean = Mean * Math.Exp(DaySwing * Math.Sin(2 * Math.PI * (at.TimeOfDay.TotalDays - 0.375)))
                * (at.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? WeekendShare : 1)
                * Math.Pow(1 + GrowthADay, (at - Begin).TotalDays) * Fault(i);
            yield return (at, Poisson(random, mean * Gamma(random, 1 / Alpha) * Alpha));
        }
    }

    /// <summary>Marsaglia and Tsang, 2000.</summary>
    private static double Gamma(Random random, double shape)
    {
        if (shape < 1)
            return Gamma(random, shape + 1) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        var d = shape - 1.0 / 3;
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = Normal(random);
            var v = Math.Pow(1 + c * x, 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < 0.5 * x * x + d - d * v + d * Math.Log(v))
                return d * v;
        }
    }

    internal static double Poisson(Random random, double mean)
    {
        if (mean > 30)
            return Math.Max(0, Math.Round(mean + Math.Sqrt(mean) * Normal(random)));
        var limit = Math.Exp(-mean);
        var count = 0;
        for (var product = 1 - random.NextDouble(); product > limit; product *= 1 - random.NextDouble())
            count++;
        return count;
    }

    internal static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
