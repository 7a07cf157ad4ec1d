namespace Holdfast.Bench.Web;

/// <summary>What clients' first attempts came to, by when they were meant to be sent.</summary>
internal static class Goodput
{
    /// <summary>Recovered: this part of a window's requests is good.</summary>
    public const double Recovered = 0.99;
    public const double WindowSeconds = 1, StepSeconds = 0.1;

    /// <summary>Part of the first attempts between the two times that was good; 1 when there was none.</summary>
    public static double Share(IReadOnlyList<WebSample> samples, double from, double to)
    {
        int good = 0, all = 0;
        foreach (var sample in samples)
        {
            if (sample.Attempt > 0 || sample.Start < from || sample.Start >= to)
                continue;
            all++;
            good += sample.IsGood ? 1 : 0;
        }
        return all == 0 ? 1 : (double)good / all;
    }

    /// <summary>Seconds from <paramref name="from"/> to the first window since which every window up to
    /// <paramref name="to"/> was at 99 % or more: a moment's luck isn't recovery. 0: no window was worse. Null: the last
    /// window still was.</summary>
    public static double? RecoveredAfter(IReadOnlyList<WebSample> samples, double from, double to)
    {
        var steps = (int)Math.Floor(((to - from - WindowSeconds) / StepSeconds) + 1e-9);
        for (var step = steps; step >= 0; step--)
        {
            var at = from + (step * StepSeconds);
            if (Share(samples, at, at + WindowSeconds) < Recovered)
                return step == steps ? null : (step + 1) * StepSeconds;
        }
        return 0;
    }

    /// <summary>Latency at a share of all attempts between the two times; one that was not good counts as
    /// <paramref name="failed"/> seconds, since a quick error is no quick answer.</summary>
    public static double LatencyAt(IReadOnlyList<WebSample> samples, double from, double to, double share, double failed)
    {
        var sorted = samples.Where(s => s.Start >= from && s.Start < to).Select(s => s.IsGood ? s.Latency : failed).Order()
            .ToArray();
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Round((sorted.Length - 1) * share)];
    }

    /// <summary>Attempts that weren't good, by kind, the commonest first: "503 12, late 3"; "0" for none.</summary>
    public static string Errors(IReadOnlyList<WebSample> samples, double from, double to)
    {
        var kinds = samples.Where(s => !s.IsGood && s.Start >= from && s.Start < to).GroupBy(s => s.Kind)
            .OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{g.Key} {g.Count()}"));
        return string.Join(", ", kinds) is { Length: > 0 } text ? text : "0";
    }

    /// <summary>A line a second of intended starts: attempts, good ones, answers from home, the slowest good one, what went
    /// wrong. For those who want to see what happened.</summary>
    public static string Seconds(IReadOnlyList<WebSample> samples, double end)
    {
        var text = new System.Text.StringBuilder("second,attempts,good,home,slowest,errors\n");
        for (var second = 0; second < end; second++)
        {
            var within = samples.Where(s => s.Start >= second && s.Start < second + 1).ToArray();
            text.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"{second},{within.Length},{within.Count(s => s.IsGood)},{within.Count(s => s.IsHome)},{within.Where(s => s.IsGood).Select(s => s.Latency).DefaultIfEmpty().Max():F3},{Errors(within, second, second + 1)}\n");
        }
        return text.ToString();
    }
}
