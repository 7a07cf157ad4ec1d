using System.CommandLine;
using System.Globalization;
using System.Text;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Bench;

/// <summary>Simulated requests a second of the wall on one core: 10 000 targets, five events a request.</summary>
/// <remarks>The whole run is timed, setting up included, as a person waits for it; the policy's own work is in it, so
/// each policy has its line, and one that decides nothing shows what the simulator alone takes.</remarks>
internal static class SimulatorSpeed
{
    private const string Bare = "round-robin";

    public static Command Command()
    {
        var targets = new Option<int>("--targets")
        {
            Description = "Targets in all.", DefaultValueFactory = _ => 10_000,
        };
        var services = new Option<int>("--services")
        {
            Description = "Services that the sites belong to, a hundred targets a site.",
            DefaultValueFactory = _ => 25,
        };
        var rate = new Option<int>("--rate")
        {
            Description = "Requests a virtual second.", DefaultValueFactory = _ => 200_000,
        };
        var seconds = new Option<int>("--seconds") { Description = "Virtual time.", DefaultValueFactory = _ => 20 };
        var rounds = new Option<int>("--rounds") { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
        var policy = new Option<string[]>("--policy") { Description = "Which ones.", AllowMultipleArgumentsPerToken = true };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("simulator",
            "Simulated requests a wall second on one core.\nExample: bench simulator --targets 10000")
        {
            targets, services, rate, seconds, rounds, policy, report,
        };
        command.SetAction(parse => Run(parse.GetValue(targets), parse.GetValue(services), parse.GetValue(rate), parse.GetValue(seconds),
            parse.GetValue(rounds), parse.GetValue(policy) ?? [], parse.GetValue(report)));
        return command;
    }

    private static int Run(int targets, int services, int rate, int seconds, int rounds, string[] policies, string? report)
    {
        var scenario = MakeScenario(targets, services, rate, seconds);
        var text = new StringBuilder();
        Tell(text, "| Policy | Requests | Served | Events | Wall s, median (all) | Requests/s | Bytes allocated a request |");
        Tell(text, "| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var policy in policies.Length > 0 ? policies : [Bare, "holdfast"])
        {
            var named = PolicyTable.Find(policy)!;
            var runs = new List<RunRecord>();
            var bytes = 0L;
            for (var round = 0; round < rounds; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                runs.Add(Simulation.Run(scenario, named));
                bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            }
            var median = runs.OrderBy(r => r.WallSeconds).ElementAt(rounds / 2);
            var all = string.Join(", ", runs.Select(r => r.WallSeconds.ToString("0.00", CultureInfo.InvariantCulture)));
            Tell(text, string.Create(CultureInfo.InvariantCulture,
                $"| {policy} | {median.Totals.Requests} | {median.Totals.Served / (double)median.Totals.Requests:P1} | {median.Events} | {median.WallSeconds:0.00} ({all}) "
                + $"| {median.Totals.Requests / median.WallSeconds:0} | {bytes / (double)median.Totals.Requests:0} |"));
        }
        if (report is not null)
        {
            File.WriteAllText(report, string.Create(CultureInfo.InvariantCulture, $"""
                # Speed of the simulator

                `bench/run simulator`: {targets} targets in {Sites(targets)} sites of {services} services, {rate} requests a
                virtual second for {seconds} s, one edge, lognormal service times of 20 ms, canaries, clients that would
                time out. One core; the whole run is timed, setting up included, and the policy's own work is in it.
                Bytes allocated are pools, series and topology: they grow with what is under way, not with requests.


                """) + text);
        }
        return 0;
    }

    private static string Each(int count, Func<int, string> text) =>
        string.Join(",\n", Enumerable.Range(0, count).Select(text));

    private static int Sites(int targets) => Math.Clamp(targets / 100, 1, 100);

    private static Scenario MakeScenario(int targets, int services, int rate, int seconds)
    {
        var sites = Sites(targets);
        var each = targets / sites;
        // 60 % use.
        var capacity = rate / 0.6 / targets;
        var text = string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "name": "speed", "teaches": "how fast the simulator is", "duration": "{{seconds}}s", "regions": ["here"],
              "services": [ {{Each(services, i => $$"""{ "name": "web-{{i}}", "kind": "http" }""")}} ],
              "sites": [ {{Each(sites, i => $$"""
                { "name": "site-{{i}}", "service": "web-{{i % services}}", "region": "here", "declaredCapacity": {{capacity * each:0}},
                  "targets": { "count": {{each}}, "capacityPerSecond": {{capacity:0.###}},
                    "serviceTime": { "median": "20ms" } } }
                """)}} ],
              "workloads": [ {{Each(services, i => $$"""
                { "service": "web-{{i}}", "ratePerSecond": {{rate / services}},
                  "client": { "timeout": "10s", "retries": 1 } }
                """)}} ]
            }
            """);
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(text), _ => null);
        return scenario ?? throw new InvalidOperationException(faults[0].Describe("speed"));
    }

    private static void Tell(StringBuilder text, string line)
    {
        Console.WriteLine(line);
        text.AppendLine(line);
    }
}
