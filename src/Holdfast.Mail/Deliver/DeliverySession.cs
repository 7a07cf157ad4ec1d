using System.Net;
using System.Net.Sockets;
using Holdfast.Mail.Route;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Deliver;

/// <summary>Sends one message after another, as long as there is one that may go; then ends.</summary>
/// <remarks>
/// Steps: 1 load, 2 choose recipients, 3 find or open a connection, 4 check what the message needs, 5 send, 6 report
/// every step to the board, 7 settle. Whatever happens, the placement is released and the message handed back.
/// </remarks>
internal sealed partial class DeliverySession
{
    private static readonly TimeSpan LoadRetry = TimeSpan.FromSeconds(30);
    private const int MxAddressesMax = 8;

    private readonly DeliveryContext _context;
    private readonly DeliverySettlement _settlement;
    private readonly ILogger _logger;
    private readonly Transaction _tx = new();
    private readonly AttemptResult _result = new();
    private readonly List<StepResult> _opening = [];
    private readonly RecipientChoice _choice;
    private readonly OpenQuestion _question;
    private readonly TargetOpener _opener;
    /// <summary>Longest silence before the final dot in this attempt.</summary>
    private TimeSpan _patience = TimeSpan.MaxValue;
    private TargetConnection? _connection;
    private (string Route, string Target) _connectedTo;

    public DeliverySession(DeliveryContext context, DeliverySettlement settlement, ILogger logger)
    {
        _context = context;
        _settlement = settlement;
        _logger = logger;
        _tx.BeforeDot = NoteAttemptAsync;
        _choice = new RecipientChoice(context);
        _question = new OpenQuestion(context.Placements, context.Time);
        _opener = new TargetOpener(context, _opening, _question);
    }

    /// <summary>Sends the message taken, then what <paramref name="next"/> hands out. Never throws.</summary>
    public async Task RunAsync(TakenEntry taken, NextEntry next)
    {
        while (true)
        {
            var delivered = false;
            try
            {
                delivered = await AttemptAsync(taken).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Our own mistake, or the disk's: nothing was recorded, so the message waits and is tried again.
                LogAttemptFailed(e, taken.Handle.Slot);
                _context.Scheduler.PutBack(taken.Handle, LoadRetry, _context.Now);
                await DropConnectionAsync().ConfigureAwait(false);
            }
            _context.Scheduler.Release(taken, delivered, _context.Now);
            _context.Scheduler.Unblock(taken.Route);
            if (!next(taken.Route, out taken))
                break;
        }
        await KeepConnectionAsync().ConfigureAwait(false);
    }

    /// <summary>Hands out the next message, of the route given if there is one.</summary>
    internal delegate bool NextEntry(DeliveryRoute route, out TakenEntry taken);

    private async ValueTask<bool> AttemptAsync(TakenEntry taken)
    {
        var snapshot = _context.Snapshot;
        // 1. Load.
        var message = taken.Message;
        if (message is null)
        {
            try
            {
                message = await _context.Spool.LoadAsync(taken.Handle, _context.BrokenOff).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                LogLoadFailed(e, taken.Handle.Slot);
                _context.Scheduler.PutBack(taken.Handle, LoadRetry, _context.Now);
                return false;
            }
        }
        if (message is null)
        {
            _context.Scheduler.Ended(taken.Handle);
            return false;
        }
        await _settlement.NoteInterruptedAsync(message).ConfigureAwait(false);
        // 2. Choose recipients.
        _result.Clear();
        _tx.Begin(message);
        if (taken.Route.Rule is not { } rule || message.Progress.IsHeld || message.Progress.IsFinal)
        {
            _context.Planner.Hand(message, snapshot);
            return false;
        }
        _choice.Choose(_tx, _result, taken.Route, rule, snapshot);
        if (_tx.Recipients.Count == 0)
        {
            if (_result.Recipients.Count > 0)
                await _settlement.SettleAsync(taken, message, _result).ConfigureAwait(false);
            else
                _context.Planner.Hand(message, snapshot);
            return false;
        }
        // 3 to 6.
        var began = _context.Now;
        _patience = TimeSpan.MaxValue;
        try
        {
            if (rule.IsMx)
                await SendByMxAsync(taken, message, rule, snapshot).ConfigureAwait(false);
            else
                await SendToTargetAsync(taken, message, rule, snapshot).ConfigureAwait(false);
        }
        finally
        {
            _question.End();
            _choice.GiveBack(_tx);
        }
        _result.Took = _context.Now - began;
        MessageSpans.Attempted(message.Envelope.Id, _context.Time.GetUtcNow(), _result.Took, rule.Name, _result.Where,
            _result.Recipients.Count, _result.Fault);
        // 7. Settle.
        var delivered = _result.IsDelivered;
        await _settlement.SettleAsync(taken, message, _result).ConfigureAwait(false);
        return delivered;
    }

