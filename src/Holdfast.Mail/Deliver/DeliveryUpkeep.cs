using System.Threading.Channels;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Traffic.Health;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Deliver;

/// <summary>What age brings: expiry, delay notices, closed time to be recorded; idle connections; steps of the wall
/// clock.</summary>
internal sealed partial class DeliveryUpkeep
{
    private const int SweepSteps = 20_000;
    private const int ChoresMax = 1_000;
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan CloseEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ClockStepMin = TimeSpan.FromSeconds(5);

    private readonly DeliveryContext _context;
    private readonly DeliverySettlement _settlement;
    private readonly ILogger _logger;
    private readonly List<Chore> _found = [];
    // Bounded: what doesn't fit is found again by the next sweep.
    private readonly Channel<Chore> _chores = Channel.CreateBounded<Chore>(ChoresMax);
    private TimeSpan _nextSweep;
    private TimeSpan _nextClose;
    private bool _sweeping;
    private int _pending;
    private TimeSpan? _clockOffset;

    public DeliveryUpkeep(DeliveryContext context, DeliverySettlement settlement, ILogger logger)
    {
        _context = context;
        _settlement = settlement;
        _logger = logger;
    }

    /// <summary>Chores found and not carried out yet.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Every 100 ms: a piece of the sweep, and what is due.</summary>
    public async ValueTask TickAsync(TimeSpan now)
    {
        WatchClock(now);
        if (!_sweeping && now >= _nextSweep)
        {
            _sweeping = true;
            _nextSweep = now + SweepEvery;
            _context.Scheduler.Prune(now);
        }
        if (_sweeping)
        {
            _found.Clear();
            _sweeping = !_context.Scheduler.Sweep(now, SweepSteps, _found, ChoresMax - _chores.Reader.Count);
            foreach (var chore in _found)
            {
                Interlocked.Increment(ref _pending);
                if (_chores.Writer.TryWrite(chore))
                    continue;
                Interlocked.Decrement(ref _pending);
                _context.Scheduler.ForgetChore(chore.Handle);
            }
        }
        if (now < _nextClose)
            return;
        _nextClose = now + CloseEvery;
        foreach (var connection in _context.Cache.Sweep(now, _context.Snapshot.Options.IdleTimeout))
            await _context.CloseAsync(connection).ConfigureAwait(false);
    }

