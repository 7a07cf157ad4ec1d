using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

internal enum RecipientFate : byte
{
    /// <summary>Nothing was asked about it: it goes on waiting as it did.</summary>
    NotTried = 0,
    Delivered = 1,
    /// <summary>Failed, for now or for good, as the classification says.</summary>
    Failed = 2,
    /// <summary>The dot was sent and no answer came.</summary>
    Unknown = 3,
    /// <summary>Waits for the pace of its mailbox; not a failure.</summary>
    Paced = 4,
}

/// <summary>What an attempt came to for one recipient.</summary>
/// <param name="Index">In the envelope.</param>
/// <param name="Text">Reply or error, one line.</param>
/// <param name="Wait">For <see cref="RecipientFate.Paced"/>.</param>
internal readonly record struct RecipientResult(
    int Index, RecipientFate Fate, ReplyClassification Class, Smtp.SmtpReply? Reply, string? Text,
    TimeSpan Wait = default)
{
    public static RecipientResult Of(int index, in StepResult step)
    {
        var found = step.Classify();
        return new RecipientResult(index, found.IsSuccess ? RecipientFate.NotTried
            : found.IsOutcomeUnknown ? RecipientFate.Unknown : RecipientFate.Failed, found, step.Reply, step.Text);
    }
}

/// <summary>An attempt as settlement needs it. Used again for message after message.</summary>
internal sealed class AttemptResult
{
    public List<RecipientResult> Recipients { get; } = [];
    /// <summary>"site/target" or "mx/host".</summary>
    public string Where { get; set; } = "";
    public string? Site { get; set; }
    public string? Target { get; set; }
    /// <summary>Whom a notice may name as the server that answered.</summary>
    public string? RemoteHost { get; set; }
    public TimeSpan Took { get; set; }
    /// <summary>The target tells nobody about success (no DSN): we must, where it was asked for.</summary>
    public bool LacksDsn { get; set; }
    /// <summary>The target of a service that failed; -1 when it didn't.</summary>
    public int FailedTarget { get; set; } = -1;
    public bool IsDelivered { get; set; }

    /// <summary>What the first recipient met that failed, for now or for good, or of whom nobody knows.</summary>
    public string? Fault
    {
        get
        {
            foreach (var one in Recipients)
            {
                if (one.Fate is RecipientFate.Failed or RecipientFate.Unknown)
                    return one.Text ?? one.Fate.ToString();
            }
            return null;
        }
    }

    public void Clear()
    {
        Recipients.Clear();
        Where = "";
        Site = Target = RemoteHost = null;
        Took = TimeSpan.Zero;
        LacksDsn = IsDelivered = false;
        FailedTarget = -1;
    }

    /// <summary>All recipients met the same failure.</summary>
    public void FailAll(IReadOnlyList<int> indexes, in StepResult step)
    {
        foreach (var index in indexes)
            Recipients.Add(RecipientResult.Of(index, step));
    }

    /// <summary>Sorts what the transaction met, recipient by recipient.</summary>
    public void Take(Transaction tx)
    {
        for (var i = 0; i < tx.Recipients.Count; i++)
        {
            var index = tx.Recipients[i];
            var rcpt = i < tx.RecipientReplies.Count ? tx.RecipientReplies[i] : null;
            if (tx.MailReply is { IsPositive: false } mail)
                Recipients.Add(Of(index, AttemptPhase.Mail, mail));
            else if (rcpt is { IsPositive: false })
                Recipients.Add(Of(index, AttemptPhase.Rcpt, rcpt));
            else if (tx.DataReply is { } data && data.Code != 354)
                Recipients.Add(Of(index, AttemptPhase.Data, data));
            else if (tx.FinalReply is { IsPositive: true } done)
                Recipients.Add(new RecipientResult(index, RecipientFate.Delivered, default, done, done.ToString()));
            else if (tx.FinalReply is { } refused)
                Recipients.Add(Of(index, AttemptPhase.FinalDot, refused));
            else if (tx.Broken is { } broken)
                Recipients.Add(RecipientResult.Of(index, tx.DotSent ? broken with { Phase = AttemptPhase.FinalDot }
                    : broken.Phase == AttemptPhase.FinalDot ? broken with { Phase = AttemptPhase.Data } : broken));
            else
                Recipients.Add(new RecipientResult(index, RecipientFate.NotTried, default, null, null));
        }
        IsDelivered = tx.FinalReply is { IsPositive: true };
    }

    /// <summary>Notes the target as the one that failed, if a recipient met a failure of its or its site's.</summary>
    public void Blame(int target)
    {
        foreach (var one in Recipients)
        {
            if (one.Fate == RecipientFate.Failed && one.Class.Scope is FailureScope.Target or FailureScope.Site)
                FailedTarget = target;
        }
    }

    private static RecipientResult Of(int index, AttemptPhase phase, Smtp.SmtpReply reply) =>
        RecipientResult.Of(index, new StepResult(phase, -1, reply, default, null, TimeSpan.Zero));
}
