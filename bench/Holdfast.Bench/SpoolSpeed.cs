using System.Buffers;
using System.CommandLine;
using System.Diagnostics;
using Holdfast.Mail.Spool;
using Holdfast.Sim.PowerCuts;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Bench;

/// <summary>Messages a second through the spool's own interface against the disk's limit.</summary>
/// <remarks>Two forms: messages that stay, and the whole short life (append, load, open, attempt, done). Spool and loops
/// alternate in one run; only the ratios mean something on another machine.</remarks>
internal static class SpoolSpeed
{
    /// <summary>What envelope and headers add to a record, about.</summary>
    private const int EnvelopeBytes = 200;

    public static Command Command()
    {
        var measure = new SpoolMeasure(".spool-speed", "Content bytes.", [1, 20, 100, 400]);
        return measure.Command("spool",
            "Messages a second through the spool against a bare write-and-sync loop.\nExample: bench spool --size 4096",
            _ => RunAsync(measure));
    }

    private static async Task RunAsync(SpoolMeasure measure)
    {
        measure.Begin($"Messages of {measure.SizeBytes} bytes through the spool, against the disk's limit",
            "*Append*: messages stay. *Whole life*: append, load, open, attempt, done.", "Form", "Writers");
        foreach (var isWhole in new[] { false, true })
        {
            foreach (var writers in measure.Writers)
                await measure.Row($"| {(isWhole ? "whole life" : "append")} | {writers} |", writers,
                    measure.SizeBytes + EnvelopeBytes,
                    () => SpoolAsync(measure.Directory, writers, measure.SizeBytes, measure.Length, isWhole));
        }
    }

    private static async Task<SpoolResult> SpoolAsync(string directory, int writers, int size, TimeSpan length, bool isWhole)
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
        return new SpoolResult(count / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / count,
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

    private sealed class NoEvidence : IEvidenceJournal
    {
        public void Append(EvidenceRecord record) { }
        public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
    }
}
