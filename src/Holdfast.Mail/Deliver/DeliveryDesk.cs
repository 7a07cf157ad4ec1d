using System.Globalization;
using System.Text;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>What can be done to a waiting message.</summary>
internal enum DeliveryAct : byte { Retry = 0, Hold = 1, Release = 2, Remove = 3, Expire = 4 }

internal enum DeliveryActOutcome : byte
{
    Done = 0,
    /// <summary>It is being delivered, or another act has it: ask again.</summary>
    Busy = 1,
    /// <summary>It has ended.</summary>
    Gone = 2,
    /// <summary>There was nothing to change (already held, not held).</summary>
    Unchanged = 3,
    /// <summary>The failure notice could not be stored, so nothing was changed: nobody would have been told.</summary>
    NoticeNotStored = 4,
    /// <summary>A notice of ours, whose end nobody is told of: it is not expired, only removed.</summary>
    IsNotice = 5,
}

/// <summary>One entry of the schedule for a reader outside.</summary>
/// <param name="NextIn">Until the next attempt, in time for which the destination is open; zero: now.</param>
internal readonly record struct EntryView(
    SpoolHandle Handle, EntryState State, string Destination, string RouteKey, bool IsDestinationClosed, int Attempts,
    int Priority, TimeSpan Age, TimeSpan NextIn, bool OutcomeUnknown)
{
    /// <summary>False: it was not read yet since the start, so where it goes isn't known.</summary>
    public bool IsRouted => RouteKey.Length > 0;
}

/// <param name="Counts">Column i: entries up to the i-th bound old, the last one the rest.</param>
internal sealed record ShapeRow(string Destination, long Total, long[] Counts, string Why);

/// <summary>Answers questions about waiting mail, and acts on it, for the Queue room.</summary>
internal sealed class DeliveryDesk(DeliveryContext context, DeliverySettlement settlement, Action wake)
{
    private const string ExpiredByOperator = "its delivery was ended by an operator";
    private static readonly TimeSpan PictureFor = TimeSpan.FromMilliseconds(250);
    private readonly Lock _gate = new();
    private TrafficSnapshot? _picture;
    private TimeSpan _pictureAt;

    /// <summary>Entries of one message: one a route. Empty: it isn't waiting.</summary>
    public IReadOnlyList<EntryView> Find(SpoolHandle handle) => context.Scheduler.View(handle, context.Now);

    /// <summary>All entries, in slices under the scheduler's lock: not a consistent picture.</summary>
    public IEnumerable<EntryView> Enumerate()
    {
        var slice = new List<EntryView>(4096);
        for (var from = 0; ;)
        {
            slice.Clear();
            var more = context.Scheduler.View(ref from, slice, 4096, context.Now);
            foreach (var view in slice)
                yield return view;
            if (!more)
                yield break;
        }
    }

    /// <summary>Age × destination.</summary>
    public IReadOnlyList<ShapeRow> Shape(IReadOnlyList<int> ageBoundsMinutes)
    {
        var rows = new Dictionary<string, ShapeRow>(StringComparer.OrdinalIgnoreCase);
        foreach (var view in Enumerate())
        {
            if (!rows.TryGetValue(view.Destination, out var row))
                rows.Add(view.Destination, row = new ShapeRow(view.Destination, 0,
                    new long[ageBoundsMinutes.Count + 1], Why(view)));
            var column = 0;
            while (column < ageBoundsMinutes.Count && view.Age.TotalMinutes > ageBoundsMinutes[column])
                column++;
            row.Counts[column]++;
        }
        return [.. rows.Values.Select(r => r with { Total = r.Counts.Sum() }).OrderByDescending(r => r.Total)];
    }

    /// <summary>Why the entry is where it is, in a sentence.</summary>
    public string Why(in EntryView view)
    {
        switch (view.State)
        {
            case EntryState.InDelivery:
                return "an attempt is under way";
            case EntryState.Held:
                return "held until it is released";
            case EntryState.Unrouted:
                return "not read yet since the start";
        }
        var route = context.Scheduler.FindRoute(view.RouteKey);
        if (route?.Rule is null)
            return "no rule matches its domain: add one to Holdfast:Mail:Route:Rules";
        if (route.Mx is { IsPaused: true } mx && mx.PausedUntil > context.Now)
        {
            return $"{view.Destination} failed ({mx.Evidence}); one message tries it in "
                + Seconds(mx.PausedUntil - context.Now);
        }
        if (route.Mx is null && route.Service is null)
            return $"the service {view.Destination} has no site in Holdfast:Topology";
        if (view.IsDestinationClosed)
            return WhyClosed(view.Destination);
        var unknown = view.OutcomeUnknown ? "the last attempt's outcome is unknown; " : "";
        if (view.NextIn > TimeSpan.Zero)
            return $"{unknown}{Tried(view.Attempts)}next in {Seconds(view.NextIn)}";
        return unknown + (route.LastWait == Traffic.Balance.WaitReason.Saturated
            ? "ready; waits for room at its sites" : "ready");
    }

    /// <summary>Nothing for none: failures of a site or target aren't counted as the message's own.</summary>
    private static string Tried(int attempts) => attempts switch
    {
        0 => "",
        1 => "tried once, ",
        _ => string.Create(CultureInfo.InvariantCulture, $"tried {attempts} times, "),
    };

