using System.Globalization;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Reports;

internal enum Fate : byte { Held, CameBack, Hurt, StayedDown }

/// <summary>What became of a policy, in a word and in a sentence.</summary>
/// <param name="Fate">By the share served in time of what arrived: in the worst minute, and at the end.</param>
internal sealed record PolicyStory(Fate Fate, string Word, string Sentence)
{
    private const double Good = 0.99;
    private const double Down = 0.75;

    public static PolicyStory Of(RunRecord run, RunFigures figures)
    {
        var worst = Percent(figures.WorstMinuteShare);
        var end = Percent(figures.ServedAtEndShare);
        if (figures.WorstMinuteShare >= Good)
            return new(Fate.Held, "held", $"never served less than {worst} in any minute");
        if (figures.ServedAtEndShare < Down)
        {
            return new(Fate.StayedDown, "stayed down", run.Scenario.HealedAt is { } healed
                ? $"still {end} at the end, {Duration.Describe(run.Scenario.Duration - healed)} after everything healed"
                : $"{end} at the end");
        }
        if (figures.ServedAtEndShare >= Good)
        {
            return new(Fate.CameBack, "came back", $"{worst} in its worst minute"
                + (figures.ConvergedAfter is { } after && after > TimeSpan.Zero
                    ? $", whole again {Duration.Describe(after)} after healing" : ""));
        }
        return new(Fate.Hurt, "not whole", $"{worst} in its worst minute, {end} at the end");
    }

    public static string Percent(double share) =>
        (100 * share).ToString(share is > 0.9995 or < 0.0005 ? "0" : "0.0", CultureInfo.InvariantCulture) + " %";
}
