using System.Buffers;

using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Segments;

namespace Holdfast.Sim.PowerCuts;

/// <summary>What one message must look like after a recovery.</summary>
internal sealed class ExpectedMessage(Envelope envelope, byte[] content)
{
    public Envelope Envelope => envelope;
    public byte[] Content => content;
    /// <summary>The sender was told that it is stored.</summary>
    public bool IsStored { get; set; }
    public bool IsEnded { get; set; }
    public bool IsEndSynced { get; set; }
    /// <summary>States of the recipients by version of progress that was recorded.</summary>
    public Dictionary<uint, RecipientState[]> Versions { get; } = new()
    {
        [0] = new RecipientState[envelope.Recipients.Count],
    };
    public uint LastVersion { get; set; }
    public uint SyncedVersion { get; set; }
    /// <summary>The message as the deliverer holds it; null after a restart until it is loaded.</summary>
    public SpooledMessage? Held { get; set; }
}

/// <summary>The model beside the spool, and the comparison with it.</summary>
internal sealed class ExpectedMail(int seed, bool mayReportDamage)
{
    private readonly Dictionary<MessageId, ExpectedMessage> _messages = [];

    public long Reappeared { get; private set; }
    public IEnumerable<ExpectedMessage> All => _messages.Values;

    public void Add(ExpectedMessage message) => _messages.Add(message.Envelope.Id, message);

    public void Flushed()
    {
        foreach (var message in _messages.Values)
        {
            message.IsEndSynced |= message.IsEnded;
            message.SyncedVersion = message.LastVersion;
        }
    }

    /// <summary>Compares after a recovery, and takes what was found as the state of the next life.</summary>
    public void Compare(SimulatedSpool spool)
    {
        var found = new HashSet<MessageId>();
        Require(spool.Spool.WaitingCount == spool.Arrivals.Count, default, "counts wrongly");
        foreach (var (waiting, _) in spool.Arrivals)
        {
            Require(found.Add(waiting.Id), waiting.Id, "is announced twice");
            Require(_messages.TryGetValue(waiting.Id, out var expected), waiting.Id, "was invented");
            Require(!expected!.IsEndSynced, waiting.Id, "came back though its end was synced");
            CompareOne(spool, waiting, expected);
            if (expected.IsEnded)
            {
                Reappeared++;
                expected.IsEnded = false;
            }
        }
        foreach (var (id, expected) in _messages.ToArray())
        {
            if (found.Contains(id))
                continue;
            Require(expected.IsEnded || !expected.IsStored, id, "was stored, has not ended, and is lost");
            if (!expected.IsStored)
                _messages.Remove(id);
        }
        // A disk whose writes fail may truly have lost what was never synced, and the log says so.
        Require(mayReportDamage || spool.Evidence.Records.Count == 0, default,
            $"reported damage: {LastAlert(spool)}");
    }

    private void CompareOne(SimulatedSpool spool, WaitingMessage waiting, ExpectedMessage expected)
    {
        var id = waiting.Id;
        var loaded = spool.Run(spool.Spool.LoadAsync(waiting.Handle, CancellationToken.None));
        Require(loaded is not null, id, "is announced and can't be loaded: "
            + LastAlert(spool));
        var envelope = loaded!.Envelope;
        Require(envelope with { Recipients = [] } == expected.Envelope with { Recipients = [] }
            && envelope.Recipients.SequenceEqual(expected.Envelope.Recipients), id, "has another envelope");
        // A body file goes with its refusal; that the envelope came back is for the log to excuse.
        Require(Content(spool, loaded).AsSpan().SequenceEqual(expected.Content) || !expected.IsStored, id,
            $"has other content: {LastAlert(spool)}");

        var version = loaded.Progress.Version;
        Require(version >= expected.SyncedVersion, id, $"has progress {version}, {expected.SyncedVersion} was synced");
        Require(expected.Versions.TryGetValue(version, out var states), id, $"has progress {version}, never recorded");
        for (var i = 0; i < states!.Length; i++)
        {
            var state = loaded.Progress.Recipients[i].State;
            Require(state == states[i] || (state == RecipientState.OutcomeUnknown
                && states[i] is RecipientState.Waiting or RecipientState.OutcomeUnknown), id,
                $"recipient {i} is {state}, was {states[i]}");
        }
        expected.LastVersion = version;
        // What recovery found stands on the disk.
        expected.SyncedVersion = version;
        expected.Held = loaded;
    }

    private byte[] Content(SimulatedSpool spool, SpooledMessage message)
    {
        try
        {
            return Read(spool, message);
        }
        catch (RecordDamagedException e)
        {
            throw new PowerCutFault($"seed {seed}: message {message.Envelope.Id} can't be read", e);
        }
    }

    private static byte[] Read(SimulatedSpool spool, SpooledMessage message)
    {
        var content = spool.Run(spool.Spool.OpenContentAsync(message, CancellationToken.None));
        if (content is null)
            return [0xBA, 0xD0];
        if (content.TryGetAll(out var all))
        {
            var copy = all.ToArray();
            spool.Run(content.DisposeAsync().AsTask());
            return copy;
        }
        var bytes = new byte[content.Length];
        for (var at = 0; at < bytes.Length;)
            at += spool.Run(content.ReadAsync(bytes.AsMemory(at), CancellationToken.None));
        spool.Run(content.DisposeAsync().AsTask());
        return bytes;
    }

    private static string? LastAlert(SimulatedSpool spool) =>
        spool.Evidence.Records is [.., var last] ? last.Reason : null;

    private void Require(bool holds, MessageId id, string what)
    {
        if (!holds)
            throw new PowerCutFault($"seed {seed}: message {id} {what}");
    }
}
