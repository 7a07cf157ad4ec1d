using Holdfast.Mail.Route;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>Whom an attempt is about: the recipients of the route whose time has come, as far as their mailboxes' pace
/// allows. One a session.</summary>
internal sealed class RecipientChoice(DeliveryContext context)
{
    private static readonly TimeSpan DueSlack = TimeSpan.FromSeconds(1);
    /// <summary>Recipients counted against their mailboxes' pace in this attempt.</summary>
    private readonly List<int> _paced = [];

    /// <summary>Adds the recipients to the transaction, and to the result those that must wait for their pace.
    /// </summary>
    public void Choose(Transaction tx, AttemptResult result, DeliveryRoute route, MailRoute rule,
        DeliverySnapshot snapshot)
    {
        _paced.Clear();
        var message = tx.Message;
        var wall = context.Time.GetUtcNow();
        var recipients = message.Progress.Recipients;
        // The schedule decided that the route's time has come; it runs on the monotonic clock, lets a canary go before
        // its time, and the wall clock may have been set back. So the earliest of the route's stored times counts as
        // now; another route's would leave nobody to be tried, again and again. Who waits for a place is ready when the
        // message is: that it was taken means that there is one.
        var earliest = DateTimeOffset.MaxValue;
        for (var i = 0; i < recipients.Length; i++)
        {
            var next = recipients[i].WaitsForPlace ? wall : recipients[i].NextAttemptAt ?? wall;
            if (!recipients[i].IsFinal && next < earliest && (recipients.Length == 1
                || DeliveryPlanner.Decide(snapshot.Rules, message.Envelope.Recipients[i]).Key == route.Key))
                earliest = next;
        }
        var due = (earliest > wall ? earliest : wall) + DueSlack;
        Add(tx, result, route, rule, snapshot, due);
        // After the others: those that the last transaction had no room for come first, or the same would fail again.
        Add(tx, result, route, rule, snapshot, null);
    }

    /// <param name="due">Those whose own time comes by then; null: those who wait for a place.</param>
    private void Add(Transaction tx, AttemptResult result, DeliveryRoute route, MailRoute rule,
        DeliverySnapshot snapshot, DateTimeOffset? due)
    {
        var message = tx.Message;
        var recipients = message.Progress.Recipients;
        for (var i = 0; i < recipients.Length && tx.Recipients.Count < rule.RecipientsPerTransactionMax; i++)
        {
            var progress = recipients[i];
            if (progress.IsFinal || progress.WaitsForPlace != (due is null) || progress.NextAttemptAt > due)
                continue;
            var recipient = message.Envelope.Recipients[i];
            if (DeliveryPlanner.Decide(snapshot.Rules, recipient).Key != route.Key)
                continue;
            if (rule.Profile == ProviderProfile.ExchangeOnline)
            {
                var wait = context.Pace(message.Envelope.Sender, recipient.Address);
                if (wait > TimeSpan.Zero)
                {
                    result.Recipients.Add(new RecipientResult(i, RecipientFate.Paced, default, null,
                        "waits for the provider's hourly limit of the mailbox", wait));
                    continue;
                }
                _paced.Add(i);
            }
            tx.Recipients.Add(i);
        }
    }

    /// <summary>What was counted against a mailbox and then never reached it isn't counted: recipients cut by the
    /// target's limit, never offered, or sent back for another transaction.</summary>
    public void GiveBack(Transaction tx)
    {
        foreach (var index in _paced)
        {
            var at = tx.Recipients.IndexOf(index);
            var reply = at >= 0 && at < tx.RecipientReplies.Count ? tx.RecipientReplies[at] : null;
            if (reply is null || tx.MailReply is { IsPositive: false }
                || ReplyClassifier.Classify(AttemptPhase.Rcpt, reply).Advice == RetryAdvice.AnotherTransaction)
                context.GiveBack(tx.Message.Envelope.Sender, tx.Message.Envelope.Recipients[index].Address);
        }
        _paced.Clear();
    }
}
