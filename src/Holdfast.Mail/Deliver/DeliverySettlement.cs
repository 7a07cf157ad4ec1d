using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Traffic.Health;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Deliver;

/// <summary>The operator who ends a message before its time.</summary>
/// <param name="Because">For the evidence only, never for the sender.</param>
internal sealed record EndedBy(string Actor, string? Because)
{
    public string Describe() => $"ended by {Actor}" + (string.IsNullOrEmpty(Because) ? "" : $", because: {Because}");
}

/// <summary>Turns what an attempt came to into progress, evidence and notices, and gives the message back.</summary>
/// <remarks>
/// Promise: a failure notice is on stable storage before the failure is recorded; a notice of ours that can't be
/// delivered is held and reported, never dropped; a failure of target or site scope costs a message no attempt.
/// </remarks>
internal sealed partial class DeliverySettlement(DeliveryContext context, ILogger logger)
{
    private const int ReplyCharsMax = 512;
    private static readonly TimeSpan NoticeRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan EvidenceWaitMax = TimeSpan.FromSeconds(2);

    /// <summary>Settles an attempt. The message is the scheduler's again when this returns.</summary>
    public async ValueTask SettleAsync(TakenEntry taken, SpooledMessage message, AttemptResult result)
    {
        var wall = context.Time.GetUtcNow();
        var moved = false;
        var unknown = false;
        List<RecipientResult>? failed = null;
        List<RecipientResult>? relayed = null;
        foreach (var one in result.Recipients)
        {
            var progress = message.Progress.Recipients[one.Index];
            if (one.Fate == RecipientFate.NotTried)
                continue;
            progress.WaitsForPlace = false;
            if (one.Fate == RecipientFate.Paced)
            {
                progress.NextAttemptAt = wall + one.Wait;
                progress.LastReply = one.Text;
                continue;
            }
            progress.LastAttemptAt = wall;
            progress.LastTarget = result.Where;
            progress.LastReply = Bounded(one.Text);
            progress.NextAttemptAt = null;
            switch (one.Fate)
            {
                case RecipientFate.Delivered:
                    progress.Attempts++;
                    if (result.LacksDsn && (message.Envelope.Recipients[one.Index].Notify & DsnNotify.Success) != 0)
                        (relayed ??= []).Add(one);
                    else
                        progress.State = RecipientState.Delivered;
                    Write(EvidenceKind.Delivered, message, one, result, wall, null, null);
                    break;
                case RecipientFate.Unknown:
                    Unknown(message, one, result, wall);
                    unknown = true;
                    break;
                case RecipientFate.Failed when one.Class.IsPermanent:
                    progress.Attempts++;
                    (failed ??= []).Add(one);
                    break;
                default:
                    moved |= Defer(taken, message, one, result, wall);
                    break;
            }
        }
        if (result.IsDelivered)
            context.Metrics.Delivered(result.Recipients.Count, wall - message.Envelope.ReceivedAt);
        if (relayed is not null)
            await RelayedAsync(message, relayed, result, wall).ConfigureAwait(false);
        if (failed is not null)
            await FailAsync(message, failed, result, wall, RecipientState.Failed).ConfigureAwait(false);
        if (unknown)
            await EvidenceFirstAsync().ConfigureAwait(false);
        Record(message);
        var wish = moved ? new DeliveryPlanner.Wish(taken.Route, result.FailedTarget,
                context.Scheduler.MovesOf(taken) + 1)
            : new DeliveryPlanner.Wish(taken.Route, -1, 0);
        context.Planner.Hand(message, context.Snapshot, wish);
    }

    /// <summary>Writes the progress with the closed time up to now.</summary>
    public void Record(SpooledMessage message)
    {
        if (context.Scheduler.WasEverClosed && !message.Progress.IsFinal)
        {
            var now = context.Now;
            var closed = context.Scheduler.ClosedTimeOf(message.Handle, now);
            if (closed > message.Progress.ClosedTime)
                message.Progress.ClosedTime = closed;
            context.Scheduler.ClosedTimeRecorded(message.Handle, message.Progress.ClosedTime, now);
        }
        message.Progress.AttemptOpenAt = null;
        context.Spool.RecordProgress(message);
    }

