using System.Buffers;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Holdfast.Mail.Spool;
using Holdfast.Sim.PowerCuts;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Bench;

/// <summary>What a million waiting messages cost the spool alone: memory, and a restart after a kill and after a clean
/// stop.</summary>
internal static class SpoolMillion
{
    private const int Writers = 200;

    public static Command Command()
    {
        var directory = new Option<string>("--directory")
        {
            Description = "Where to write (some GiB, removed afterwards).",
            DefaultValueFactory = _ => ".spool-million",
        };
        var messages = new Option<int>("--messages") { DefaultValueFactory = _ => 1_000_000 };
        var size = new Option<int>("--size") { Description = "Content bytes.", DefaultValueFactory = _ => 1024 };
        var command = new Command("spool-million",
            "Memory and restart time of the spool with a million messages waiting.\nExample: bench spool-million")
        {
            directory, messages, size,
        };
        command.SetAction(async (parse, _) => await RunAsync(parse.GetValue(directory)!, parse.GetValue(messages),
            parse.GetValue(size)));
        return command;
    }

    private static async Task<int> RunAsync(string directory, int messages, int size)
    {
        if (Directory.Exists(directory))
            Directory.Delete(directory, recursive: true);
        var idle = Memory();
        var watch = Stopwatch.StartNew();
        using (var disk = new PosixDisk(directory))
        {
            var spool = New(disk);
            await spool.OpenAsync(null, CancellationToken.None);
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(() => Fill(spool, messages / Writers,
                size))));
            Tell($"{spool.WaitingCount} messages of {size} bytes appended in {watch.Elapsed.TotalSeconds:F1} s");
            Tell($"memory beyond the idle process: {Memory() - idle:F0} MiB");
            watch.Restart();
            await spool.UpkeepAsync();
            Tell($"one pass of upkeep: {watch.Elapsed.TotalMilliseconds:F0} ms");
            watch.Restart();
            await spool.CheckpointAsync();
            Tell($"one checkpoint: {watch.Elapsed.TotalSeconds:F2} s");
            await Fill(spool, messages / 20, size);
            // As if killed: nothing is closed but the lock's descriptors.
            File.Copy(Path.Combine(directory, "checkpoint"), Path.Combine(directory, "checkpoint.kept"));
            await spool.DisposeAsync();
            File.Move(Path.Combine(directory, "checkpoint.kept"), Path.Combine(directory, "checkpoint"), true);
        }
        await RestartAsync(directory, "with the last checkpoint a twentieth behind");
        await RestartAsync(directory, "after a clean stop");
        File.Delete(Path.Combine(directory, "checkpoint"));
        await RestartAsync(directory, "without a checkpoint");
        Directory.Delete(directory, recursive: true);
        return 0;
    }

    private static async Task RestartAsync(string directory, string how)
    {
        var watch = Stopwatch.StartNew();
        using var disk = new PosixDisk(directory);
        var spool = New(disk);
        TimeSpan? first = null;
        spool.Arrived = (_, _) => first ??= watch.Elapsed;
        await spool.OpenAsync(null, CancellationToken.None);
        var all = watch.Elapsed.TotalSeconds;
        Tell($"restart {how}: first of {spool.WaitingCount} announced after {first?.TotalSeconds:F2} s, all {all:F2} s");
        await spool.DisposeAsync();
    }

    private static MailSpool New(PosixDisk disk) => new(disk, 1, new FixedOptions<SpoolOptions>(new SpoolOptions()),
        TimeProvider.System, new Random(1), new NoEvidence(), null, null, NullLogger<MailSpool>.Instance);

    private static async Task Fill(MailSpool spool, int count, int size)
    {
        var content = new byte[size];
        for (; count > 0; count--)
        {
            var draft = spool.BeginDraft(size);
            draft.Write(content);
            if (await spool.AppendAsync(SpoolSpeed.NewEnvelope(spool, size), draft, CancellationToken.None)
                != AppendResult.Stored)
                throw new InvalidOperationException("the spool refused a message");
            await draft.DisposeAsync();
        }
    }

    private static double Memory()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64 / 1048576.0;
    }

    private static void Tell(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private sealed class NoEvidence : IEvidenceJournal
    {
        public void Append(EvidenceRecord record) { }
        public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
    }
}
