using System.CommandLine;
using System.Globalization;
using Holdfast.Configuration;
using Holdfast.Sim.Checkers;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Commands;

/// <summary><c>holdfast simulate</c>: an outage rehearsed in virtual time, by the engine that moves real traffic.
/// </summary>
internal static class SimulateCommand
{
    public static Command Create(IOptimum? optimum)
    {
        var command = new ExampledCommand("simulate",
            "Run a scenario in virtual time: what our engine does to the same outage that others collapse in. "
            + "The same seed gives the same result, bit for bit.",
            "holdfast simulate scenarios/january-22.json",
            "holdfast simulate scenarios/january-22.json --compare --report january-22.html",
            "holdfast simulate scenarios/retry-storm.json --policy envoy --seed 7 --json run.json");
        var scenario = new Argument<string>("SCENARIO") { Description = "Scenario file (docs/reference/scenarios.md)" };
        var seed = new Option<ulong?>("--seed")
        {
            Description = "Seed of all chance; the scenario's own unless given", HelpName = "N",
        };
        var policy = new Option<string[]>("--policy")
        {
            Description = "Who decides: " + string.Join(", ", PolicyTable.All.Select(p => p.Name)),
            HelpName = "NAME", AllowMultipleArgumentsPerToken = true,
        };
        var compare = new Option<bool>("--compare") { Description = "All policies, side by side" };
        var report = new Option<string?>("--report") { Description = "HTML report to write", HelpName = "FILE" };
        var json = new Option<string?>("--json") { Description = "JSON record to write; - writes it to standard output",
            HelpName = "FILE" };
        command.Add(scenario);
        command.Add(seed);
        command.Add(policy);
        command.Add(compare);
        command.Add(report);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var policies = Choose(parsed.GetValue(policy) ?? [], parsed.GetValue(compare));
            return Run(parsed.GetValue(scenario)!, parsed.GetValue(seed), policies, parsed.GetValue(report),
                parsed.GetValue(json), optimum, parsed.InvocationConfiguration.Output,
                parsed.InvocationConfiguration.Error);
        });
        return command;
    }

    private static List<NamedPolicy> Choose(string[] names, bool compare)
    {
        if (compare)
            return [.. PolicyTable.All];
        if (names.Length == 0)
            return [PolicyTable.All[0]];
        var chosen = new List<NamedPolicy>();
        foreach (var name in names)
        {
            chosen.Add(PolicyTable.Find(name) ?? throw new CommandException($"there is no policy {name}; "
                + (NearName.Suggest(name, [.. PolicyTable.All.Select(p => p.Name)]) ?? ""), ExitCode.Usage));
        }
        return chosen;
    }

    private static int Run(string file, ulong? seed, List<NamedPolicy> policies, string? report, string? json,
        IOptimum? optimum, TextWriter output, TextWriter error)
    {
        if (!File.Exists(file))
            throw new CommandException($"{file} doesn't exist", ExitCode.Failed);
        var (scenario, faults) = ScenarioReader.ReadFile(file);
        if (scenario is null)
        {
            foreach (var fault in faults)
                error.WriteLine(Terminal.Printable(fault.Describe(file)));
            error.WriteLine($"{file}: {ConfigurationFault.Count(faults.Count)}");
            return ExitCode.ConfigurationInvalid;
        }
        var runs = Simulate(scenario, seed, policies, error);
        var best = optimum?.Solve(runs[0].World);
        var broken = runs.Select(r => (IReadOnlyList<string>)Broken(r, best)).ToList();
        if (json is not null)
            WriteJson(json, runs, best, broken);
        if (json != "-")
            Tell(scenario, runs, best, broken, output);
        if (report is not null)
        {
            File.WriteAllText(report, HtmlReport.Write(runs, best, broken));
            error.WriteLine($"report: {report}");
        }
        return broken[0].Count > 0 && policies[0].Name == PolicyTable.All[0].Name ? ExitCode.HoldsBroken : ExitCode.Ok;
    }

    /// <summary>What the scenario says must hold, and the invariants of every scenario.</summary>
    private static List<string> Broken(RunRecord run, OptimumResult? optimum) =>
    [
        .. BrokenHolds.Find(run, optimum), .. RunCheckers.Check(run, optimum).Select(b => b.ToString()),
    ];

    /// <summary>Each policy on a core of its own, as far as there are cores.</summary>
    private static RunRecord[] Simulate(Scenario scenario, ulong? seed, List<NamedPolicy> policies, TextWriter error)
    {
        var shows = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
        var done = new double[policies.Count];
        var gate = new Lock();
        var runs = new RunRecord[policies.Count];
        Parallel.For(0, policies.Count, i =>
        {
            runs[i] = Simulation.Run(scenario, policies[i], seed, at =>
            {
                if (!shows)
                    return;
                lock (gate)
                {
                    done[i] = at / scenario.Duration;
                    error.Write(string.Create(CultureInfo.InvariantCulture,
                        $"\r{scenario.Name}: {100 * done.Average():0} %   "));
                }
            });
        });
        if (shows)
            error.Write("\r" + new string(' ', scenario.Name.Length + 10) + "\r");
        return runs;
    }

    private static void WriteJson(string path, RunRecord[] runs, OptimumResult? optimum,
        List<IReadOnlyList<string>> broken)
    {
        using var stream = path == "-" ? Console.OpenStandardOutput() : File.Create(path);
        RunJson.Write(stream, runs, optimum, broken);
    }

    private static void Tell(Scenario scenario, RunRecord[] runs, OptimumResult? optimum,
        List<IReadOnlyList<string>> broken, TextWriter output)
    {
        output.WriteLine(Terminal.Printable($"{scenario.Name}, seed {runs[0].Seed}: {scenario.Teaches}"));
        output.WriteLine();
        string[] headers =
        [
            "Policy", "Served", "Top", "Worst minute", "At the end", "Attempts", "p99", "Regret", "Converged",
            "Crashes", "Healthy closed",
        ];
        var rows = runs.Select(r => (IReadOnlyList<Cell>)[.. Row(RunFigures.Of(r, optimum)).Select(Cell.Of)]).ToList();
        Terminal.WriteTable(output, headers, rows);
        output.WriteLine();
        foreach (var (run, sentences) in runs.Zip(broken))
        {
            foreach (var sentence in sentences)
                output.WriteLine(Terminal.Printable($"{run.Policy}: {sentence}"));
        }
        var wall = runs.Sum(r => r.WallSeconds);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{runs.Sum(r => r.Totals.Offered):N0} requests, {runs.Sum(r => r.Events):N0} events in {wall:0.0} s"
            + $" of one core: {runs.Sum(r => r.Totals.Offered) / Math.Max(1e-9, wall):N0} requests/s."));
        output.WriteLine(optimum is null ? "optimum: absent" : "optimum: " + optimum.Note);
    }

    private static string[] Row(RunFigures figures) =>
    [
        figures.Policy, Percent(figures.ServedShare), Percent(figures.ServedTopShare),
        Percent(figures.WorstMinuteShare), Percent(figures.ServedAtEndShare),
        figures.AttemptsPerRequest.ToString("0.00", CultureInfo.InvariantCulture),
        double.IsNaN(figures.LatencyP99Median) ? "-"
            : Duration.Describe(TimeSpan.FromSeconds(figures.LatencyP99Median)),
        figures.Regret is { } regret ? Percent(regret) : "-",
        figures.ConvergedAfter is { } after ? Duration.Describe(after) : "never",
        figures.Crashes.ToString(CultureInfo.InvariantCulture),
        figures.HealthyClosed.ToString(CultureInfo.InvariantCulture),
    ];

    private static string Percent(double share) =>
        (100 * share).ToString(share is > 0.9995 or < 0.0005 ? "0" : "0.0", CultureInfo.InvariantCulture) + " %";
}
