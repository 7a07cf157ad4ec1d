using System.Buffers;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Holdfast.Mail.Spool;
using Holdfast.Sim.PowerCuts;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Bench;

/// <summary>Messages a second through the spool's own interface against the disk's limit: a bare loop that writes
/// records of the same size in the same batches into a preallocated file and syncs each batch.</summary>
/// <remarks>Two forms: messages that stay, and the whole short life (append, load, open, attempt, done). Spool and loop
/// alternate in one run; only the ratio means something on another machine.</remarks>
internal static class SpoolSpeed
{
    private static readonly int[] _writerCounts = [1, 20, 100, 400];

    private sealed record Result(double PerSecond, double Batch, double CpuMicros, double AllocatedBytes);

    public static Command Command()
    {
        var directory = new Option<string>("--directory")
        {
            Description = "Where to write (some GiB, removed afterwards).", DefaultValueFactory = _ => ".spool-speed",
        };
        var size = new Option<int>("--size") { Description = "Content bytes.", DefaultValueFactory = _ => 4096 };
        var seconds = new Option<double>("--seconds")
        {
            Description = "Length of each run.", DefaultValueFactory = _ => 2,
        };
        var rounds = new Option<int>("--rounds") { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
        var report = new Option<string?>("--report") { Description = "Markdown file to write." };
        var command = new Command("spool",
            "Messages a second through the spool against a bare write-and-sync loop.\nExample: bench spool --size 4096")
        {
            directory, size, seconds, rounds, report,
        };
        command.SetAction(async (parse, _) => await RunAsync(parse.GetValue(directory)!, parse.GetValue(size),
            TimeSpan.FromSeconds(parse.GetValue(seconds)), parse.GetValue(rounds), parse.GetValue(report)));
        return command;
    }

    private static async Task<int> RunAsync(string directory, int size, TimeSpan length, int rounds, string? report)
    {
        var text = new StringBuilder();
        Tell(text, "| Form | Writers | Spool/s | Batch | CPU µs | Allocated B | Bare loop/s | Bare CPU µs | Ratio |");
        Tell(text, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var isWhole in new[] { false, true })
        {
            foreach (var writers in _writerCounts)
            {
                var spools = new List<Result>();
                var bares = new List<(double PerSecond, double CpuMicros)>();
                for (var round = 0; round < rounds; round++)
                {
                    spools.Add(await SpoolAsync(directory, writers, size, length, isWhole));
                    using var disk = new PosixDisk(directory);
                    bares.Add(SpoolDisk.BareLoop(disk, Math.Max(1, (int)Math.Round(spools[^1].Batch)), size + 200,
                        length));
                }
                var spool = spools.OrderBy(r => r.PerSecond).ElementAt(rounds / 2);
                var bare = bares.OrderBy(r => r.PerSecond).ElementAt(rounds / 2);
                Tell(text, string.Create(CultureInfo.InvariantCulture,
                    $"| {(isWhole ? "whole life" : "append")} | {writers} | {spool.PerSecond:F0} | {spool.Batch:F1} "
                    + $"| {spool.CpuMicros:F1} | {spool.AllocatedBytes:F0} | {bare.PerSecond:F0} "
                    + $"| {bare.CpuMicros:F1} | {spool.PerSecond / bare.PerSecond:F2} |"));
            }
        }
        Directory.Delete(directory, recursive: true);
        if (report is not null)
            await File.WriteAllTextAsync(report,
                $"# Messages of {size} bytes through the spool against the disk's limit\n\n"
                + "Median of the rounds; spool and bare loop (gathered write into a preallocated, zeroed file,\n"
                + "fdatasync, batches as large as the spool's own) alternate in one run. CPU is the whole process's,\n"
                + "kernel included, a message. *Append*: messages stay. *Whole life*: append, load, open, attempt, done.\n\n"
                + text);
        return 0;
    }

    private static async Task<Result> SpoolAsync(string directory, int writers, int size, TimeSpan length, bool isWhole)
    {
        if (Directory.Exists(directory))
            Directory.Delete(directory, recursive: true);
        using var disk = new PosixDisk(directory);
        var spool = new MailSpool(disk, 1, new FixedOptions<SpoolOptions>(new SpoolOptions()), TimeProvider.System,
            new Random(1), new NoEvidence(), null, null, NullLogger<MailSpool>.Instance);
        // Each message's end is on the announcing thread, as a delivery's would be on another.
        if (isWhole)
            spool.Arrived = (_, message) => End(spool, message!);
        await spool.OpenAsync(null, CancellationToken.None);
        var content = new byte[size];
        new Random(2).NextBytes(content);
        var watch = Stopwatch.StartNew();
        var syncs = spool.Log!.Syncs;
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var counts = await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(Write)));
        watch.Stop();
        cpu = Environment.CpuUsage.TotalTime - cpu;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        var count = counts.Sum();
        var batch = (double)count / Math.Max(1, spool.Log.Syncs - syncs);
        await spool.DisposeAsync();
        return new Result(count / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / count,
            (double)allocated / count);

        async Task<long> Write()
        {
            long done = 0;
            while (watch.Elapsed < length)
            {
                var draft = spool.BeginDraft(size);
                draft.Write(content);
                if (await spool.AppendAsync(NewEnvelope(spool, size), draft, CancellationToken.None)
                    != AppendResult.Stored)
                    throw new InvalidOperationException("the spool refused a message");
                await draft.DisposeAsync();
                done++;
            }
            return done;
        }
    }

    internal static Envelope NewEnvelope(MailSpool spool, int size) => new()
    {
        Id = spool.NewId(),
        ReceivedAt = TimeProvider.System.GetUtcNow(),
        Sender = "someone@example.org",
        Recipients = [new EnvelopeRecipient("someone.else@example.net")],
        Listener = "relay",
        ClientAddress = "127.0.0.1",
        ClientHello = "client.example.org",
        Tenant = "example.org",
        SizeBytes = size,
    };

    private static void End(MailSpool spool, SpooledMessage message)
    {
        var opened = spool.OpenContentAsync(message, CancellationToken.None);
        if (!opened.IsCompletedSuccessfully || opened.Result is not { } content || !content.TryGetAll(out var all)
            || all.Length != message.Envelope.SizeBytes)
            throw new InvalidOperationException("a fresh message is not in memory");
        _ = spool.RecordAttemptAsync(message, [0], "na-1/127.0.0.1:2601").AsTask();
        message.Progress.Recipients[0].State = RecipientState.Delivered;
        spool.RecordProgress(message);
        _ = content.DisposeAsync().AsTask();
    }

    private static void Tell(StringBuilder text, string line)
    {
        Console.WriteLine(line);
        text.AppendLine(line);
    }

    private sealed class NoEvidence : IEvidenceJournal
    {
        public void Append(EvidenceRecord record) { }
        public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
    }
}
