using System.Text;
using System.Text.Json.Nodes;
using Holdfast.Sim.Checkers;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Sweeps;

/// <summary>Random scenarios one after the other, each held against every checker.</summary>
internal static class ScenarioSweep
{
    /// <summary>What the seed breaks; empty: nothing.</summary>
    /// <param name="optimum">Null: convergence is held against what arrives.</param>
    public static IReadOnlyList<Breach> Run(ulong seed, IOptimum? optimum) => Run(RandomScenario.Draw(seed), optimum);

    public static IReadOnlyList<Breach> Run(JsonObject drawn, IOptimum? optimum)
    {
        var run = Simulation.Run(Read(drawn), PolicyTable.All[0]);
        return RunCheckers.Check(run, run.Scenario.HealedAt is null ? null : optimum?.Solve(run.World));
    }

    public static Scenario Read(JsonObject drawn)
    {
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(drawn.ToJsonString()), _ => null);
        return scenario ?? throw new InvalidOperationException(
            "a drawn scenario is refused: " + string.Join("; ", faults) + "\n" + drawn.ToJsonString());
    }

    /// <summary>The smallest scenario found that still breaks what it should: faults, acts, edges and sites left out
    /// one by one, ornaments of the sites too.</summary>
    public static JsonObject Shrink(JsonObject drawn, Func<JsonObject, bool> stillBreaks)
    {
        var smallest = drawn;
        for (var isSmaller = true; isSmaller;)
        {
            isSmaller = false;
            foreach (var candidate in Smaller(smallest))
            {
                if (!IsScenario(candidate) || !stillBreaks(candidate))
                    continue;
                smallest = candidate;
                isSmaller = true;
                break;
            }
        }
        return smallest;
    }

    /// <summary>A fault that names what was left out makes it none.</summary>
    private static bool IsScenario(JsonObject candidate) =>
        ScenarioReader.Read(Encoding.UTF8.GetBytes(candidate.ToJsonString()), _ => null).Scenario is not null;

    private static IEnumerable<JsonObject> Smaller(JsonObject from)
    {
        foreach (var list in (string[])["acts", "faults", "edges", "sites"])
        {
            for (var i = from[list]!.AsArray().Count - 1; i >= (list is "edges" or "sites" ? 1 : 0); i--)
            {
                var less = (JsonObject)from.DeepClone();
                less[list]!.AsArray().RemoveAt(i);
                yield return less;
            }
        }
        for (var i = 0; i < from["sites"]!.AsArray().Count; i++)
        {
            foreach (var ornament in (string[])["slowing", "coldCache"])
            {
                if (from["sites"]![i]!["targets"]![ornament] is null)
                    continue;
                var plain = (JsonObject)from.DeepClone();
                plain["sites"]![i]!["targets"]!.AsObject().Remove(ornament);
                yield return plain;
            }
        }
    }
}
