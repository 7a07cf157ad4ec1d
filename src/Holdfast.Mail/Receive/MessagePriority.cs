namespace Holdfast.Mail.Receive;

/// <summary>Gives a message its priority, 0 (most important) to 5.</summary>
/// <remarks>The first that applies: a trusted MT-PRIORITY, a rule by domain, the user, the listener.</remarks>
internal sealed class MessagePriority
{
    private readonly (string? Sender, string? Recipient, byte Priority)[] _rules;

    public MessagePriority(IReadOnlyList<PriorityRuleOptions> rules)
    {
        _rules = new (string?, string?, byte)[rules.Count];
        for (var i = 0; i < rules.Count; i++)
        {
            var rule = rules[i];
            _rules[i] = (string.IsNullOrEmpty(rule.SenderDomain) ? null : rule.SenderDomain,
                string.IsNullOrEmpty(rule.RecipientDomain) ? null : rule.RecipientDomain, (byte)rule.Priority);
            HasRecipientRules |= _rules[i].Recipient is not null;
        }
    }

    /// <summary>True when a recipient can still change the priority: then only RCPT can tell.</summary>
    public bool HasRecipientRules { get; }

    /// <summary>Priority that a rule with a sender's domain alone gives, or null.</summary>
    public byte? OfSenderRule(ReadOnlySpan<char> senderDomain, bool senderIsBelieved)
    {
        foreach (var (sender, recipient, priority) in _rules)
        {
            if (recipient is null && senderIsBelieved
                && senderDomain.Equals(sender, StringComparison.OrdinalIgnoreCase))
                return priority;
        }
        return null;
    }

    /// <summary>Priority that a rule with a recipient's domain gives, or null.</summary>
    public byte? OfRecipientRule(ReadOnlySpan<char> senderDomain, bool senderIsBelieved,
        ReadOnlySpan<char> recipientDomain)
    {
        foreach (var (sender, recipient, priority) in _rules)
        {
            if (recipient is not null && recipientDomain.Equals(recipient, StringComparison.OrdinalIgnoreCase)
                && (sender is null
                    || (senderIsBelieved && senderDomain.Equals(sender, StringComparison.OrdinalIgnoreCase))))
                return priority;
        }
        return null;
    }

    /// <summary>RFC 6710 priority, 9 (highest) to -9, as one of our six classes: 0 is normal there and 3 here.
    /// </summary>
    public static byte OfMtPriority(int value) => value switch
    {
        >= 6 => 0,
        >= 4 => 1,
        >= 1 => 2,
        0 => 3,
        >= -4 => 4,
        _ => 5,
    };
}
