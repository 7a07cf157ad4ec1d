using System.Diagnostics.CodeAnalysis;

using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Progress and done records on their way to the log, in memory until they stand there.</summary>
/// <remarks>
/// What the log refuses is held here and written again by <see cref="RetryHeld"/>; at most one record a message that
/// is being delivered. A Done of a message that is just being moved waits until the copy stands before it: a copy after
/// its Done would raise the dead.
/// </remarks>
internal sealed class LazyRecords(SpoolLedger ledger, AppendEpochs epochs, AttemptSlots attempts,
    Action<Exception> onFailure)
{
    private readonly Dictionary<int, PendingRecord> _bySlot = [];
    private readonly Dictionary<MessageId, PendingRecord?> _moving = [];
    private List<PendingRecord> _held = [];
    private List<MessageId> _endedBodies = [];

    public ISegmentLog Log { get; set; } = null!;

    public bool HasHeld
    {
        get
        {
            lock (ledger.Gate)
                return _held.Count > 0;
        }
    }

    /// <summary>Sends a progress or attempt record. False when the message has ended.</summary>
    public bool WriteProgress(PendingRecord record)
    {
        lock (ledger.Gate)
        {
            if (!ledger.Table.Has(record.Handle))
            {
                record.Return();
                return false;
            }
            _bySlot[record.Handle.Slot] = record;
            record.Epoch = epochs.Enter();
        }
        record.Write(Log);
        return true;
    }

    /// <summary>Ends the message at once in memory and sends its done record.</summary>
    public bool WriteDone(PendingRecord record)
    {
        lock (ledger.Gate)
        {
            if (!ledger.Table.Has(record.Handle))
            {
                record.Return();
                return false;
            }
            var slot = record.Handle.Slot;
            ref var row = ref ledger.Table[slot];
            record.SetHome(row.Segment);
            record.HasBodyFile = (row.Flags & SpoolRowFlags.HasBodyFile) != 0;
            _bySlot.Remove(slot);
            ledger.Remove(slot);
            if (_moving.ContainsKey(record.Id))
            {
                _moving[record.Id] = record;
                return true;
            }
            record.Epoch = epochs.Enter();
        }
        record.Write(Log);
        return true;
    }

    /// <summary>The progress that is not in the log yet; call under the ledger's lock.</summary>
    public bool TryGetPending(SpoolHandle handle, [NotNullWhen(true)] out PendingRecord? record) =>
        _bySlot.TryGetValue(handle.Slot, out record) && record.Handle == handle;

    /// <summary>From now on a done record of the message waits for <see cref="EndMove"/>. False: it doesn't stand in
    /// the segment (any more).</summary>
    public bool TryBeginMove(SpoolHandle handle, uint segment, out SpoolRow row)
    {
        lock (ledger.Gate)
        {
            row = default;
            if (!ledger.Table.Has(handle))
                return false;
            row = ledger.Table[handle.Slot];
            return row.Segment == segment && _moving.TryAdd(row.Id, null);
        }
    }

    /// <summary>The copy stands (or was given up): a done record that came meanwhile goes after it.</summary>
    public void EndMove(MessageId id, uint? home)
    {
        PendingRecord? done;
        lock (ledger.Gate)
        {
            if (!_moving.Remove(id, out done) || done is null)
                return;
            if (home is { } segment)
            {
                // The old copy may still exist: the new home can't go before the one it was moved from.
                ledger.Usage.Moved(done.HomeSegment, segment);
                done.SetHome(segment);
            }
            done.Epoch = epochs.Enter();
        }
        done.Write(Log);
    }

    public void Written(PendingRecord record, RecordLocation location)
    {
        lock (ledger.Gate)
        {
            if (record.Kind == SpoolRecordKind.Done)
            {
                ledger.Usage.Ended(location.Segment, new DoneRecord(record.Id, record.HomeSegment));
                if (record.HasBodyFile)
                    _endedBodies.Add(record.Id);
            }
            else
            {
                if (ledger.Table.Has(record.Handle) && ProgressHead.TryRead(record.Bytes.Span, out var head))
                    ledger.SetProgress(record.Handle.Slot, location, head);
                if (_bySlot.TryGetValue(record.Handle.Slot, out var latest) && latest == record)
                    _bySlot.Remove(record.Handle.Slot);
            }
            // Returned under the lock: a load decodes pending bytes under it.
            record.Return();
        }
        attempts.Settle(record.Handle, record.Version);
        epochs.Leave(record.Epoch);
    }

    public void Failed(PendingRecord record, Exception error)
    {
        lock (ledger.Gate)
        {
            if (record.Kind == SpoolRecordKind.Done
                || (_bySlot.TryGetValue(record.Handle.Slot, out var latest) && latest == record))
                _held.Add(record);
            else
                record.Return();
        }
        epochs.Leave(record.Epoch);
        onFailure(error);
    }

    /// <summary>Writes again what the log refused. Call it once the log takes records.</summary>
    public void RetryHeld()
    {
        List<PendingRecord> held;
        lock (ledger.Gate)
        {
            held = _held;
            _held = [];
        }
        foreach (var record in held)
        {
            lock (ledger.Gate)
            {
                var isLatest = record.Kind == SpoolRecordKind.Done
                    || (_bySlot.TryGetValue(record.Handle.Slot, out var latest) && latest == record);
                if (!isLatest)
                {
                    record.Return();
                    continue;
                }
                record.Epoch = epochs.Enter();
            }
            record.Write(Log);
        }
    }

    /// <summary>Body files whose messages' done records are written (not yet synced).</summary>
    public List<MessageId> TakeEndedBodies()
    {
        lock (ledger.Gate)
        {
            var ended = _endedBodies;
            if (ended.Count > 0)
                _endedBodies = [];
            return ended;
        }
    }

    public void ReturnEndedBodies(IEnumerable<MessageId> ids)
    {
        lock (ledger.Gate)
            _endedBodies.AddRange(ids);
    }
}
