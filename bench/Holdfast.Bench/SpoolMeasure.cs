using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Holdfast.Storage.Disk;

namespace Holdfast.Bench;

/// <summary>What one run came to; CPU is the whole process's, kernel included, a record.</summary>
internal sealed record SpoolResult(double PerSecond, double Batch, double CpuMicros, double AllocatedBytes);

/// <summary>What the measurements of log and spool share: options, rounds in turns with the bare loops, the table.
/// </summary>
internal sealed class SpoolMeasure
{
    private const string Columns = "| Measured/s | Batch | CPU µs | Allocated B | Bare loop/s | CPU µs | Ratio "
        + "| Fed loop/s | Batch | CPU µs | Ratio |";
    private static readonly string _rule = string.Concat(Enumerable.Repeat("| ---: ", 11)) + "|";

    private readonly Option<string> _directory;
    private readonly Option<int> _size;
    private readonly Option<double> _seconds = new("--seconds")
        { Description = "Length of each run.", DefaultValueFactory = _ => 2 };
    private readonly Option<int> _rounds = new("--rounds")
        { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
    private readonly Option<int[]> _writers;
    private readonly Option<string?> _report = new("--report") { Description = "Markdown file to write." };
    private readonly StringBuilder _text = new();

    public SpoolMeasure(string directory, string size, int[] writers)
    {
        _directory = new Option<string>("--directory")
        {
            Description = "Where to write (up to some GiB, removed afterwards).", DefaultValueFactory = _ => directory,
        };
        _size = new Option<int>("--size") { Description = size, DefaultValueFactory = _ => 4096 };
        _writers = new Option<int[]>("--writers")
        {
            Description = "How many append at once.", DefaultValueFactory = _ => writers,
            AllowMultipleArgumentsPerToken = true,
        };
    }

    public string Directory { get; private set; } = "";
    public int SizeBytes { get; private set; }
    public TimeSpan Length { get; private set; }
    public int[] Writers { get; private set; } = [];
    private int Rounds { get; set; }

    /// <summary>The command, whose action is run when the options are known.</summary>
    public Command Command(string name, string description, Func<ParseResult, Task> action, params Option[] more)
    {
        var command = new Command(name, description) { _directory, _size, _seconds, _rounds, _writers, _report };
        foreach (var option in more) command.Add(option);
        command.SetAction(async (parse, abort) =>
        {
            (Directory, SizeBytes) = (parse.GetValue(_directory)!, parse.GetValue(_size));
            (Length, Rounds) = (TimeSpan.FromSeconds(parse.GetValue(_seconds)), parse.GetValue(_rounds));
            Writers = parse.GetValue(_writers)!;
            var load = LoadAverage();
            await action(parse);
            _text.AppendLine(CultureInfo.InvariantCulture,
                $"\nLoad average of the machine ({Environment.ProcessorCount} processors), last minute: {load} before, "
                + $"{LoadAverage()} at the end.");
            System.IO.Directory.Delete(Directory, recursive: true);
            if (parse.GetValue(_report) is { } report) await File.WriteAllTextAsync(report, _text.ToString(), abort);
            return 0;
        });
        return command;
    }

    /// <summary>Report's head, and the table's; <paramref name="keys"/> are the columns before the figures.</summary>
    public void Begin(string title, string words, params string[] keys)
    {
        _text.AppendLine(CultureInfo.InvariantCulture, $"# {title}\n\n{words}\n");
        _text.AppendLine("*Bare loop*: one thread writes the same bytes in batches as large as the measured ones and "
            + "syncs each;\nnobody waits for it. *Fed loop*: the same, fed by as many waiting tasks as the measured "
            + "code has: what any\ngroup commit must pay. Median of the rounds; all alternate in one run. CPU is the "
            + "whole process's, a record.\n\nThe first ratio is the goal's (0.9). The bare loop lets nobody go on. The measured "
            + "code must: on two processors\nthat keeps the writing thread for about 0.6 µs a task, or for 8 to 20 µs a batch "
            + "to wake another thread instead\n(it takes what is less). The second ratio is to a loop that pays this too, "
            + "but where its batches are smaller,\nfewer records share a sync. Others' load on disk or processors between two "
            + "turns makes ratios unlike each other.\n");
        Tell(string.Concat(keys.Select(k => $"| {k} ")) + Columns);
        Tell(string.Concat(keys.Select(_ => "| --- ")) + _rule);
    }

    public async Task Row(string keys, int writers, int recordBytes, Func<Task<SpoolResult>> measured)
    {
        List<SpoolResult> ours = [], bare = [], fed = [];
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(await measured());
            using var disk = new PosixDisk(Directory);
            bare.Add(BareLoop.Alone(disk, Math.Max(1, (int)Math.Round(ours[^1].Batch)), recordBytes, Length));
            fed.Add(await BareLoop.Fed(disk, writers, recordBytes, Length));
        }
        var (o, b, f) = (Median(ours), Median(bare), Median(fed));
        Tell(string.Create(CultureInfo.InvariantCulture,
            $"{keys} {o.PerSecond:F0} | {o.Batch:F1} | {o.CpuMicros:F1} | {o.AllocatedBytes:F0} | {b.PerSecond:F0} "
            + $"| {b.CpuMicros:F1} | {o.PerSecond / b.PerSecond:F2} | {f.PerSecond:F0} | {f.Batch:F1} "
            + $"| {f.CpuMicros:F1} | {o.PerSecond / f.PerSecond:F2} |"));
    }

    private static string LoadAverage() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static SpoolResult Median(List<SpoolResult> results) =>
        results.OrderBy(r => r.PerSecond).ElementAt(results.Count / 2);

    private void Tell(string line)
    {
        Console.WriteLine(line);
        _text.AppendLine(line);
    }
}
