using System.CommandLine;
using System.Globalization;
using System.Text;
using Holdfast.Bench.Peers;

namespace Holdfast.Bench.Drain;

/// <summary>A backlog for a site that comes back with a known capacity: how near to the optimum it drains, and what
/// fresh mail feels of it.</summary>
internal static class DrainCommand
{
    public static Command Command()
    {
        var holdfast = new Option<string>("--holdfast") { Required = true, Description = "Published binary" };
        var messages = new Option<int>("--messages") { DefaultValueFactory = _ => 100_000 };
        var peer = new Option<int>("--postfix-messages")
            { DefaultValueFactory = _ => 10_000, Description = "Backlog for Postfix; 0: without it" };
        var capacity = new Option<double>("--capacity") { DefaultValueFactory = _ => 400, Description = "Messages a second" };
        var fresh = new Option<double>("--fresh") { DefaultValueFactory = _ => 0.25, Description = "Fresh mail as a share of it" };
        var only = new Option<string?>("--only") { Description = "declared, undeclared or postfix" };
        var seconds = new Option<string?>("--seconds") { Description = "Folder for a CSV file a run, line a second" };
        var report = new Option<string?>("--report") { Description = "Markdown file to write" };
        var command = new Command("drain", "Backlog drain on real sockets beside Postfix with its defaults. Needs root and Debian's postfix.\n"
            + "Example: bench/run drain --report bench/results/drain.md")
            { holdfast, messages, peer, capacity, fresh, only, seconds, report };
        command.SetAction(parse =>
        {
            var binary = Path.GetFullPath(parse.GetValue(holdfast)!);
            var rate = parse.GetValue(capacity);
            var plan = new DrainPlan(parse.GetValue(messages), rate, rate * parse.GetValue(fresh), 4);
            var results = new List<DrainResult>();
            var root = Directory.CreateTempSubdirectory("holdfast-drain-").FullName;
            File.SetUnixFileMode(root, (UnixFileMode)0x1ED);
            try
            {
                foreach (var name in (string[])["declared", "undeclared", "postfix"])
                {
                    if (parse.GetValue(only) is { } wanted && wanted != name)
                        continue;
                    var isPeer = name == "postfix";
                    if (isPeer && parse.GetValue(peer) <= 0)
                        continue;
                    var result = RunOne(name, binary, Path.Combine(root, name),
                        isPeer ? plan with { Messages = parse.GetValue(peer), Limit = 12 } : plan);
                    results.Add(result);
                    Console.WriteLine(DrainReport.Row(result));
                    if (parse.GetValue(seconds) is { } folder)
                        File.WriteAllText(Path.Combine(folder, name + ".csv"), result.Seconds);
                }
            }
            finally
            {
                Directory.Delete(root, recursive: true);
            }
            var text = DrainReport.Write(results);
            Console.WriteLine(text);
            if (parse.GetValue(report) is { } file)
                File.WriteAllText(file, text);
            return 0;
        });
        return command;
    }

    private static DrainResult RunOne(string name, string binary, string folder, DrainPlan plan)
    {
        var port = LoopbackPort.Free();
        using TestedSystem system = name == "postfix" ? new PostfixSystem(folder, port, settings: "")
            : new HoldfastSystem(binary, folder, port, name == "declared" ? plan.Capacity : null);
        var title = name switch
        {
            "declared" => "Holdfast, capacity declared",
            "undeclared" => "Holdfast, capacity not declared",
            _ => "Postfix, defaults",
        };
        return DrainRun.Run(title, system, LoopbackPort.Free(), name == "postfix" ? null : port + 1, plan);
    }
}