    private string WhyClosed(string service)
    {
        var text = new StringBuilder();
        var now = context.Now;
        TimeSpan? canary = null;
        foreach (var site in Picture(now).Sites)
        {
            if (!string.Equals(site.Service, service, StringComparison.OrdinalIgnoreCase))
                continue;
            if (text.Length > 0)
                text.Append("; ");
            text.Append(site.Site).Append(' ').Append(Word(site.Verdict.State));
            if (site.Verdict.State == VerdictState.Closed)
                text.Append(" since ").Append(Clock(now - site.Verdict.Since));
            if (site.Verdict.Evidence.Length > 0)
                text.Append(": ").Append(site.Verdict.Evidence);
            foreach (var target in site.Targets)
            {
                if (target.NextCanaryIn is { } next && (canary is null || next < canary))
                    canary = next;
            }
        }
        if (canary is { } soon)
            text.Append("; next canary in ").Append(Seconds(soon));
        return text.Length > 0 ? text.ToString() : $"every site of {service} is closed";
    }

    private string Clock(TimeSpan ago) =>
        (context.Time.GetUtcNow() - ago).ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Word(VerdictState state) => state switch
    {
        VerdictState.Closed => "closed",
        VerdictState.Recovering => "recovering",
        VerdictState.Degraded => "degraded",
        VerdictState.Suspect => "suspect",
        _ => "healthy",
    };

    private static string Seconds(TimeSpan time) => time < TimeSpan.FromMinutes(2)
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, time.TotalSeconds):0} s")
        : time < TimeSpan.FromHours(2) ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#} h");

    private TrafficSnapshot Picture(TimeSpan now)
    {
        lock (_gate)
        {
            if (_picture is null || now - _pictureAt > PictureFor)
                (_picture, _pictureAt) = (context.Board.Snapshot(now), now);
            return _picture;
        }
    }

    /// <summary>Carries an act out on one message. Evidence about it is the caller's, but for expiry, whose records say
    /// what became of each recipient's notice.</summary>
    /// <param name="actor">Who acts, for the evidence.</param>
    public async ValueTask<DeliveryActOutcome> ActAsync(DeliveryAct act, SpoolHandle handle, string? reason,
        string actor)
    {
        if (!context.Scheduler.TryClaimForAct(handle))
            return context.Scheduler.View(handle, context.Now).Count == 0 ? DeliveryActOutcome.Gone
                : DeliveryActOutcome.Busy;
        try
        {
            var message = await context.Spool.LoadAsync(handle, context.BrokenOff).ConfigureAwait(false);
            if (message is null)
            {
                context.Scheduler.Ended(handle);
                return DeliveryActOutcome.Gone;
            }
            await settlement.NoteInterruptedAsync(message).ConfigureAwait(false);
            var outcome = await ChangeAsync(act, message, reason, actor).ConfigureAwait(false);
            var changed = outcome == DeliveryActOutcome.Done;
            if (changed && act != DeliveryAct.Retry)
                settlement.Record(message);
            context.Planner.Hand(message, context.Snapshot, force: changed);
            wake();
            return outcome;
        }
        catch
        {
            context.Scheduler.PutBack(handle, TimeSpan.Zero, context.Now);
            throw;
        }
    }

    private async ValueTask<DeliveryActOutcome> ChangeAsync(DeliveryAct act, SpooledMessage message, string? reason,
        string actor)
    {
        var progress = message.Progress;
        switch (act)
        {
            case DeliveryAct.Retry:
                if (progress.IsHeld)
                    return DeliveryActOutcome.Unchanged;
                Due(progress);
                return DeliveryActOutcome.Done;
            case DeliveryAct.Hold:
                if (progress.IsHeld)
                    return DeliveryActOutcome.Unchanged;
                progress.IsHeld = true;
                progress.HoldReason = reason;
                return DeliveryActOutcome.Done;
            case DeliveryAct.Release:
                if (!progress.IsHeld)
                    return DeliveryActOutcome.Unchanged;
                progress.IsHeld = false;
                progress.HoldReason = null;
                Due(progress);
                return DeliveryActOutcome.Done;
            case DeliveryAct.Remove:
                foreach (var recipient in progress.Recipients)
                {
                    if (!recipient.IsFinal)
                        recipient.State = RecipientState.Removed;
                }
                return DeliveryActOutcome.Done;
            default:
                return await ExpireAsync(message, new EndedBy(actor, reason)).ConfigureAwait(false);
        }
    }

    private static void Due(MessageProgress progress)
    {
        foreach (var recipient in progress.Recipients)
        {
            recipient.NextAttemptAt = null;
            recipient.WaitsForPlace = false;
        }
    }

    /// <summary>All recipients that wait, in one notice. The sender isn't told the operator's reason, which is for the
    /// evidence.</summary>
    private async ValueTask<DeliveryActOutcome> ExpireAsync(SpooledMessage message, EndedBy by)
    {
        if (message.Envelope.Listener == NoticeComposer.ListenerName)
            return DeliveryActOutcome.IsNotice;
        var expired = new List<RecipientResult>();
        for (var i = 0; i < message.Progress.Recipients.Length; i++)
        {
            if (!message.Progress.Recipients[i].IsFinal)
                expired.Add(DeliveryUpkeep.Expired(i, message.Progress.Recipients[i], ExpiredByOperator));
        }
        return await settlement.FailAsync(message, expired, new AttemptResult(), context.Time.GetUtcNow(),
            RecipientState.Expired, by).ConfigureAwait(false)
            ? DeliveryActOutcome.Done : DeliveryActOutcome.NoticeNotStored;
    }
}