    /// <summary>A crash came between the final dot and our record: the outcome is unknown. It is tried again soon, at
    /// the same site first.</summary>
    public async ValueTask NoteInterruptedAsync(SpooledMessage message)
    {
        if (message.Progress.AttemptOpenAt is not { } where)
            return;
        var wall = context.Time.GetUtcNow();
        for (var i = 0; i < message.Progress.Recipients.Length; i++)
        {
            var progress = message.Progress.Recipients[i];
            // The spool marked those whose dot may have been sent, and counted them.
            if (progress.State != RecipientState.OutcomeUnknown)
                continue;
            progress.LastTarget = where;
            progress.LastReply = "interrupted after the final dot was sent: the outcome is unknown";
            progress.NextAttemptAt = null;
            progress.WaitsForPlace = false;
            context.Metrics.OutcomeUnknown();
            context.Journal.Append(new EvidenceRecord
            {
                At = wall, Kind = EvidenceKind.OutcomeUnknown, MessageId = message.Envelope.Id.ToString(),
                Sender = message.Envelope.Sender, Recipient = message.Envelope.Recipients[i].Address, Target = where,
                Reason = progress.LastReply, Attempt = progress.Attempts,
            });
        }
        await EvidenceFirstAsync().ConfigureAwait(false);
        Record(message);
    }

    /// <summary>A kill between the spool's record of an unknown outcome and its evidence would leave a duplicate that
    /// nothing explains; before the spool's record the mark of the attempt still speaks.</summary>
    private async ValueTask EvidenceFirstAsync()
    {
        using var limit = new CancellationTokenSource(EvidenceWaitMax, context.Time);
        try
        {
            await context.Journal.FlushAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Evidence must not hold up mail: its own failures are counted and logged there.
        }
    }

    private void Unknown(SpooledMessage message, in RecipientResult one, AttemptResult result, DateTimeOffset wall)
    {
        var progress = message.Progress.Recipients[one.Index];
        progress.Attempts++;
        progress.State = RecipientState.OutcomeUnknown;
        progress.UnknownOutcomes++;
        progress.NextAttemptAt = wall + context.NextDelay(one.Class, progress.UnknownOutcomes);
        context.Metrics.OutcomeUnknown();
        Write(EvidenceKind.OutcomeUnknown, message, one, result, wall, progress.NextAttemptAt,
            "no reply to the final dot: it may have been delivered");
        LogOutcomeUnknown(message.Envelope.Id, result.Where, one.Text ?? "");
    }

    /// <summary>True when the recipient is placed again at once.</summary>
    private bool Defer(in TakenEntry taken, SpooledMessage message, in RecipientResult one, AttemptResult result,
        DateTimeOffset wall)
    {
        var progress = message.Progress.Recipients[one.Index];
        var wide = taken.Route.Mx is null && one.Class.Scope is FailureScope.Target or FailureScope.Site;
        var moves = wide ? context.Scheduler.MovesOf(taken) : 0;
        if (wide && moves < context.Snapshot.Options.MovesMax)
        {
            context.Metrics.Moved();
            Write(EvidenceKind.Moved, message, one, result, wall, null,
                $"{one.Class.Reason}: placed again at once, elsewhere if there is room");
            return true;
        }
        if (!wide)
            progress.Attempts++;
        // "Too many recipients" is cured by another transaction only if this one took some.
        var failure = one.Class.Advice == RetryAdvice.AnotherTransaction && !result.IsDelivered
            ? one.Class with { Advice = RetryAdvice.Usual } : one.Class;
        var delay = context.NextDelay(failure, wide ? moves : progress.Attempts);
        progress.NextAttemptAt = delay > TimeSpan.Zero ? wall + delay : null;
        progress.WaitsForPlace = wide && delay > TimeSpan.Zero;
        context.Metrics.Deferred(one.Class.Scope);
        Write(EvidenceKind.Deferred, message, one, result, wall, progress.NextAttemptAt, one.Class.Reason);
        return wide;
    }

