using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Holdfast.Optimum;
using Holdfast.Sim.Checkers;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Scenarios;
using Holdfast.Sim.Sweeps;

namespace Holdfast.Bench.Scenarios;

/// <summary>The suite of scenarios against all policies, and random scenarios by the ten thousand.</summary>
internal static class SuiteCommands
{
    public static Command Suite()
    {
        var folder = new Option<string>("--scenarios") { Description = "Folder.", DefaultValueFactory = _ => "scenarios" };
        var only = new Option<string[]>("--only")
        {
            Description = "Scenarios whose name holds one of these.", AllowMultipleArgumentsPerToken = true,
        };
        var policies = new Option<string[]>("--policy")
        {
            Description = "These policies besides ours; all unless given.", AllowMultipleArgumentsPerToken = true,
        };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("suite",
            "Every scenario under every policy, with the optimum.\n"
            + "Example: bench/run suite --report bench/results/scenarios.md") { folder, only, policies, report };
        command.SetAction(parse => RunSuite(parse.GetValue(folder)!, parse.GetValue(only) ?? [],
            parse.GetValue(policies) ?? [], parse.GetValue(report)));
        return command;
    }

    public static Command Sweep()
    {
        var count = new Option<int>("--count") { Description = "Random scenarios.", DefaultValueFactory = _ => 10_000 };
        var seed = new Option<ulong>("--seed") { Description = "First seed.", DefaultValueFactory = _ => 1 };
        var shrink = new Option<bool>("--shrink") { Description = "Make what fails smaller and print it." };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("sweep",
            "Random scenarios against every checker; prints the seeds that break one.\n"
            + "Example: bench/run sweep --count 10000\nReplay: bench/run sweep --count 1 --seed N --shrink")
        {
            count, seed, shrink, report,
        };
        command.SetAction(parse => RunSweep(parse.GetValue(count), parse.GetValue(seed), parse.GetValue(shrink),
            parse.GetValue(report)));
        return command;
    }

    private static int RunSuite(string folder, string[] only, string[] names, string? report)
    {
        var scenarios = new List<Scenario>();
        foreach (var file in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            if (only.Length > 0 && !only.Any(o => file.Contains(o, StringComparison.Ordinal)))
                continue;
            var (scenario, faults) = ScenarioReader.ReadFile(file);
            if (scenario is null)
            {
                Console.Error.WriteLine($"{file}: {string.Join("; ", faults)}");
                return 1;
            }
            scenarios.Add(scenario);
        }
        var policies = PolicyTable.All.Where((p, i) => i == 0 || names.Length == 0 || names.Contains(p.Name)).ToList();
        var watch = Stopwatch.StartNew();
        var rows = SuiteRun.Run(scenarios, policies, Show);
        var text = SuiteReport.Write(rows);
        if (report is null)
            Console.WriteLine(text);
        else
            File.WriteAllText(report, text);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rows.Count} scenarios, {policies.Count} policies, {watch.Elapsed.TotalSeconds:0} s: mean regret "
            + $"{rows.Average(r => r.Ours.Regret):P1}, worst {rows.Max(r => r.Ours.Regret):P1}, "
            + $"{rows.Sum(r => r.Ours.Breaches.Count)} breaches"));
        return rows.Any(r => r.Ours.Breaches.Count > 0) ? 1 : 0;
    }

    private static void Show(SuiteRow row) => Console.Error.WriteLine(row.Scenario.Name.PadRight(30)
        + string.Join("  ", row.Cells.Select(c => string.Create(CultureInfo.InvariantCulture,
            $"{c.Policy} {c.Regret:P1}"))) + (row.Ours.Breaches.Count > 0 ? "  BROKEN: " + row.Ours.Breaches[0] : ""));

    private static int RunSweep(int count, ulong first, bool shrinks, string? report)
    {
        var watch = Stopwatch.StartNew();
        var gate = new Lock();
        var failed = 0;
        var done = 0;
        var byChecker = new SortedDictionary<string, SortedSet<ulong>>(StringComparer.Ordinal);
        Parallel.For(0, count, i =>
        {
            var seed = first + (ulong)i;
            var breaches = ScenarioSweep.Run(seed, new LinearOptimum());
            lock (gate)
            {
                if (++done % 1000 == 0)
                    Console.Error.WriteLine($"  {done} scenarios, {failed} failed");
                if (breaches.Count == 0)
                    return;
                failed++;
                foreach (var name in breaches.Select(b => b.Checker).Distinct())
                {
                    byChecker.TryAdd(name, []);
                    byChecker[name].Add(seed);
                }
                if (failed <= 50)
                    Tell(seed, breaches);
            }
            if (shrinks)
                ShowSmallest(seed, breaches[0]);
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{done} random scenarios in {watch.Elapsed.TotalSeconds:0} s, seeds {first} to {first + (ulong)count - 1}: "
            + $"{failed} broke an invariant{(failed > 0 ? ":" : "")} ")
            + string.Join(", ", byChecker.Select(p => $"{p.Key} {p.Value.Count}")));
        if (report is not null)
            File.WriteAllText(report, SweepReport(count, first, failed, byChecker));
        return failed > 0 ? 1 : 0;
    }

    private static string SweepReport(int count, ulong first, int failed,
        SortedDictionary<string, SortedSet<ulong>> byChecker)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Sweep

            `bench/run sweep --count {count} --seed {first}`: random scenarios drawn from seeds, each held against every checker;
            {failed} of {count} break an invariant. `bench/run sweep --count 1 --seed N --shrink` runs one again and makes it
            smaller.

            | Invariant | scenarios | first seeds |
            | --- | ---: | --- |

            """);
        foreach (var (name, seeds) in byChecker)
        {
            text += string.Create(CultureInfo.InvariantCulture, $"| {name} | {seeds.Count} ")
                + $"| {string.Join(", ", seeds.Take(12))} |\n";
        }
        return text;
    }

    private static void Tell(ulong seed, IReadOnlyList<Breach> breaches)
    {
        Console.WriteLine($"seed {seed}: {string.Join("; ", breaches.Take(2))}");
        Console.WriteLine($"  replay: bench/run sweep --count 1 --seed {seed} --shrink");
    }

    private static void ShowSmallest(ulong seed, Breach breach)
    {
        var smallest = ScenarioSweep.Shrink(RandomScenario.Draw(seed),
            s => ScenarioSweep.Run(s, new LinearOptimum()).Any(b => b.Checker == breach.Checker));
        Console.WriteLine($"seed {seed}, made smaller, still breaks \"{breach.Checker}\":");
        Console.WriteLine(smallest.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true }));
    }
}
