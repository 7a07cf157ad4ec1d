using System.CommandLine;
using System.Globalization;
using System.Text;
using Holdfast.Optimum;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Sweeps;
using Holdfast.Traffic.Health;

namespace Holdfast.Bench.Scenarios;

/// <summary>Times to detect and false alarms, by policy, beside what theory allows.</summary>
internal static class DetectionTable
{
    private const int Targets = 8;
    private const double Rate = 10;
    private static readonly double[] s_shares = [1, 0.5, 0.3, 0.1];
    private static readonly TimeSpan s_within = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMinutes(10);

    public static Command Command()
    {
        var trials = new Option<int>("--trials") { Description = "Trials a figure.", DefaultValueFactory = _ => 40 };
        var weeks = new Option<double>("--weeks")
        {
            Description = "Weeks of ordinary failures alone.", DefaultValueFactory = _ => 2,
        };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("detection",
            "How soon a failing target is seen at 10 requests/s a target, and false alarms over simulated weeks.\n"
            + "Example: bench/run detection --report bench/results/detection.md") { trials, weeks, report };
        command.SetAction(parse =>
        {
            var text = Write(parse.GetValue(trials), parse.GetValue(weeks));
            Console.WriteLine(text);
            if (parse.GetValue(report) is { } file)
                File.WriteAllText(file, text);
        });
        return command;
    }

    private static string Write(int trials, double weeks)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Detection

            `bench/run detection`: {Targets} targets of one site, {Rate:0} requests/s each, 1 % of them failing ordinarily; then one
            target fails more. Seconds until a verdict other than healthy, and of total failure until it is closed: mean and
            95th percentile of {trials} trials, none longer than {s_within.TotalMinutes:0} minutes. Holdfast closes what fails in part only when
            the others have room for its load, so nothing is said of that here. *Bound*: Lorden's, for one false alarm a day.
            *Wanted*: design section 12. False alarms: {weeks:0.#} simulated weeks without a fault, a target and day.

            | Policy | 100 % fail | 50 % | 30 % | 10 % | closed at 100 % | false closures | false suspicions |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        text.Append("| bound |");
        foreach (var share in s_shares)
            text.Append(CultureInfo.InvariantCulture, $" {DetectionBound.Seconds(Rate, 0.01, share, 86_400):0.0} |");
        text.Append(" | 1 | |\n| wanted | 0.5 | 1 | 2 | 12 | | | 1 |\n");
        string[] names = ["holdfast", "nginx", "linkerd", "envoy"];
        var rows = new string[names.Length];
        Parallel.For(0, names.Length, i => rows[i] = Row(PolicyTable.Find(names[i])!, trials, weeks));
        foreach (var row in rows)
            text.Append(row);
        return text.ToString();
    }

    private static string Row(NamedPolicy policy, int trials, double weeks)
    {
        var row = new StringBuilder("| " + policy.Name);
        foreach (var share in s_shares)
            row.Append(" | ").Append(Cell(policy, trials, share, VerdictState.Suspect));
        row.Append(" | ").Append(Cell(policy, trials, 1, VerdictState.Closed));
        var quiet = new DetectionTrial(policy, Targets, Rate, 77);
        quiet.RunQuietly(TimeSpan.FromDays(7 * weeks));
        var targetDays = Targets * 7 * weeks;
        row.Append(CultureInfo.InvariantCulture,
            $" | {quiet.Closures / targetDays:0.00} | {quiet.Suspicions / targetDays:0.00} |\n");
        return row.ToString();
    }

    private static string Cell(NamedPolicy policy, int trials, double share, VerdictState state)
    {
        var seconds = new List<double>();
        for (var i = 0; i < trials; i++)
        {
            var trial = new DetectionTrial(policy, Targets, Rate, (ulong)(1000 + i));
            trial.RunQuietly(s_warmUp);
            if (trial.SecondsToSee(0, share, state, s_within) is { } seen)
                seconds.Add(seen);
        }
        if (seconds.Count == 0)
            return "never";
        seconds.Sort();
        var missed = trials - seconds.Count;
        return string.Create(CultureInfo.InvariantCulture,
            $"{seconds.Average():0.0} ({seconds[Math.Min(seconds.Count - 1, (int)(0.95 * seconds.Count))]:0.0})")
            + (missed > 0 ? $", {missed} never" : "");
    }
}