    private async ValueTask SendToTargetAsync(TakenEntry taken, SpooledMessage message, MailRoute rule,
        DeliverySnapshot snapshot)
    {
        var topology = _context.Placements.Topology;
        var target = topology.Targets[taken.Placement.Target.Value];
        var site = topology.Sites[taken.Placement.Site.Value];
        _result.Site = site.Name;
        _result.Target = target.Address;
        _result.Where = $"{site.Name}/{target.Address}";
        _result.RemoteHost = target.Address;
        _question.Begin(taken.Placement, _context.ReplyTimesOf(target.Id.Value));
        _patience = snapshot.Options.PatienceAfter(taken.Moves);
        for (var tries = 0; ; tries++)
        {
            // 3. Find or open a connection.
            await UseConnectionAsync(rule.Name, target.Address).ConfigureAwait(false);
            var reused = _connection is not null;
            if (_connection is null)
            {
                _opening.Clear();
                var failed = await OpenTargetAsync(target, rule, snapshot).ConfigureAwait(false);
                foreach (var step in _opening)
                    Report(taken, message, step);
                if (failed is { } fault)
                {
                    Fail(fault, taken, null);
                    return;
                }
                _context.NoteOffers(target.Id.Value, _connection!.Capabilities);
            }
            Attend(_connection!);
            // 4. Check what the message needs.
            if (Lacks(_connection!.Capabilities, message.Envelope) is { } lack)
            {
                RefuseForLack(taken, message, lack, topology);
                return;
            }
            // 5. Send.
            if (await SendAsync(message, rule).ConfigureAwait(false))
            {
                if (reused && tries == 0 && _tx.FailedUnheard)
                {
                    // The target closed the idle connection meanwhile, as it may: not its failure.
                    _tx.Reset();
                    await DropConnectionAsync().ConfigureAwait(false);
                    continue;
                }
                // 6. Report.
                foreach (var step in _tx.Steps)
                    Report(taken, message, step);
            }
            Collect(taken);
            return;
        }
    }

    /// <summary>Sends over the session's connection. False: the message's content is gone.</summary>
    private async ValueTask<bool> SendAsync(SpooledMessage message, MailRoute rule)
    {
        var limit = _connection!.Capabilities.RecipientsMax;
        if (limit > 0 && _tx.Recipients.Count > limit)
            _tx.Recipients.RemoveRange(limit, _tx.Recipients.Count - limit);
        try
        {
            var content = await _context.Spool.OpenContentAsync(message, _context.BrokenOff).ConfigureAwait(false);
            if (content is null)
                return false;
            await using (content.ConfigureAwait(false))
            {
                _tx.Content = content;
                await _connection.SendAsync(_tx, CancellationToken.None).ConfigureAwait(false);
                _tx.Content = null;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Our disk: the target is not to blame, and without a dot nothing was delivered.
            LogLoadFailed(e, message.Handle.Slot);
            _tx.Broken ??= new StepResult(AttemptPhase.Data, -1, null, ConnectionFault.OurTrouble, e.Message,
                TimeSpan.Zero);
            await DropConnectionAsync().ConfigureAwait(false);
        }
        return true;
    }

    private void Collect(in TakenEntry taken)
    {
        _result.Take(_tx);
        _result.LacksDsn = _connection is { Capabilities.Dsn: false };
        _result.Blame(taken.Placement.Target.Value);
    }

    private void Fail(in StepResult fault, in TakenEntry taken, FailureScope? scope)
    {
        _result.FailAll(_tx.Recipients, fault);
        _result.FailedTarget = taken.Placement.Target.Value;
        if (scope is not { } wider)
            return;
        for (var i = 0; i < _result.Recipients.Count; i++)
        {
            var one = _result.Recipients[i];
            if (one.Class.Scope is FailureScope.Target or FailureScope.Site)
                _result.Recipients[i] = one with { Class = one.Class with { Scope = wider } };
        }
    }

    private void Report(in TakenEntry taken, SpooledMessage message, in StepResult step) =>
        _context.Placements.Report(taken.Placement, message, step.Recipient < 0 ? null
            : message.Envelope.Recipients[_tx.Recipients[step.Recipient]].Address, step, _context.Now);

    private ValueTask<bool> NoteAttemptAsync(Transaction tx)
    {
        Span<int> accepted = tx.Recipients.Count <= 128 ? stackalloc int[tx.Recipients.Count]
            : new int[tx.Recipients.Count];
        var count = 0;
        for (var i = 0; i < tx.Recipients.Count; i++)
        {
            if (tx.IsAccepted(i))
                accepted[count++] = tx.Recipients[i];
        }
        return _context.Spool.RecordAttemptAsync(tx.Message, accepted[..count], _result.Where);
    }

    [LoggerMessage(EventId = 2320, Level = LogLevel.Error,
        Message = "An attempt failed inside us (slot {Slot}); the message waits and is tried again")]
    private partial void LogAttemptFailed(Exception e, int slot);

    [LoggerMessage(EventId = 2321, Level = LogLevel.Warning,
        Message = "A waiting message (slot {Slot}) could not be read; it is tried again")]
    private partial void LogLoadFailed(Exception e, int slot);
}