    /// <summary>Recipients failed for good: tells the sender in one notice where that is due, then ends them. False:
    /// the notice could not be stored, so they wait on.</summary>
    /// <param name="by">The operator who ends them; null: nobody does, and where the notice fails they fail again
    /// soon.</param>
    public async ValueTask<bool> FailAsync(SpooledMessage message, List<RecipientResult> failed, AttemptResult result,
        DateTimeOffset wall, RecipientState state, EndedBy? by = null)
    {
        var envelope = message.Envelope;
        if (envelope.Listener == NoticeComposer.ListenerName)
        {
            HoldNotice(message, failed, result, wall);
            return true;
        }
        List<NoticeRecipient>? told = null;
        foreach (var one in failed)
        {
            if (!DecisionOn(one.Index).Send)
                continue;
            var status = state == RecipientState.Expired ? new EnhancedStatus(4, 4, 7)
                : one.Reply is { Status.IsNone: false, IsPermanent: true } reply ? reply.Status
                : one.Class.Scope == FailureScope.Recipient ? new EnhancedStatus(5, 1, 0) : new EnhancedStatus(5, 0, 0);
            (told ??= []).Add(new NoticeRecipient(envelope.Recipients[one.Index], status, one.Class.Reason)
            {
                LastReply = Bounded(one.Text),
                RemoteHost = result.RemoteHost,
                LastAttemptAt = message.Progress.Recipients[one.Index].LastAttemptAt,
            });
        }
        if (told is not null && !await NotifyAsync(NoticeKind.Failure, message, told, null, wall).ConfigureAwait(false))
        {
            // The failure stands only once the sender's notice does: the recipients wait and fail again.
            foreach (var one in failed.Where(_ => by is null))
                message.Progress.Recipients[one.Index].NextAttemptAt = wall + NoticeRetry;
            return false;
        }
        foreach (var one in failed)
        {
            var progress = message.Progress.Recipients[one.Index];
            progress.State = state;
            progress.NextAttemptAt = null;
            context.Metrics.Failed(state == RecipientState.Expired ? "expired" : "bounced");
            Write(state == RecipientState.Expired ? EvidenceKind.Expired : EvidenceKind.Bounced, message, one, result,
                wall, null, $"{by?.Describe() ?? one.Class.Reason}; {DecisionOn(one.Index).Reason}", by?.Actor);
        }
        return true;

        // By its own route, since routes differ in whether notices are sent.
        NoticeDecision DecisionOn(int index)
        {
            var recipient = envelope.Recipients[index];
            return NoticeDecision.For(NoticeKind.Failure, envelope, recipient,
                DeliveryPlanner.Decide(context.Snapshot.Rules, recipient).Route);
        }
    }

    /// <summary>A notice of ours failed. There is nobody left to tell but the operator: it is held.</summary>
    private void HoldNotice(SpooledMessage message, List<RecipientResult> failed, AttemptResult result,
        DateTimeOffset wall)
    {
        var reason = $"a notice that can't be delivered: {failed[0].Text ?? failed[0].Class.Reason}";
        message.Progress.IsHeld = true;
        message.Progress.HoldReason = Bounded(reason);
        foreach (var one in failed)
        {
            message.Progress.Recipients[one.Index].NextAttemptAt = null;
            Write(EvidenceKind.Held, message, one, result, wall, null, reason);
            Write(EvidenceKind.Alert, message, one, result, wall, null,
                "a delivery notice could not be delivered and is held: its reader was not told of a failure");
        }
        LogNoticeHeld(message.Envelope.Id, failed[0].Class.Reason);
    }

    private async ValueTask RelayedAsync(SpooledMessage message, List<RecipientResult> relayed, AttemptResult result,
        DateTimeOffset wall)
    {
        var told = new List<NoticeRecipient>();
        foreach (var one in relayed)
        {
            // Delivered whatever becomes of the notice: a lost confirmation is better than a second copy.
            message.Progress.Recipients[one.Index].State = RecipientState.Delivered;
            var recipient = message.Envelope.Recipients[one.Index];
            if (NoticeDecision.For(NoticeKind.Relayed, message.Envelope, recipient, null).Send)
            {
                told.Add(new NoticeRecipient(recipient, new EnhancedStatus(2, 0, 0), "relayed")
                {
                    LastReply = one.Text, RemoteHost = result.RemoteHost, LastAttemptAt = wall,
                });
            }
        }
        if (told.Count > 0)
            await NotifyAsync(NoticeKind.Relayed, message, told, null, wall).ConfigureAwait(false);
    }

