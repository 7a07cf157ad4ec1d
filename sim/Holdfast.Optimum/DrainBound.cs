namespace Holdfast.Optimum;

/// <summary>The shortest time in which waiting mail can be gone: the least T with ∫(capacity − fresh) ≥ backlog, fresh
/// mail being served first.</summary>
internal static class DrainBound
{
    /// <summary>Seconds from the first bucket's begin, or null when the backlog outlives the buckets.</summary>
    /// <param name="capacity">Operations that can succeed in each bucket.</param>
    /// <param name="fresh">Operations that arrive in each bucket beside the backlog; what has no room joins it.</param>
    public static double? Seconds(double backlog, ReadOnlySpan<double> capacity, ReadOnlySpan<double> fresh,
        double bucketSeconds)
    {
        if (backlog <= 0)
            return 0;
        for (var t = 0; t < capacity.Length; t++)
        {
            var left = capacity[t] - fresh[t];
            if (left > 0 && left >= backlog)
                return (t + backlog / left) * bucketSeconds;
            backlog -= left;
        }
        return null;
    }
}
