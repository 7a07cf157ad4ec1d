using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Holdfast.Bench.Load;
using Holdfast.Bench.Peers;
using Holdfast.Storage.Disk;
using Spectre.Console;

namespace Holdfast.Bench;

/// <summary>Accept-and-relay, Holdfast and Postfix alternating in one run through the same generator and sink.</summary>
/// <remarks>
/// Accepted/s: messages over the time from the first connection to the last 250. Delivered/s: messages over the time
/// from the first connection to the last one counted by the sink. CPU: only the tested system's processes, ended
/// children included. The generator's ceiling is the generator sending straight into the sink.
/// </remarks>
internal static class SmtpComparison
{
    private sealed record Load(string Generator, int SizeBytes, int Connections, int Messages);

    /// <summary>From this size the disk may be the limit, so it is measured too.</summary>
    private const int LargeBytes = 1 << 20;
    /// <summary>What large messages should reach, whichever is lower.</summary>
    private const double DiskShareTarget = 0.8, PostfixTimesTarget = 3;

    private sealed record Measure(string System, double AcceptedPerSecond, double DeliveredPerSecond, double CpuMs,
        long PeakBytes, int Refused);

    public static Command Command()
    {
        var holdfast = new Option<string>("--holdfast")
            { Required = true, Description = "Published binary (dotnet publish src/Holdfast -c Release -o DIR)" };
        var sizes = new Option<int[]>("--sizes")
            { DefaultValueFactory = _ => [4096, 65536, 1048576], AllowMultipleArgumentsPerToken = true };
        var connections = new Option<int[]>("--connections")
            { DefaultValueFactory = _ => [20, 100], AllowMultipleArgumentsPerToken = true };
        var generators = new Option<string[]>("--generators")
        {
            DefaultValueFactory = _ => ["chained", "envelope", "smtp-source"], AllowMultipleArgumentsPerToken = true,
            Description = "chained, envelope, none (ours, by pipelining) or smtp-source",
        };
        var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 3 };
        var scale = new Option<double>("--scale")
            { DefaultValueFactory = _ => 1, Description = "Messages per round, times this" };
        var only = new Option<string?>("--only") { Description = "holdfast or postfix: measure one of them" };
        var report = new Option<string?>("--report") { Description = "Markdown file to write" };
        var command = new Command("smtp", "Accept-and-relay against Postfix, side by side. Needs root and Debian's postfix.\n"
            + "Example: bench smtp --holdfast artifacts/holdfast/holdfast --sizes 4096 --rounds 3 --report bench/results/smtp.md")
            { holdfast, sizes, connections, generators, rounds, scale, only, report };
        command.SetAction(parse =>
        {
            var loads = new List<Load>();
            foreach (var size in parse.GetValue(sizes)!)
            {
                foreach (var count in parse.GetValue(connections)!)
                {
                    // Enough for some seconds of the slower system, bounded for the large ones.
                    var messages = (int)((size <= 8192 ? 10_000 : size <= 131_072 ? 4_000 : 3_000) * parse.GetValue(scale));
                    loads.AddRange(parse.GetValue(generators)!.Select(g => new Load(g, size, count, messages)));
                }
            }
            return Run(Path.GetFullPath(parse.GetValue(holdfast)!), loads, parse.GetValue(rounds), parse.GetValue(only),
                parse.GetValue(report));
        });
        return command;
    }

    private static int Run(string binary, List<Load> loads, int rounds, string? only, string? report)
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ED);
        var text = new StringBuilder();
        text.AppendLine("| Size | Connections | Generator | System | Accepted/s | Delivered/s | CPU ms/message | Peak MiB |")
            .AppendLine("| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |");
        var summary = new StringBuilder("\n| Size | Connections | Generator | Accepted × | Delivered × | CPU ÷ |\n"
            + "| ---: | ---: | --- | ---: | ---: | ---: |\n");
        var large = new StringBuilder();
        var disks = new Dictionary<int, double>();
        using var sink = StartSink(out var sinkPort);
        try
        {
            foreach (var load in loads)
            {
                var ceiling = Ceiling(load, sinkPort, sink);
                Row(text, load, new Measure("(generator into sink)", ceiling, ceiling, 0, 0, 0));
                var measures = new Dictionary<string, List<Measure>>();
                for (var round = 0; round < rounds; round++)
                {
                    foreach (var name in round % 2 == 0 ? ["Holdfast", "Postfix"] : (string[])["Postfix", "Holdfast"])
                    {
                        if (only is not null && !name.Equals(only, StringComparison.OrdinalIgnoreCase))
                            continue;
                        var own = Path.Combine(folder, $"{name[..1]}{load.SizeBytes}-{FolderName(round)}");
                        Measure measure;
                        using (TestedSystem system = name == "Holdfast" ? new HoldfastSystem(binary, own, LoopbackPort.Free())
                            : new PostfixSystem(own, LoopbackPort.Free()))
                        {
                            measure = MeasureOne(system, load, sink, sinkPort);
                        }
                        // Gigabytes, at a mebibyte a message: the next must find the disk as this one did.
                        Directory.Delete(own, recursive: true);
                        AnsiConsole.MarkupLineInterpolated(
                            $"{load.SizeBytes,8} B {load.Connections,4} conn {load.Generator,-12} {name,-9} accepted {measure.AcceptedPerSecond,8:F0}/s delivered {measure.DeliveredPerSecond,8:F0}/s cpu {measure.CpuMs,7:F3} ms peak {measure.PeakBytes >> 20,5} MiB");
                        if (!measures.TryGetValue(name, out var list))
                            measures[name] = list = [];
                        list.Add(measure);
                    }
                }
                foreach (var (_, list) in measures)
                    Row(text, load, Median(list));
                if (measures.Count == 2)
                {
                    var (h, p) = (Median(measures["Holdfast"]), Median(measures["Postfix"]));
                    var line = string.Create(CultureInfo.InvariantCulture,
                        $"| {load.SizeBytes} | {load.Connections} | {load.Generator} | {h.AcceptedPerSecond / p.AcceptedPerSecond:F1} | {h.DeliveredPerSecond / p.DeliveredPerSecond:F1} | {p.CpuMs / h.CpuMs:F1} |");
                    summary.AppendLine(line);
                    AnsiConsole.WriteLine(line);
                    if (load.SizeBytes < LargeBytes)
                        continue;
                    if (!disks.TryGetValue(load.SizeBytes, out var disk))
                        disks[load.SizeBytes] = disk = DiskAlone(Path.Combine(folder, "disk"), load.SizeBytes);
                    large.AppendLine(TargetRow(load, h, p, disk));
                }
            }
        }
        finally
        {
            sink.Kill();
            Directory.Delete(folder, recursive: true);
        }
        text.Append(summary);
        if (large.Length > 0)
        {
            text.Append("\nLarge messages: the target is the lower of 0.8 of what the disk does alone (bare loop of synced\n"
                + "writes, the better of 1 and 4 messages a sync) and 3 × Postfix.\n\n"
                + "| Size | Connections | Generator | Disk alone/s | MiB/s | 0.8 of it/s | 3 × Postfix/s | Lower | "
                + "Holdfast delivered/s | Met |\n| ---: | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | --- |\n")
                .Append(large);
        }
        Console.WriteLine(text);
        if (report is not null)
        {
            File.WriteAllText(report, "# Accept-and-relay: Holdfast and Postfix\n\n"
                + "Median of the rounds; systems alternate in one run on the same machine (2 cores shared with generator and\n"
                + "sink), each warmed up with a quarter of the messages, 1 000 at most. CPU counts only the tested system's processes.\n"
                + $"Both sync to disk before 250. Ratios: above 1 is better for Holdfast. Rounds: {rounds}.\n\n" + text);
        }
        return 0;
    }

    private static double DiskAlone(string folder, int size)
    {
        Directory.CreateDirectory(folder);
        using var disk = new PosixDisk(folder);
        return new[] { 1, 4 }.Max(batch => BareLoop.Alone(disk, batch, size, TimeSpan.FromSeconds(2)).PerSecond);
    }

    private static string TargetRow(Load load, Measure holdfast, Measure postfix, double disk)
    {
        var (byDisk, byPostfix) = (DiskShareTarget * disk, PostfixTimesTarget * postfix.DeliveredPerSecond);
        var isMet = holdfast.DeliveredPerSecond >= Math.Min(byDisk, byPostfix);
        return string.Create(CultureInfo.InvariantCulture,
            $"| {load.SizeBytes} | {load.Connections} | {load.Generator} | {disk:F0} | {disk * load.SizeBytes / (1 << 20):F0} | {byDisk:F0} | {byPostfix:F0} | {(byDisk < byPostfix ? "disk" : "Postfix")} | {holdfast.DeliveredPerSecond:F0} | {(isMet ? "yes" : "no")} |");
    }

    private static Measure MeasureOne(TestedSystem system, Load load, Process sink, int sinkPort)
    {
        system.Start(sinkPort);
        // A short warm-up: compiled code for one, forked processes for the other.
        Generate(load with { Messages = Math.Min(1000, load.Messages / 4) }, system.Port);
        WaitForSink(sink, Count(sink), Math.Min(1000, load.Messages / 4), quiet: true);
        var before = Count(sink);
        var cpu = ProcessUse.CpuSeconds(system.RootProcessId);
        var watch = Stopwatch.StartNew();
        var (seconds, accepted, refused) = Generate(load, system.Port);
        var delivered = WaitForSink(sink, before, accepted, quiet: false);
        var took = watch.Elapsed.TotalSeconds;
        var used = ProcessUse.CpuSeconds(system.RootProcessId) - cpu;
        return new Measure(system.Name, accepted / seconds, delivered / took, used * 1000 / Math.Max(1, accepted),
            ProcessUse.PeakBytes(system.RootProcessId), refused);
    }

    private static double Ceiling(Load load, int sinkPort, Process sink)
    {
        var before = Count(sink);
        var (seconds, accepted, _) = Generate(load, sinkPort);
        WaitForSink(sink, before, accepted, quiet: true);
        return accepted / seconds;
    }

    private static (double Seconds, int Accepted, int Refused) Generate(Load load, int port)
    {
        if (load.Generator == "smtp-source")
        {
            var watch = Stopwatch.StartNew();
            using var source = Process.Start("/usr/sbin/smtp-source",
                ["-m", $"{load.Messages}", "-s", $"{load.Connections}", "-l", $"{load.SizeBytes}", "-f", "s@load.test",
                    "-t", "r@load.test", "-d", $"127.0.0.1:{port}"]);
            source.WaitForExit();
            return (watch.Elapsed.TotalSeconds, load.Messages, source.ExitCode);
        }
        using var generator = Self("generate", "--port", $"{port}", "--connections", $"{load.Connections}", "--messages",
            $"{load.Messages}", "--size", $"{load.SizeBytes}", "--pipelining", load.Generator);
        var line = generator.StandardOutput.ReadToEnd();
        generator.WaitForExit();
        var fields = line.Split(' ');
        if (fields.Length < 3)
            throw new InvalidOperationException("generator failed: " + generator.StandardError.ReadToEnd());
        return (double.Parse(fields[0], CultureInfo.InvariantCulture), int.Parse(fields[1], CultureInfo.InvariantCulture),
            int.Parse(fields[2], CultureInfo.InvariantCulture));
    }

    private static Process StartSink(out int port)
    {
        port = LoopbackPort.Free();
        var process = Self("sink", "--port", $"{port}");
        process.StandardOutput.ReadLine();
        return process;
    }

    private static Process Self(params string[] arguments) => Process.Start(
        new ProcessStartInfo(Environment.ProcessPath!, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;

    private static long Count(Process sink)
    {
        sink.StandardInput.WriteLine();
        return long.Parse(sink.StandardOutput.ReadLine()!.Split(' ')[0], CultureInfo.InvariantCulture);
    }

    private static long WaitForSink(Process sink, long before, int expected, bool quiet)
    {
        using var pause = new ManualResetEventSlim();
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var got = Count(sink) - before;
            if (got >= expected)
                return got;
            if (watch.Elapsed > TimeSpan.FromSeconds(quiet ? 5 : 120))
                return got;
            pause.Wait(TimeSpan.FromMilliseconds(5));
        }
    }

    private static Measure Median(List<Measure> list) => list.OrderBy(m => m.DeliveredPerSecond).ElementAt(list.Count / 2);

    private static void Row(StringBuilder text, Load load, Measure m) => text.AppendLine(
        string.Create(CultureInfo.InvariantCulture,
            $"| {load.SizeBytes} | {load.Connections} | {load.Generator} | {m.System} | {m.AcceptedPerSecond:F0} | {m.DeliveredPerSecond:F0} | {m.CpuMs:F3} | {m.PeakBytes >> 20} |"));

    private static string FolderName(int round) => string.Create(CultureInfo.InvariantCulture, $"{round}-{Stopwatch.GetTimestamp()}");
}
