using System.CommandLine;
using System.Diagnostics;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Bench;

/// <summary>The segment log's synced appends against the disk's limit.</summary>
/// <remarks>Log and loops alternate in one run; only the ratios mean something on another machine.</remarks>
internal static class SpoolDisk
{
    private const int WarmWriters = 64;
    private const int WarmSegments = 8;

    public static Command Command()
    {
        var measure = new SpoolMeasure(".spool-disk", "Bytes a record.", [1, 4, 16, 64, 256]);
        var segment = new Option<int>("--segment")
        {
            Description = "Bytes a segment.", DefaultValueFactory = _ => new SegmentLogOptions().SegmentBytes,
        };
        return measure.Command("spool-disk",
            "Appends a second against a bare write-and-sync loop.\nExample: bench spool-disk --size 4096 --rounds 3",
            parse => RunAsync(measure, parse.GetValue(segment)), segment);
    }

    private static async Task RunAsync(SpoolMeasure measure, int segment)
    {
        using var disk = new PosixDisk(measure.Directory);
        measure.Begin($"Synced appends of {measure.SizeBytes} bytes to the log, against the disk's limit",
            "Segments given back are used again, as with delivered mail; measured once there are some. New ones, as with mail\n"
                + "that stays, are zeroed first, which takes about as much of the disk as the records do.", "Writers");
        foreach (var writers in measure.Writers)
            await measure.Row($"| {writers} |", writers, measure.SizeBytes,
                () => LogAsync(disk, writers, measure.SizeBytes, measure.Length, segment));
    }

    private static async Task<SpoolResult> LogAsync(IDisk disk, int writers, int size, TimeSpan length,
        int segment)
    {
        var log = SegmentLog.Open(disk, "log", new SegmentLogOptions { SegmentBytes = segment }, ScanStart.Beginning, new Nothing(),
            TimeProvider.System, new Random(1), NullLogger.Instance);
        var head = new byte[Math.Min(200, size / 4)];
        var body = new byte[size - head.Length];
        new Random(2).NextBytes(body);
        using var tidyEnd = new CancellationTokenSource();
        var tidy = Task.Run(() => Tidy(log, tidyEnd.Token));
        await Task.WhenAll(Enumerable.Range(0, WarmWriters).Select(_ => Task.Run(Warm)));
        var watch = Stopwatch.StartNew();
        var syncs = log.Syncs;
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
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
        return new SpoolResult(count / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / count,
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

        // Until the log has its spare files: a new one is zeroed, which the bare loops' file was beforehand.
        async Task Warm()
        {
            while (log.Segments[^1].Number < WarmSegments)
                await log.AppendAsync(1, head, body, Durability.Synced);
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
