using Holdfast.Sim.Runs;

namespace Holdfast.Optimum;

/// <summary>How steps are gathered, and spread again.</summary>
internal static class WorldBuckets
{
    private const int BucketsMax = 240;

    public static int Width(TrueWorld world)
    {
        var second = (int)Math.Ceiling(1 / world.Step.TotalSeconds - 1e-9);
        return Math.Max(Math.Max(1, second), (world.Steps + BucketsMax - 1) / BucketsMax);
    }

    public static double[] Gather(double[] steps, int width, double factor = 1)
    {
        var buckets = new double[(steps.Length + width - 1) / width];
        for (var i = 0; i < steps.Length; i++)
            buckets[i / width] += steps[i] * factor;
        return buckets;
    }

    public static void Spread(double[] buckets, int width, double[] steps)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            var bucket = i / width;
            steps[i] += buckets[bucket] / Math.Min(width, steps.Length - bucket * width);
        }
    }
}