    /// <summary>Carries chores out, one after another.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await _chores.Reader.WaitToReadAsync(stop).ConfigureAwait(false))
                await CarryOutAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The end of the drain; what is left is found again after the next start.
        }
    }

    /// <summary>Carries out what was found so far.</summary>
    public async ValueTask CarryOutAsync()
    {
        while (_chores.Reader.TryRead(out var chore))
        {
            await DoAsync(chore).ConfigureAwait(false);
            Interlocked.Decrement(ref _pending);
        }
    }

    private async ValueTask DoAsync(Chore chore)
    {
        if (!_context.Scheduler.TryClaimForAct(chore.Handle))
        {
            _context.Scheduler.ForgetChore(chore.Handle);
            return;
        }
        try
        {
            var message = await _context.Spool.LoadAsync(chore.Handle, _context.BrokenOff).ConfigureAwait(false);
            if (message is null)
            {
                _context.Scheduler.Ended(chore.Handle);
                return;
            }
            await _settlement.NoteInterruptedAsync(message).ConfigureAwait(false);
            switch (chore.Kind)
            {
                // By both clocks: ages begin at the wall clock of the start, which may have been wrong then.
                case ChoreKind.Expire when _context.Scheduler.IsExpired(chore.Handle, chore.Route, _context.Now)
                    && _context.Time.GetUtcNow() - message.Envelope.ReceivedAt >= _context.Snapshot.Options.RetryFor:
                    await ExpireAsync(message, chore.Route).ConfigureAwait(false);
                    break;
                case ChoreKind.DelayNotice when !message.Progress.DelayNoticeSent
                    && _context.Scheduler.IsDelayed(chore.Handle, _context.Now):
                    await TellDelayAsync(message).ConfigureAwait(false);
                    break;
            }
            _settlement.Record(message);
            _context.Planner.Hand(message, _context.Snapshot);
        }
        catch (Exception e)
        {
            // At the stage's edge: the message stays as it was and the next sweep finds it.
            LogChoreFailed(e, chore.Kind.ToString(), chore.Handle.Slot);
            _context.Scheduler.PutBack(chore.Handle, TimeSpan.Zero, _context.Now);
        }
    }

    private async ValueTask ExpireAsync(SpooledMessage message, DeliveryRoute route)
    {
        var expired = new List<RecipientResult>();
        for (var i = 0; i < message.Progress.Recipients.Length; i++)
        {
            if (!message.Progress.Recipients[i].IsFinal && DeliveryPlanner.Decide(_context.Snapshot.Rules,
                message.Envelope.Recipients[i]).Key == route.Key)
                expired.Add(Expired(i, message.Progress.Recipients[i], "its time ran out"));
        }
        if (expired.Count > 0)
        {
            await _settlement.FailAsync(message, expired, new AttemptResult(), _context.Time.GetUtcNow(),
                RecipientState.Expired).ConfigureAwait(false);
        }
    }

    internal static RecipientResult Expired(int index, RecipientProgress progress, string why) => new(index,
        RecipientFate.Failed, new ReplyClassification(FailureScope.Message, true, why, RetryAdvice.Usual, -1), null,
        progress.LastReply);

    private async ValueTask TellDelayAsync(SpooledMessage message)
    {
        var wall = _context.Time.GetUtcNow();
        var told = new List<NoticeRecipient>();
        for (var i = 0; i < message.Progress.Recipients.Length; i++)
        {
            var progress = message.Progress.Recipients[i];
            if (progress.IsFinal)
                continue;
            var recipient = message.Envelope.Recipients[i];
            var rule = DeliveryPlanner.Decide(_context.Snapshot.Rules, recipient).Route;
            if (!NoticeDecision.For(NoticeKind.Delay, message.Envelope, recipient, rule).Send)
                continue;
            told.Add(new NoticeRecipient(recipient, new EnhancedStatus(4, 4, 7), "it could not be delivered yet")
            {
                LastReply = progress.LastReply,
                RemoteHost = progress.LastTarget,
                LastAttemptAt = progress.LastAttemptAt,
            });
        }
        if (told.Count > 0)
        {
            var until = message.Envelope.ReceivedAt + _context.Snapshot.Options.RetryFor + message.Progress.ClosedTime;
            if (!await _settlement.NotifyAsync(NoticeKind.Delay, message, told, until, wall).ConfigureAwait(false))
                return;
            foreach (var about in told)
            {
                _context.Journal.Append(new EvidenceRecord
                {
                    At = wall, Kind = EvidenceKind.DelayNotice, MessageId = message.Envelope.Id.ToString(),
                    Sender = message.Envelope.Sender, Recipient = about.Recipient.Address, Reply = about.LastReply,
                    Reason = $"waits since {message.Envelope.ReceivedAt:u}; the sender was told",
                });
            }
        }
        message.Progress.DelayNoticeSent = true;
    }

    /// <summary>Compares the clocks: a step of the wall clock is reported; it expires nothing and sends no notice,
    /// since ages are counted on the monotonic clock.</summary>
    private void WatchClock(TimeSpan now)
    {
        var wall = _context.Time.GetUtcNow();
        var offset = TimeSpan.FromTicks(wall.UtcTicks) - now;
        var step = offset - (_clockOffset ?? offset);
        // A slow drift (or slewing) moves the base along; only a jump counts.
        _clockOffset = offset;
        if (step.Duration() < ClockStepMin)
            return;
        _context.Scheduler.WallClockStepped(step);
        LogClockStepped(step.TotalSeconds);
        _context.Journal.Append(new EvidenceRecord
        {
            At = wall, Kind = EvidenceKind.Alert, Actor = "deliver",
            Reason = $"the wall clock stepped by {step.TotalSeconds:0} s; no message expires and no notice is sent "
                + "by it",
        });
    }

    [LoggerMessage(EventId = 2330, Level = LogLevel.Warning,
        Message = "The wall clock stepped by {Seconds} s; no message expires and no notice is sent by it")]
    private partial void LogClockStepped(double seconds);

    [LoggerMessage(EventId = 2331, Level = LogLevel.Warning,
        Message = "{Kind} of a waiting message (slot {Slot}) failed; it is tried again")]
    private partial void LogChoreFailed(Exception e, string kind, int slot);
}
