using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>Which target of a site takes the next operation: the one where it will be done soonest.</summary>
/// <remarks>
/// Guards against the target that fails fast and so attracts everything, against herding on the best one, and against
/// two random choices that are the same bad one.
/// Formula: up to eight candidates are all looked at, of more three distinct ones drawn at random. Cold (in-flight
/// below 0.9 of the limit) before hot. Among cold the least (peak-EWMA latency × success⁻³ + penalty) ×
/// (in-flight + 1) / limit; success is drawn to the site's by ten pseudo-requests; the penalty is what is left
/// of Retry-After, or of five seconds after a push-back or after the target was closed for another class of operation
/// (one that is silent to reads is written to last). All hot: the least in-flight / limit. Equals take turns. What is
/// degraded or recovering takes part only as far as its share allows; degraded also when all else is hot.
/// Defaults: 10 s and the penalty from Linkerd. In-flight stands in the cost instead of Prequal's 0.84 quantile: our
/// own in-flight is exact, so there is nothing stale to herd on.
/// Known to do badly: several edges that see the same idle target at once.
/// </remarks>
internal static class TargetChoice
{
    private const int ScanMax = 8;
    private const int LookMax = 64;
    private const double Cold = 0.9;
    private const double BurstSeconds = 0.1;
    /// <summary>What costs nearly the same takes turns: else the best by a hair gets everything.</summary>
    private const double Better = 0.9;

    private ref struct Search
    {
        public int Best;
        public double BestCost;
        public int BestHot;
        public double BestUse;
    }

    /// <summary>Index into the engine's targets, or -1 when none is open and has a slot.</summary>
    /// <param name="keys">Those of the operation, by target.</param>
    public static int Choose(SiteState site, TargetState[] states, HealthKey?[] keys, TargetId avoid, Random random,
        double now)
    {
        var targets = site.Node.Targets;
        var n = targets.Length;
        var search = new Search { Best = -1, BestCost = double.MaxValue, BestHot = -1, BestUse = double.MaxValue };
        if (n > ScanMax)
        {
            Draw(targets, states, keys, avoid, random, now, ref search);
            if (search.Best >= 0)
                return search.Best;
        }
        if (n == 0)
            return -1;
        var index = site.Cursor + 1;
        if (index >= n)
            index = 0;
        site.Cursor = index;
        for (var i = Math.Min(n, LookMax); i > 0; i--)
        {
            var target = targets[index].Value;
            Consider(states[target], keys[target], avoid, now, ref search);
            if (++index >= n)
                index = 0;
        }
        return search.Best >= 0 ? search.Best : search.BestHot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Draw(ImmutableArray<TargetId> targets, TargetState[] states, HealthKey?[] keys,
        TargetId avoid, Random random, double now, ref Search search)
    {
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
        (a, b, c) = (targets[a].Value, targets[b].Value, targets[c].Value);
        // Where there are thousands, each is a wait for memory: better one wait for the three.
        var (x, y, z) = (states[a], states[b], states[c]);
        var (xKey, yKey, zKey) = (keys[a], keys[b], keys[c]);
        TargetState.FetchUse(x);
        TargetState.FetchUse(y);
        TargetState.FetchUse(z);
        HealthKey.FetchCost(xKey);
        HealthKey.FetchCost(yKey);
        HealthKey.FetchCost(zKey);
        Consider(x, xKey, avoid, now, ref search);
        Consider(y, yKey, avoid, now, ref search);
        Consider(z, zKey, avoid, now, ref search);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Consider(TargetState state, HealthKey? key, TargetId avoid, double now, ref Search search)
    {
        if (!state.Limit.HasSlot || state.Id == avoid || state.IsRetired || state.IsDrained)
            return;
        var cost = 0.001;
        var mayTake = true;
        if (key is not null)
        {
            if (key.IsClosed)
                return;
            cost = key.Cost;
            if (key.PenaltyUntil > now)
                cost += key.PenaltyUntil - now;
            if (key.IsLimited)
            {
                key.Pace.Refill(key.PaceRate, Math.Max(1, key.PaceRate * BurstSeconds), now);
                mayTake = key.Pace.Tokens >= 1;
                if (!mayTake && key.State == VerdictState.Recovering)
                    return;
            }
        }
        var use = state.Limit.Use;
        if (use < search.BestUse)
        {
            search.BestUse = use;
            search.BestHot = state.Id.Value;
        }
        if (use >= Cold || !mayTake)
            return;
        cost *= (state.Limit.InFlight + 1) / (state.Limit.Value * state.ActWeight);
        if (cost >= search.BestCost * Better)
            return;
        search.BestCost = cost;
        search.Best = state.Id.Value;
    }
}
