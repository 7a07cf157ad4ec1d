using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>Whether a sender is told of what became of one recipient, and why (not).</summary>
/// <param name="Reason">For the evidence journal: "no notice: the sender asked for none (NOTIFY=NEVER)".</param>
internal readonly record struct NoticeDecision(bool Send, string Reason)
{
    /// <summary>Decides by the null sender, RFC 3461 NOTIFY, and the route's switches.</summary>
    /// <param name="route">Null when no route is known: its switches are taken as on.</param>
    public static NoticeDecision For(NoticeKind kind, Envelope message, EnvelopeRecipient recipient, MailRoute? route)
    {
        // RFC 5321 §4.5.5, §6.1: nothing is ever sent in answer to a notice, or mail could go round for ever.
        if (message.Sender.Length == 0)
            return new(false, "no notice: the message has the null sender");
        if ((recipient.Notify & DsnNotify.Never) != 0)
            return new(false, "no notice: the sender asked for none (NOTIFY=NEVER)");
        // RFC 3461 §4.1: without NOTIFY failures must be told, delays may be, success must not.
        var asked = recipient.Notify == DsnNotify.Default;
        return kind switch
        {
            NoticeKind.Failure when !asked && (recipient.Notify & DsnNotify.Failure) == 0 =>
                new(false, "no notice: the sender did not ask for failures"),
            NoticeKind.Failure when route is { SendFailureNotices: false } =>
                new(false, "no notice: the route sends no failure notices"),
            NoticeKind.Failure => new(true, "failure notice"),
            NoticeKind.Delay when !asked && (recipient.Notify & DsnNotify.Delay) == 0 =>
                new(false, "no notice: the sender did not ask for delays"),
            NoticeKind.Delay when route is { SendDelayNotices: false } =>
                new(false, "no notice: the route sends no delay notices"),
            NoticeKind.Delay => new(true, "delay notice"),
            _ when (recipient.Notify & DsnNotify.Success) == 0 =>
                new(false, "no notice: the sender did not ask for success"),
            NoticeKind.Relayed => new(true, "relayed notice"),
            _ => new(true, "delivery notice"),
        };
    }
}
