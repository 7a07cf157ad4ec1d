using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Receive;

/// <summary>What MAIL and RCPT said of one message. Used again for the session's next one.</summary>
internal sealed class Transaction
{
    public bool IsOpen { get; private set; }
    public string Sender { get; private set; } = "";
    public List<EnvelopeRecipient> Recipients { get; private set; } = [];
    public long? DeclaredBytes { get; set; }
    public BodyKind Body { get; set; }
    public bool SmtpUtf8 { get; set; }
    public string? EnvelopeId { get; set; }
    public DsnReturn Return { get; set; }
    public byte Priority { get; set; }
    /// <summary>True when MT-PRIORITY gave the priority: no rule changes it.</summary>
    public bool IsPriorityFixed { get; set; }
    /// <summary>True once a rule for a recipient's domain gave the priority.</summary>
    public bool HasRecipientPriority { get; set; }

    /// <summary>True when its one recipient is a probe's address: it isn't mail for anybody.</summary>
    public bool IsProbe { get; set; }

    public string SenderText => Sender.Length == 0 ? "<>" : Sender;

    public ReadOnlySpan<char> SenderDomain => Sender.AsSpan(Sender.LastIndexOf('@') + 1);

    public void Open(string sender, byte priority)
    {
        IsOpen = true;
        Sender = sender;
        Priority = priority;
        DeclaredBytes = null;
        Body = BodyKind.SevenBit;
        SmtpUtf8 = false;
        EnvelopeId = null;
        Return = DsnReturn.Unspecified;
        IsPriorityFixed = false;
        HasRecipientPriority = false;
        IsProbe = false;
    }

    /// <summary>Forgets everything. The recipients' list may live on in an envelope, so a new one is begun.</summary>
    public void Close()
    {
        IsOpen = false;
        Sender = "";
        if (Recipients.Count > 0)
            Recipients = [];
    }
}
