namespace Holdfast.Mail.Receive;

internal enum RecipientDecision : byte
{
    Accept = 0,
    /// <summary>Not for us and the client may not relay: 550 5.7.1.</summary>
    RelayDenied = 1,
    /// <summary>Our domain, but nobody of that name: 550 5.1.1.</summary>
    UnknownUser = 2,
    /// <summary>We can't say whether it is valid now: 451 4.3.0.</summary>
    Unavailable = 3,
    /// <summary>530 5.7.0.</summary>
    SignInRequired = 4,
}

/// <summary>Says which recipients a client may send to. The listener's role decides alone, so there is no setting whose
/// slip opens a relay.</summary>
/// <remarks>
/// Inbound: our domains only, whoever asks. Submission: any, for signed-in users. Relay: any, for trusted networks.
/// Only the domain after the last '@' counts; local parts that would make the next server route on ('%', '!', '@') are
/// refused on inbound listeners.
/// </remarks>
internal static class RecipientPolicy
{
    public static RecipientDecision Decide(ListenerPolicy listener, bool isTrusted, bool isSignedIn,
        ReadOnlySpan<char> address)
    {
        switch (listener.Role)
        {
            case ListenerRole.Submission:
                return isSignedIn ? RecipientDecision.Accept : RecipientDecision.SignInRequired;
            case ListenerRole.Relay:
                return isTrusted ? RecipientDecision.Accept : RecipientDecision.RelayDenied;
            default:
                return DecideInbound(listener, address);
        }
    }

    /// <summary>RFC 5321 §4.5.1: without a domain, postmaster alone is an address.</summary>
    public static bool IsBarePostmaster(ReadOnlySpan<char> address) =>
        address.Equals("postmaster", StringComparison.OrdinalIgnoreCase);

    private static RecipientDecision DecideInbound(ListenerPolicy listener, ReadOnlySpan<char> address)
    {
        var at = address.LastIndexOf('@');
        var local = at < 0 ? address : address[..at];
        if (at < 0)
            return IsBarePostmaster(address) ? RecipientDecision.Accept : RecipientDecision.RelayDenied;
        if (!listener.IsOurs(address[(at + 1)..]))
            return listener.KnowsDomains ? RecipientDecision.RelayDenied : RecipientDecision.Unavailable;
        if (local.IndexOfAny('%', '!', '@') >= 0)
            return RecipientDecision.RelayDenied;
        if (local.Equals("postmaster", StringComparison.OrdinalIgnoreCase) || !listener.HasRecipientList)
            return RecipientDecision.Accept;
        return listener.Recipients is not { } recipients ? RecipientDecision.Unavailable
            : recipients.Contains(address, listener.SubaddressSeparator) ? RecipientDecision.Accept
            : RecipientDecision.UnknownUser;
    }
}
