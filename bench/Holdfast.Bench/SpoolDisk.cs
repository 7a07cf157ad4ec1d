using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Bench;

/// <summary>The segment log's synced appends against the disk's limit: a bare loop that writes the same bytes in the
/// same batches into a preallocated, zeroed file and syncs each batch.</summary>
/// <remarks>Log and loop alternate in one run; only the ratio means something on another machine.</remarks>
internal static class SpoolDisk
{
    private static readonly int[] _writerCounts = [1, 4, 16, 64, 256];

    private sealed record Result(double PerSecond, double Batch, double CpuMicros, double AllocatedBytes);

    public static Command Command()
    {
        var directory = new Option<string>("--directory")
        {
            Description = "Where to write (some hundred MiB, removed afterwards).", DefaultValueFactory = _ => ".spool-disk",
        };
        var size = new Option<int>("--size") { Description = "Bytes a record.", DefaultValueFactory = _ => 4096 };
        var seconds = new Option<double>("--seconds")
        {
            Description = "Length of each run.", DefaultValueFactory = _ => 2,
        };
        var rounds = new Option<int>("--rounds") { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
        var segment = new Option<int>("--segment")
        {
            Description = "Bytes a segment.", DefaultValueFactory = _ => new SegmentLogOptions().SegmentBytes,
        };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("spool-disk",
            "Appends a second against a bare write-and-sync loop.\nExample: bench spool-disk --size 4096 --rounds 3")
        {
            directory, size, seconds, rounds, segment, report,
        };
        command.SetAction(async (parse, _) => await RunAsync(parse.GetValue(directory)!, parse.GetValue(size),
            TimeSpan.FromSeconds(parse.GetValue(seconds)), parse.GetValue(rounds), parse.GetValue(segment),
            parse.GetValue(report)));
        return command;
    }

    private static async Task<int> RunAsync(string directory, int size, TimeSpan length, int rounds, int segment,
        string? report)
    {
        using var disk = new PosixDisk(directory);
        var text = new StringBuilder();
        Tell(text, "| Writers | Log/s | Batch | CPU µs | Allocated B | Bare loop/s | Bare CPU µs | Ratio |");
        Tell(text, "| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var writers in _writerCounts)
        {
            var logs = new List<Result>();
            var bares = new List<Result>();
            for (var round = 0; round < rounds; round++)
            {
                logs.Add(await LogAsync(disk, writers, size, length, segment));
                bares.Add(Bare(disk, Math.Max(1, (int)Math.Round(logs[^1].Batch)), size, length));
            }
            var log = Median(logs);
            var bare = Median(bares);
            Tell(text, string.Create(CultureInfo.InvariantCulture,
                $"| {writers} | {log.PerSecond:F0} | {log.Batch:F1} | {log.CpuMicros:F1} | {log.AllocatedBytes:F0} "
                + $"| {bare.PerSecond:F0} | {bare.CpuMicros:F1} | {log.PerSecond / bare.PerSecond:F2} |"));
        }
        Directory.Delete(directory, recursive: true);
        if (report is not null)
        {
            await File.WriteAllTextAsync(report,
                $"# Synced appends of {size} bytes against the disk's limit\n\n"
                + "Median of the rounds; log and bare loop (gathered write into a preallocated, zeroed file, fdatasync,\n"
                + "batches as large as the log's own) alternate in one run. CPU is the whole process's, a record.\n\n"
                + text);
        }
        return 0;
    }

    private static async Task<Result> LogAsync(IDisk disk, int writers, int size, TimeSpan length,
        int segment)
    {
        var log = SegmentLog.Open(disk, "log", new SegmentLogOptions { SegmentBytes = segment }, ScanStart.Beginning, new Nothing(),
            TimeProvider.System, new Random(1), NullLogger.Instance);
        var head = new byte[Math.Min(200, size / 4)];
        var body = new byte[size - head.Length];
        new Random(2).NextBytes(body);
        var watch = Stopwatch.StartNew();
        var syncs = log.Syncs;
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        using var tidyEnd = new CancellationTokenSource();
        var tidy = Task.Run(() => Tidy(log, tidyEnd.Token));
        var counts = await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(Write)));
        watch.Stop();
        await tidyEnd.CancelAsync();
        await tidy;
        cpu = Environment.CpuUsage.TotalTime - cpu;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        var count = counts.Sum();
        var batch = (double)count / Math.Max(1, log.Syncs - syncs);
        await log.DisposeAsync();
        foreach (var name in disk.List("log")) disk.Delete("log/" + name);
        return new Result(count / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / count,
            (double)allocated / count);

        static async Task Tidy(SegmentLog log, CancellationToken end)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            try
            {
                while (await timer.WaitForNextTickAsync(end))
                {
                    foreach (var segment in log.Segments.SkipLast(2))
                        if (segment.IsClosed) log.Delete(segment.Number);
                }
            }
            catch (OperationCanceledException) { }
        }

        async Task<long> Write()
        {
            long done = 0;
            while (watch.Elapsed < length)
            {
                await log.AppendAsync(1, head, body, Durability.Synced);
                done++;
            }
            return done;
        }
    }

    /// <summary>The bare loop alone, for other measures of the same disk.</summary>
    public static (double PerSecond, double CpuMicros) BareLoop(IDisk disk, int batch, int size, TimeSpan length)
    {
        var result = Bare(disk, batch, size, length);
        return (result.PerSecond, result.CpuMicros);
    }

    private static Result Bare(IDisk disk, int batch, int size, TimeSpan length)
    {
        const long FileBytes = 64 << 20;
        const string Name = "bare";
        using var file = disk.Open(Name, DiskOpenMode.CreateNew);
        file.Preallocate(FileBytes);
        file.SyncData();
        disk.SyncDirectory("");
        var record = new byte[size];
        new Random(3).NextBytes(record);
        var buffers = Enumerable.Repeat((ReadOnlyMemory<byte>)record, batch).ToArray();
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        long at = 0, done = 0;
        while (watch.Elapsed < length)
        {
            if (at + ((long)batch * size) > FileBytes) at = 0;
            file.Write(at, buffers);
            file.SyncData();
            at += (long)batch * size;
            done += batch;
        }
        watch.Stop();
        cpu = Environment.CpuUsage.TotalTime - cpu;
        disk.Delete(Name);
        return new Result(done / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / done, 0);
    }

    private static Result Median(List<Result> results) =>
        results.OrderBy(r => r.PerSecond).ElementAt(results.Count / 2);

    private static void Tell(StringBuilder text, string line)
    {
        Console.WriteLine(line);
        text.AppendLine(line);
    }

    private sealed class Nothing : ISegmentVisitor
    {
        public void Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload)
        {
        }

        public void Damaged(DamageReport report)
        {
        }
    }
}