    /// <summary>Composes and stores a notice. True when it is on stable storage.</summary>
    public async ValueTask<bool> NotifyAsync(NoticeKind kind, SpooledMessage message, List<NoticeRecipient> about,
        DateTimeOffset? retryUntil, DateTimeOffset wall)
    {
        var composer = context.Snapshot.Notices;
        try
        {
            var notice = composer.Compose(new NoticeRequest
            {
                Kind = kind, NoticeId = context.Spool.NewId(), Now = wall, Original = message.Envelope,
                Recipients = about, RetryUntil = retryUntil,
                Content = await ReadStartAsync(message, composer.BytesWanted(kind, message.Envelope))
                    .ConfigureAwait(false),
            });
            var stored = await context.Spool.AppendReservedAsync(notice.Envelope, notice.Content).ConfigureAwait(false);
            if (stored == AppendResult.Stored)
            {
                context.Metrics.Notice(kind switch
                {
                    NoticeKind.Failure => "failure", NoticeKind.Delay => "delay", _ => "relayed",
                });
                return true;
            }
            LogNoticeNotStored(null, message.Envelope.Id, stored.ToString());
        }
        catch (Exception e)
        {
            // Whatever it is, it must not reach the settlement: other recipients of the attempt were delivered, and
            // unrecorded they would be delivered again with each try.
            LogNoticeNotStored(e, message.Envelope.Id, e.Message);
        }
        return false;
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadStartAsync(SpooledMessage message, long wanted)
    {
        try
        {
            await using var content = await context.Spool.OpenContentAsync(message, context.BrokenOff)
                .ConfigureAwait(false);
            if (content is null)
                return default;
            var start = new byte[Math.Min(wanted, content.Length)];
            var length = 0;
            while (length < start.Length)
            {
                var read = await content.ReadAsync(start.AsMemory(length), CancellationToken.None)
                    .ConfigureAwait(false);
                if (read == 0)
                    break;
                length += read;
            }
            return start.AsMemory(0, length);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Unreadable content: the notice goes without it (NoticeRequest.Content says that it may be empty).
            return default;
        }
    }

    public void Write(EvidenceKind kind, SpooledMessage message, in RecipientResult one, AttemptResult result,
        DateTimeOffset wall, DateTimeOffset? next, string? reason, string? actor = null)
    {
        context.Journal.Append(new EvidenceRecord
        {
            At = wall, Kind = kind, MessageId = message.Envelope.Id.ToString(), Sender = message.Envelope.Sender,
            Recipient = message.Envelope.Recipients[one.Index].Address, Actor = actor, Site = result.Site,
            Target = result.Target,
            Reply = Bounded(one.Text), Reason = reason, Attempt = message.Progress.Recipients[one.Index].Attempts,
            SizeBytes = message.Envelope.SizeBytes, NextAttemptAt = next,
            Took = result.Took > TimeSpan.Zero ? result.Took : null,
        });
    }

    internal static string? Bounded(string? text) =>
        text is { Length: > ReplyCharsMax } ? text[..ReplyCharsMax] : text;

    [LoggerMessage(EventId = 2310, Level = LogLevel.Information,
        Message = "Message {Id}: no reply to the final dot from {Where}; the outcome is unknown: {Detail}")]
    private partial void LogOutcomeUnknown(MessageId id, string where, string detail);

    [LoggerMessage(EventId = 2311, Level = LogLevel.Warning,
        Message = "Notice {Id} can't be delivered ({Reason}) and is held: release or remove it")]
    private partial void LogNoticeHeld(MessageId id, string reason);

    [LoggerMessage(EventId = 2312, Level = LogLevel.Warning,
        Message = "A notice about message {Id} could not be stored ({Result}); it is tried again")]
    private partial void LogNoticeNotStored(Exception? e, MessageId id, string result);
}
