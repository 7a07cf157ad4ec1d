using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Queue;

/// <summary>Puts what spool and schedule know of a message into words.</summary>
internal sealed class QueueDescriptions(IWaitingMail waiting, RouteTableSource routes,
    IOptionsMonitor<DeliverOptions> options, TimeProvider time)
{
    public QueueItem Item(SpooledMessage message)
    {
        var (envelope, progress) = (message.Envelope, message.Progress);
        var views = waiting.Find(message.Handle);
        var state = StateOf(views, progress);
        var recipients = new List<string>();
        var attempts = 0;
        for (var i = 0; i < progress.Recipients.Length; i++)
        {
            attempts = Math.Max(attempts, progress.Recipients[i].Attempts);
            if (!progress.Recipients[i].IsFinal)
                recipients.Add(envelope.Recipients[i].Address);
        }
        return new QueueItem(envelope.Id.ToString(), envelope.ReceivedAt, envelope.Sender, recipients,
            envelope.SizeBytes, envelope.Priority, state, string.Join(", ", DestinationsOf(message, views)), attempts,
            NextOf(views, state), WhyOf(views, progress));
    }

    /// <param name="storedAt">Where in the spool it is.</param>
    public QueueDetail Detail(SpooledMessage message, string storedAt)
    {
        var (envelope, progress) = (message.Envelope, message.Progress);
        var views = waiting.Find(message.Handle);
        var settings = options.CurrentValue;
        var lasts = settings.RetryFor + progress.ClosedTime;
        var recipients = new QueueRecipientDetail[progress.Recipients.Length];
        for (var i = 0; i < recipients.Length; i++)
            recipients[i] = Recipient(envelope.Recipients[i], progress.Recipients[i], progress, views);
        return new QueueDetail(envelope.Id.ToString(), envelope.ReceivedAt,
            envelope.ReceivedAt + (lasts < settings.RetryForMax ? lasts : settings.RetryForMax), envelope.Sender,
            envelope.SizeBytes, envelope.Priority, envelope.Listener, envelope.ClientAddress, envelope.AuthenticatedAs,
            progress.IsHeld, progress.HoldReason, storedAt, recipients);
    }

    private QueueRecipientDetail Recipient(EnvelopeRecipient recipient, RecipientProgress progress,
        MessageProgress message, IReadOnlyList<EntryView> views)
    {
        var decision = routes.Table.Decide(recipient.Address[(recipient.Address.LastIndexOf('@') + 1)..]);
        EntryView? own = null;
        foreach (var view in views)
        {
            if (view.RouteKey == decision.Key)
                own = view;
        }
        var next = progress.IsFinal || message.IsHeld ? null : own is { } v ? NextOf([v], StateOf([v], message))
            : progress.NextAttemptAt;
        return new QueueRecipientDetail(recipient.Address, progress.State.ToString(), decision.Destination,
            progress.Attempts, progress.UnknownOutcomes, progress.LastAttemptAt, next, progress.LastTarget,
            progress.LastReply, WhyRecipient(progress, message, own));
    }

    private string WhyRecipient(RecipientProgress progress, MessageProgress message, EntryView? own) =>
        progress.State switch
        {
            RecipientState.Delivered => progress.LastTarget is { } target ? $"delivered to {target}" : "delivered",
            RecipientState.Failed => "failed for good" + (progress.LastReply is { } reply ? $": {reply}" : ""),
            RecipientState.Expired => "its time ran out" + (progress.LastReply is { } last ? $"; last: {last}" : ""),
            RecipientState.Removed => "removed by an operator",
            _ when message.IsHeld => HeldBecause(message),
            _ => own is { } view ? Reasoned(waiting.Why(view), progress.LastReply) : "not in the schedule yet",
        };

    private string WhyOf(IReadOnlyList<EntryView> views, MessageProgress progress)
    {
        if (progress.IsHeld)
            return HeldBecause(progress);
        if (views.Count == 0)
            return "not in the schedule yet";
        var view = views.FirstOrDefault(v => v.IsDestinationClosed, views[0]);
        var reply = progress.Recipients.Where(r => !r.IsFinal).OrderByDescending(r => r.LastAttemptAt)
            .FirstOrDefault(r => r.LastReply is not null)?.LastReply;
        return Reasoned(waiting.Why(view), reply);
    }

    private static string Reasoned(string why, string? reply) => reply is null ? why : $"{why}; last reply: {reply}";

    private static string HeldBecause(MessageProgress progress) =>
        string.IsNullOrEmpty(progress.HoldReason) ? "held until it is released" : $"held: {progress.HoldReason}";

    private static QueueState StateOf(IReadOnlyList<EntryView> views, MessageProgress progress)
    {
        if (progress.IsHeld)
            return QueueState.Held;
        var state = QueueState.Ready;
        var scheduled = views.Count > 0;
        foreach (var view in views)
        {
            if (view.State == EntryState.InDelivery)
                return QueueState.InDelivery;
            scheduled &= view.State == EntryState.Scheduled;
            if (view.IsDestinationClosed)
                state = QueueState.DestinationClosed;
            else if (view.OutcomeUnknown && state != QueueState.DestinationClosed)
                state = QueueState.OutcomeUnknown;
        }
        return state == QueueState.Ready && scheduled ? QueueState.Scheduled : state;
    }

    /// <summary>When the next attempt is due; null while nobody can say.</summary>
    private DateTimeOffset? NextOf(IReadOnlyList<EntryView> views, QueueState state)
    {
        if (views.Count == 0 || state is QueueState.Held or QueueState.DestinationClosed or QueueState.InDelivery)
            return null;
        var next = TimeSpan.MaxValue;
        foreach (var view in views)
            next = view.NextIn < next ? view.NextIn : next;
        return time.GetUtcNow() + next;
    }

    private IEnumerable<string> DestinationsOf(SpooledMessage message, IReadOnlyList<EntryView> views)
    {
        if (views.Count > 0 && views.All(v => v.IsRouted))
            return views.Select(v => v.Destination).Distinct(StringComparer.OrdinalIgnoreCase).Take(10);
        var waitingFor = new List<string>();
        for (var i = 0; i < message.Progress.Recipients.Length && waitingFor.Count < 10; i++)
        {
            var address = message.Envelope.Recipients[i].Address;
            var destination = routes.Table.Decide(address[(address.LastIndexOf('@') + 1)..]).Destination;
            if (!message.Progress.Recipients[i].IsFinal && !waitingFor.Contains(destination))
                waitingFor.Add(destination);
        }
        return waitingFor;
    }
}
