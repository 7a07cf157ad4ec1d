using System.Buffers;

using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Sim;
using Holdfast.Sim.Disks;
using Holdfast.Sim.PowerCuts;
using Holdfast.Storage.Disk;

namespace Holdfast.Tests.Mail.Spool;

/// <summary>A spool on a simulated disk and clock.</summary>
internal sealed class SpoolFixture
{
    public SpoolFixture(SimulatedDisk? disk = null, SpoolOptions? options = null)
    {
        Disk = disk ?? new SimulatedDisk();
        Options = options ?? SmallOptions();
        Sim = new SimulatedSpool(Disk, Options, Time, new Random(42));
    }

    public SimulatedDisk Disk { get; private set; }
    public SpoolOptions Options { get; }
    public SimulatedTime Time { get; } = new();
    public SimulatedSpool Sim { get; private set; }
    public MailSpool Spool => Sim.Spool;

    public static SpoolOptions SmallOptions() => new()
    {
        InlineBytesMax = 1024,
        SegmentBytes = 64 * 1024,
        BodyMemoryBytes = 1 << 20,
        DiskReserveBytes = 256 * 1024,
        DiskFreeMin = 64 * 1024,
        WasteBytesMax = 0,
    };

    public SpoolFixture Opened()
    {
        Sim.Open();
        return this;
    }

    /// <summary>The process ends without a word and starts again.</summary>
    public void Restart(bool isPowerCut = false)
    {
        if (isPowerCut)
            Disk = Disk.Cut(new Random(7));
        else
            Disk.Kill();
        Sim = new SimulatedSpool(Disk, Options, Time, new Random(43));
        Sim.Open();
    }

    public void CloseAndRestart()
    {
        Sim.Close();
        Sim = new SimulatedSpool(Disk, Options, Time, new Random(44));
        Sim.Open();
    }

    public Envelope NewEnvelope(long size, int recipients = 1) => new()
    {
        Id = Spool.NewId(),
        ReceivedAt = Time.GetUtcNow(),
        Sender = "a@example.org",
        Recipients = [.. Enumerable.Range(0, recipients).Select(i => new EnvelopeRecipient($"r{i}@example.net"))],
        Listener = "relay",
        Tenant = "example.org",
        SizeBytes = size,
    };

    public MessageDraft Draft(byte[] content, long? declared = null)
    {
        var draft = Spool.BeginDraft(declared);
        Fill(draft, content);
        return draft;
    }

    public void Fill(MessageDraft draft, byte[] content)
    {
        for (var at = 0; at < content.Length;)
        {
            var room = draft.GetMemory();
            var count = Math.Min(room.Length, content.Length - at);
            content.AsSpan(at, count).CopyTo(room.Span);
            draft.Advance(count);
            at += count;
            if (draft.NeedsFlush)
                Sim.Run(draft.FlushAsync(CancellationToken.None).AsTask());
        }
    }

    public AppendResult TryAppend(byte[] content, out Envelope envelope, int recipients = 1)
    {
        envelope = NewEnvelope(content.Length, recipients);
        var draft = Draft(content);
        var result = Sim.Run(Spool.AppendAsync(envelope, draft, CancellationToken.None));
        Sim.Run(draft.DisposeAsync().AsTask());
        return result;
    }

    public SpooledMessage Append(byte[] content, int recipients = 1)
    {
        Assert.Equal(AppendResult.Stored, TryAppend(content, out _, recipients));
        return Sim.Arrivals[^1].Message!;
    }

    public SpooledMessage? Load(MessageId id) => Spool.TryFind(id, out var handle)
        ? Sim.Run(Spool.LoadAsync(handle, CancellationToken.None)) : null;

    public byte[]? Content(SpooledMessage message)
    {
        var content = Sim.Run(Spool.OpenContentAsync(message, CancellationToken.None));
        if (content is null)
            return null;
        if (content.TryGetAll(out var all))
        {
            var bytes = all.ToArray();
            Sim.Run(content.DisposeAsync().AsTask());
            return bytes;
        }
        var read = new byte[content.Length];
        for (var at = 0; at < read.Length;)
        {
            var got = Sim.Run(content.ReadAsync(read.AsMemory(at), CancellationToken.None));
            Assert.True(got > 0);
            at += got;
        }
        Sim.Run(content.DisposeAsync().AsTask());
        return read;
    }

    public void End(SpooledMessage message)
    {
        foreach (var recipient in message.Progress.Recipients)
            recipient.State = RecipientState.Delivered;
        Spool.RecordProgress(message);
    }

    public static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
