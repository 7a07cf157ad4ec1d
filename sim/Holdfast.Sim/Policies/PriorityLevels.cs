namespace Holdfast.Sim.Policies;

/// <summary>Envoy's arithmetic of priority levels (architecture overview, "Priority levels").</summary>
internal static class PriorityLevels
{
    /// <summary><c>overprovisioning_factor</c> 1.4: below 72 % of its hosts a level gives load away.</summary>
    public const double OverProvisioning = 1.4;
    /// <summary><c>healthy_panic_threshold</c> 50 %.</summary>
    public const double PanicThreshold = 0.5;

    /// <summary>Turns each level's health (0 to 1) into its share of the load. False when there is no host at all.
    /// </summary>
    /// <param name="total">Sum of the healths, at most 1.</param>
    /// <param name="hosts">Each level's share of all hosts: what counts when nothing is healthy.</param>
    public static bool Share(double[] levels, double total, Func<int, double> hosts)
    {
        if (total <= 0)
        {
            var any = 0.0;
            for (var i = 0; i < levels.Length; i++)
                any += levels[i] = hosts(i);
            return any > 0;
        }
        var left = 1.0;
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = Math.Min(left, levels[i] / total);
            left -= levels[i];
        }
        return true;
    }
}
