using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>MAIL, RCPT and DATA, in as few writes as the target allows.</summary>
internal sealed partial class TargetConnection
{
    private const int RecipientsPerGroup = 100;

    /// <summary>MAIL, RCPT… and DATA. True: content is wanted.</summary>
    private async ValueTask<bool> SendEnvelopeAsync(Transaction tx, CancellationToken abort)
    {
        var limit = Limit(_settings.Options.EnvelopeTimeout);
        var pipelined = Capabilities.Pipelining;
        var envelope = tx.Message.Envelope;
        var resetPending = _needsReset;
        _needsReset = false;
        if (resetPending)
        {
            _out.Command("RSET"u8);
            if (!pipelined)
            {
                if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false)
                    || await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort, false).ConfigureAwait(false) is null)
                    return false;
                resetPending = false;
            }
        }
        _out.Mail(envelope.Sender, new MailTerms(envelope.SizeBytes, NeedsEightBit(envelope), envelope.SmtpUtf8,
            envelope.Return, envelope.EnvelopeId), Capabilities);
        var count = tx.Recipients.Count;
        for (var i = 0; i < count; i++)
            tx.RecipientReplies.Add(null);

        if (!pipelined)
            return await SendStepByStepAsync(tx, limit, abort).ConfigureAwait(false);

        for (var from = 0; from < count; from += RecipientsPerGroup)
        {
            var to = Math.Min(count, from + RecipientsPerGroup);
            for (var i = from; i < to; i++)
                AppendRcpt(tx, i);
            if (to == count)
                _out.Command("DATA"u8);
            if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false))
                return false;
            if (resetPending)
            {
                resetPending = false;
                if (await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort, false).ConfigureAwait(false) is null)
                    return false;
            }
            if (from == 0)
            {
                tx.MailReply = await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort).ConfigureAwait(false);
                if (tx.MailReply is null)
                    return false;
            }
            for (var i = from; i < to; i++)
            {
                // What a refused MAIL draws on its RCPTs (503) says nothing about them.
                var reply = await ReplyAsync(tx, AttemptPhase.Rcpt, i, limit, abort, tx.MailReply!.IsPositive)
                    .ConfigureAwait(false);
                if (reply is null)
                    return false;
                tx.RecipientReplies[i] = reply;
            }
        }
        var wanted = tx.MailReply!.IsPositive && tx.AnyAccepted;
        var dataLimit = Limit(_settings.Options.DataTimeout);
        var data = await ReplyAsync(tx, AttemptPhase.Data, -1, dataLimit, abort, wanted).ConfigureAwait(false);
        if (data is null)
            return false;
        // A refusal of DATA is believed when RSET's own reply follows it: after a reply too many it would be
        // DATA's 354, which may come at any time later.
        if (data.IsPositive || (data.Code != 354 && (_in.HasUnread || (wanted && IsUsable
            && await ResetAsync(limit, abort).ConfigureAwait(false) is { IsPositive: false, Code: not 421 }))))
        {
            // A reply too many came before, and so each was taken for the next command's: none can be trusted.
            tx.MailReply = null;
            for (var i = 0; i < count; i++)
                tx.RecipientReplies[i] = null;
            Break(tx, AttemptPhase.Data, ConnectionFault.NotSmtp, "its replies are out of step with the commands");
            return false;
        }
        if (wanted)
            tx.DataReply = data;
        if (data.Code == 354)
        {
            if (wanted)
                return true;
            // RFC 2920 §3.1: all recipients refused, and yet the server waits for content: an empty one ends it.
            _out.Command("."u8);
            if (await FlushAsync(tx, AttemptPhase.Data, dataLimit, abort).ConfigureAwait(false))
                await ReplyAsync(tx, AttemptPhase.Data, -1, dataLimit, abort, false).ConfigureAwait(false);
            return false;
        }
        _needsReset = tx.MailReply.IsPositive && !wanted;
        return false;
    }

    /// <summary>RSET's reply; null when the connection broke, which says nothing of the message.</summary>
    private async ValueTask<SmtpReply?> ResetAsync(TimeSpan limit, CancellationToken abort)
    {
        _out.Command("RSET"u8);
        return await FlushAsync(null, AttemptPhase.Data, limit, abort).ConfigureAwait(false)
            ? await ReplyAsync(null, AttemptPhase.Data, -1, limit, abort, false).ConfigureAwait(false) : null;
    }

    private async ValueTask<bool> SendStepByStepAsync(Transaction tx, TimeSpan limit, CancellationToken abort)
    {
        if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false))
            return false;
        tx.MailReply = await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort).ConfigureAwait(false);
        if (tx.MailReply is not { IsPositive: true })
            return false;
        _needsReset = true;
        for (var i = 0; i < tx.Recipients.Count; i++)
        {
            AppendRcpt(tx, i);
            if (!await FlushAsync(tx, AttemptPhase.Rcpt, limit, abort).ConfigureAwait(false))
                return false;
            tx.RecipientReplies[i] = await ReplyAsync(tx, AttemptPhase.Rcpt, i, limit, abort).ConfigureAwait(false);
            if (tx.RecipientReplies[i] is null)
                return false;
            if (!IsUsable)
                return false;
        }
        if (!tx.AnyAccepted)
            return false;
        limit = Limit(_settings.Options.DataTimeout);
        _out.Command("DATA"u8);
        if (!await FlushAsync(tx, AttemptPhase.Data, limit, abort).ConfigureAwait(false))
            return false;
        tx.DataReply = await ReplyAsync(tx, AttemptPhase.Data, -1, limit, abort).ConfigureAwait(false);
        if (tx.DataReply?.Code != 354)
            return false;
        _needsReset = false;
        return true;
    }

    private void AppendRcpt(Transaction tx, int position)
    {
        var recipient = tx.Message.Envelope.Recipients[tx.Recipients[position]];
        _out.Rcpt(recipient.Address, recipient.Notify, recipient.OriginalRecipient, Capabilities);
    }

    internal static bool NeedsEightBit(Envelope envelope) =>
        envelope.Body != BodyKind.SevenBit || (envelope.Traits & ContentTraits.HasEightBit) != 0;
}
