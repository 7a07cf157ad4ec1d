using System.Collections.Immutable;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>Which target of a site takes the next transaction: the one where it will be done soonest.</summary>
/// <remarks>Up to eight candidates are all looked at; of more, three distinct ones drawn at random (two can be the same
/// bad one, a full scan makes every sender choose alike). Less loaded and faster is better: (in-flight + 1) / limit ×
/// latency × what failed there lately. Equals take turns.</remarks>
internal static class TargetChoice
{
    private const int ScanMax = 8;
    private const double LatencyFloor = 0.001;

    /// <summary>Index into the engine's targets, or -1 when none is open and has a slot.</summary>
    public static int Choose(SiteState site, TargetState[] states, TargetId avoid, Random random, double now)
    {
        var targets = site.Node.Targets;
        var n = targets.Length;
        if (n == 1)
            return IsFree(states[targets[0].Value], avoid) ? targets[0].Value : -1;
        return n > ScanMax && TryDraw(targets, states, avoid, random, now, out var drawn) ? drawn
            : Scan(site, targets, states, avoid, now);
    }

    private static int Scan(SiteState site, ImmutableArray<TargetId> targets, TargetState[] states, TargetId avoid,
        double now)
    {
        var best = -1;
        var bestCost = double.MaxValue;
        var n = targets.Length;
        if (n == 0)
            return -1;
        var start = site.Cursor = (site.Cursor + 1) % n;
        for (var i = 0; i < n; i++)
        {
            var index = start + i;
            if (index >= n)
                index -= n;
            Consider(targets[index], states, avoid, now, ref best, ref bestCost);
        }
        return best;
    }

    private static bool TryDraw(ImmutableArray<TargetId> targets, TargetState[] states, TargetId avoid, Random random,
        double now, out int best)
    {
        best = -1;
        var bestCost = double.MaxValue;
        var n = targets.Length;
        var a = random.Next(n);
        var b = random.Next(n - 1);
        if (b >= a)
            b++;
        var c = random.Next(n - 2);
        if (c >= Math.Min(a, b))
            c++;
        if (c >= Math.Max(a, b))
            c++;
        Consider(targets[a], states, avoid, now, ref best, ref bestCost);
        Consider(targets[b], states, avoid, now, ref best, ref bestCost);
        Consider(targets[c], states, avoid, now, ref best, ref bestCost);
        return best >= 0;
    }

    private static void Consider(TargetId id, TargetState[] states, TargetId avoid, double now, ref int best,
        ref double bestCost)
    {
        var state = states[id.Value];
        if (!IsFree(state, avoid))
            return;
        var cost = (state.Limit.InFlight + 1.0) / state.Limit.Value * (state.Latency.Peak + LatencyFloor)
            * (1 + state.Test.Pressure(now));
        if (cost >= bestCost)
            return;
        bestCost = cost;
        best = id.Value;
    }

    private static bool IsFree(TargetState state, TargetId avoid) =>
        state.IsOpen && state.Node.Id != avoid && state.Limit.HasSlot
        && (state.State != VerdictState.Recovering || state.Pace.Tokens >= 1);
}
