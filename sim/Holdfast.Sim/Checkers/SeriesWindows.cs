namespace Holdfast.Sim.Checkers;

/// <summary>Sums and means over windows of a series.</summary>
internal static class SeriesWindows
{
    public static long Sum(int[] series, int from, int to)
    {
        var sum = 0L;
        for (var i = Math.Max(0, from); i < Math.Min(to, series.Length); i++)
            sum += series[i];
        return sum;
    }

    public static double Sum(double[] series, int from, int to)
    {
        var sum = 0.0;
        for (var i = Math.Max(0, from); i < Math.Min(to, series.Length); i++)
            sum += series[i];
        return sum;
    }

    /// <summary>Steps that make up a time, at least one.</summary>
    public static int Steps(TimeSpan time, TimeSpan step) => Math.Max(1, (int)Math.Round(time / step));
}
