using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>What one step of a dialogue came to: a reply, or a fault in its place.</summary>
/// <param name="Recipient">Position in <see cref="Transaction.Recipients"/>, or -1.</param>
/// <param name="Latency">From the last byte sent to the reply read.</param>
internal readonly record struct StepResult(
    AttemptPhase Phase, int Recipient, SmtpReply? Reply, ConnectionFault Fault, string? Detail, TimeSpan Latency)
{
    public ReplyClassification Classify() =>
        Reply is not null ? ReplyClassifier.Classify(Phase, Reply) : ReplyClassifier.ForFault(Phase, Fault);

    public string Text => Reply?.ToString() ?? Detail ?? Fault.ToString();
}

/// <summary>One MAIL … final dot: what is to be sent, and what was answered. Used again for message after message.
/// </summary>
internal sealed class Transaction
{
    public SpooledMessage Message { get; private set; } = null!;
    public MessageContent? Content { get; set; }
    /// <summary>Indexes into the envelope's recipients.</summary>
    public List<int> Recipients { get; } = [];
    /// <summary>Answers in the order in which they came.</summary>
    public List<StepResult> Steps { get; } = [];
    /// <summary>Answer to each RCPT, by position; null: none came.</summary>
    public List<SmtpReply?> RecipientReplies { get; } = [];
    public SmtpReply? MailReply { get; set; }
    public SmtpReply? DataReply { get; set; }
    public SmtpReply? FinalReply { get; set; }
    /// <summary>What broke the dialogue off, if anything did.</summary>
    public StepResult? Broken { get; set; }
    /// <summary>The final dot left us, or may have: without a reply the outcome is unknown.</summary>
    public bool DotSent { get; set; }
    /// <summary>At least one octet came back since the transaction began.</summary>
    public bool Answered { get; set; }
    /// <summary>Asked when the final dot is about to be sent. False: it must not be.</summary>
    public Func<Transaction, ValueTask<bool>>? BeforeDot { get; set; }

    public void Begin(SpooledMessage message)
    {
        Message = message;
        Recipients.Clear();
        Reset();
    }

    /// <summary>Forgets the answers, not the recipients.</summary>
    public void Reset()
    {
        Content = null;
        Steps.Clear();
        RecipientReplies.Clear();
        MailReply = DataReply = FinalReply = null;
        Broken = null;
        DotSent = Answered = false;
    }

    /// <summary>The connection was gone before a word of ours was answered: an idle one that the target had closed.
    /// </summary>
    public bool FailedUnheard => !Answered && !DotSent && Broken is { Fault: ConnectionFault.Lost };

    public bool IsAccepted(int position) => RecipientReplies[position] is { IsPositive: true };

    public bool AnyAccepted
    {
        get
        {
            foreach (var reply in RecipientReplies)
            {
                if (reply is { IsPositive: true })
                    return true;
            }
            return false;
        }
    }
}
