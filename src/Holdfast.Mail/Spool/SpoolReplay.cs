using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Rebuilds the ledger from the log's records, in their order, over what a checkpoint told.</summary>
/// <remarks>
/// Applying a record twice changes nothing, so a checkpoint may know more than its position says. Progress may stand
/// before the remaining copy of its message (after compaction): it is kept aside for it.
/// </remarks>
internal sealed class SpoolReplay(
    SpoolLedger ledger, Action<RecordLocation, string> damaged, Action<DamageReport> logDamaged,
    IProgress<SpoolOpenProgress>? progress) : ISegmentVisitor
{
    /// <summary>Most progress records kept aside: all are of ended messages but in the moments after a crash.</summary>
    private const int AsideMax = 2_000_000;
    private readonly Dictionary<MessageId, (RecordLocation Location, ProgressHead Head)> _aside = [];

    public void Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload)
    {
        var isGood = (SpoolRecordKind)kind switch
        {
            SpoolRecordKind.Message or SpoolRecordKind.MessageWithBodyFile or SpoolRecordKind.Moved =>
                Message(location, payload),
            SpoolRecordKind.Attempt or SpoolRecordKind.Progress => Progress(location, payload),
            SpoolRecordKind.Done => Done(location, payload),
            SpoolRecordKind.Probe => true,
            _ => false,
        };
        if (!isGood)
            damaged(location, $"a record of kind {kind} that does not decode");
    }

    public void Damaged(DamageReport report) => logDamaged(report);

    public void Scanned(long doneBytes, long totalBytes) =>
        progress?.Report(new SpoolOpenProgress(doneBytes, totalBytes, ledger.WaitingCount));

    private bool Message(RecordLocation location, ReadOnlySpan<byte> payload)
    {
        if (!MessageHead.TryRead(payload, payload.Length, out var head))
            return false;
        if (ledger.Table.TryFind(head.Id, out var slot))
        {
            ledger.Move(slot, location);
            return true;
        }
        slot = ledger.Add(head, location);
        if (_aside.Remove(head.Id, out var aside))
            ledger.SetProgress(slot, aside.Location, aside.Head);
        return true;
    }

    private bool Progress(RecordLocation location, ReadOnlySpan<byte> payload)
    {
        if (!ProgressHead.TryRead(payload, out var head))
            return false;
        if (ledger.Table.TryFind(head.Id, out var slot))
            ledger.SetProgress(slot, location, head);
        else if (_aside.Count < AsideMax
            && (!_aside.TryGetValue(head.Id, out var known) || known.Head.Version <= head.Version))
            _aside[head.Id] = (location, head);
        return true;
    }

    private bool Done(RecordLocation location, ReadOnlySpan<byte> payload)
    {
        if (!DoneRecord.TryDecode(payload, out var done))
            return false;
        ledger.Usage.Ended(location.Segment, done);
        _aside.Remove(done.Id);
        if (ledger.Table.TryFind(done.Id, out var slot))
            ledger.Remove(slot);
        return true;
    }
}
