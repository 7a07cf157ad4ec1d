using System.Runtime.CompilerServices;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;

namespace Holdfast.Mail.Queue;

/// <summary>Queries and acts on waiting mail, for commands, API and screens.</summary>
/// <remarks>
/// Promise: any question over a million waiting messages takes bounded memory; the disk is read only for messages
/// that pass what memory can tell, and for those shown. An act is durable and in the evidence journal, with actor,
/// reason and counts, when it returns. Remove sends no notice; Expire sends failure notices.
/// Limit: no snapshot is taken: what arrives, ends or moves during a question may be in it or not. A message that is
/// just being delivered is left as it is, and said to be.
/// </remarks>
internal sealed class MailQueueDesk(IMailSpool spool, IWaitingMail waiting, ITrafficBoard board,
    IEvidenceJournal journal, QueueDescriptions descriptions, MessageTransfer transfer, QueueStatus status,
    QueueMetrics metrics, RouteTableSource routes, TimeProvider time) : IMailQueue
{
    /// <summary>Columns of the shape, as Postfix's qshape.</summary>
    private static readonly int[] AgeBoundsMinutes = [5, 10, 20, 40, 80, 160, 320, 640, 1_280];
    private const int RecordsPerMessageMax = 1_000;

    public async IAsyncEnumerable<QueueItem> ListAsync(QueueSelector selector, int limit,
        [EnumeratorCancellation] CancellationToken abort)
    {
        var selection = Select(selector);
        if (selection.SelectsNothing || limit <= 0)
            yield break;
        var given = 0;
        foreach (var candidate in await CandidatesAsync(selection, isOrdered: true, abort).ConfigureAwait(false))
        {
            abort.ThrowIfCancellationRequested();
            var message = await spool.LoadAsync(candidate.Handle, abort).ConfigureAwait(false);
            if (message is null || (selection.NeedsEnvelope(candidate) && !selection.Matches(message)))
                continue;
            yield return descriptions.Item(message);
            if (++given >= limit)
                yield break;
        }
    }

    public async Task<long> CountAsync(QueueSelector selector, CancellationToken abort)
    {
        var selection = Select(selector);
        if (selection.SelectsNothing)
            return 0;
        long count = 0;
        foreach (var candidate in await CandidatesAsync(selection, isOrdered: false, abort).ConfigureAwait(false))
        {
            if ((count & 1023) == 0)
                abort.ThrowIfCancellationRequested();
            if (!selection.NeedsEnvelope(candidate)
                || (await spool.LoadAsync(candidate.Handle, abort).ConfigureAwait(false) is { } message
                    && selection.Matches(message)))
                count++;
        }
        return count;
    }

    /// <summary>Off the caller's thread: a million messages take a good part of a second.</summary>
    public Task<QueueShape> ShapeAsync(CancellationToken abort) => Task.Run(() => new QueueShape(AgeBoundsMinutes,
        [.. waiting.Shape(AgeBoundsMinutes).Select(r => new QueueShapeRow(r.Destination, r.Total, r.Counts, r.Why))]),
        abort);

    public async Task<QueueDetail?> ShowAsync(MessageId id, CancellationToken abort) =>
        spool.TryFind(id, out var handle) && await spool.LoadAsync(handle, abort).ConfigureAwait(false) is { } message
            ? descriptions.Detail(message, spool.Locate(handle)) : null;

    public async Task<QueueActResult> ActAsync(QueueActKind act, QueueSelector selector, string actor, string? reason,
        CancellationToken abort)
    {
        var selection = Select(selector);
        if (selection.SelectsNothing)
            return new QueueActResult(0, 0, ["nothing was selected: name messages, a condition, or all"]);
        var tally = new ActTally(act);
        try
        {
            foreach (var candidate in await CandidatesAsync(selection, isOrdered: false, abort).ConfigureAwait(false))
            {
                // Between messages only: one is changed whole or not at all.
                if (abort.IsCancellationRequested)
                {
                    tally.WasBrokenOff = true;
                    break;
                }
                await ActOnAsync(act, candidate, selection, actor, reason, tally).ConfigureAwait(false);
            }
        }
        finally
        {
            await spool.FlushAsync().ConfigureAwait(false);
            journal.Append(new EvidenceRecord
            {
                At = time.GetUtcNow(), Kind = EvidenceKind.OperatorAct, Actor = actor,
                MessageId = selector.Ids.Count == 1 ? selector.Ids[0] : null,
                Reason = tally.Describe(selector, reason),
            });
            metrics.Acted(act, tally.Changed);
        }
        return tally.ToResult();
    }

    private async Task ActOnAsync(QueueActKind act, WaitingMessage candidate, MessageSelection selection, string actor,
        string? reason, ActTally tally)
    {
        // Loaded before the act as well: afterwards a removed message is gone, and its record must say whose it was.
        SpooledMessage? message = null;
        var needsEnvelope = selection.NeedsEnvelope(candidate);
        if (needsEnvelope || act is QueueActKind.Remove)
        {
            message = await spool.LoadAsync(candidate.Handle, CancellationToken.None).ConfigureAwait(false);
            if (message is null || (needsEnvelope && !selection.Matches(message)))
                return;
        }
        var outcome = await waiting.ActAsync(Of(act), candidate.Handle, reason, actor).ConfigureAwait(false);
        tally.Add(outcome);
        if (outcome == DeliveryActOutcome.Done)
            Record(act, candidate.Id, message, actor, reason);
    }

    /// <summary>A message's own record; retries tell by their attempts, and expiry is recorded where it happens.
    /// </summary>
    private void Record(QueueActKind act, MessageId id, SpooledMessage? message, string actor, string? reason)
    {
        var kind = act switch
        {
            QueueActKind.Hold => EvidenceKind.Held,
            QueueActKind.Release => EvidenceKind.Released,
            QueueActKind.Remove => EvidenceKind.Removed,
            _ => EvidenceKind.Unknown,
        };
        if (kind == EvidenceKind.Unknown)
            return;
        var record = new EvidenceRecord
        {
            At = time.GetUtcNow(), Kind = kind, MessageId = id.ToString(), Actor = actor, Reason = reason,
            Sender = message?.Envelope.Sender,
        };
        if (message is null)
        {
            journal.Append(record);
            return;
        }
        for (var i = 0; i < message.Progress.Recipients.Length && i < RecordsPerMessageMax; i++)
        {
            if (!message.Progress.Recipients[i].IsFinal)
                journal.Append(record with { Recipient = message.Envelope.Recipients[i].Address });
        }
    }

    public async Task<bool> ExportAsync(MessageId id, Stream destination, string actor, CancellationToken abort)
    {
        if (!spool.TryFind(id, out var handle)
            || await spool.LoadAsync(handle, abort).ConfigureAwait(false) is not { } message
            || await spool.OpenContentAsync(message, abort).ConfigureAwait(false) is not { } content)
            return false;
        await using (content.ConfigureAwait(false))
        {
            await transfer.WriteAsync(message, content, destination, actor, abort).ConfigureAwait(false);
        }
        return true;
    }

    public Task<MessageId> ImportAsync(Stream source, string actor, CancellationToken abort) =>
        transfer.ReadAsync(source, actor, abort);

    public MailStatus Status() => status.Take();

    private MessageSelection Select(QueueSelector selector) =>
        new(selector, board.Topology, routes.Table, waiting, time.GetUtcNow());

    /// <summary>What may be meant, as far as memory tells.</summary>
    private async ValueTask<IEnumerable<WaitingMessage>> CandidatesAsync(MessageSelection selection, bool isOrdered,
        CancellationToken abort)
    {
        if (selection.Ids is not { } ids)
            return isOrdered ? OldestFirst.Walk(spool, selection)
                : spool.Enumerate().Where(m => selection.MayMatch(m));
        var found = new List<WaitingMessage>();
        foreach (var id in ids.Order())
        {
            if (!spool.TryFind(id, out var handle)
                || await spool.LoadAsync(handle, abort).ConfigureAwait(false) is not { } message)
                continue;
            var candidate = new WaitingMessage(handle, id, message.Envelope.Priority,
                (ushort)message.Envelope.Recipients.Count, message.Envelope.SizeBytes, message.Progress.IsHeld, false);
            if (selection.MayMatch(candidate))
                found.Add(candidate);
        }
        return found;
    }

    private static DeliveryAct Of(QueueActKind act) => act switch
    {
        QueueActKind.Retry => DeliveryAct.Retry,
        QueueActKind.Hold => DeliveryAct.Hold,
        QueueActKind.Release => DeliveryAct.Release,
        QueueActKind.Remove => DeliveryAct.Remove,
        QueueActKind.Expire => DeliveryAct.Expire,
        _ => throw new ArgumentOutOfRangeException(nameof(act), act, "no such act"),
    };
}
