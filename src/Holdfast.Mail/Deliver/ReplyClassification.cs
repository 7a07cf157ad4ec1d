using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>What to do about a failure beyond its scope.</summary>
internal enum RetryAdvice : byte
{
    /// <summary>By <see cref="RetryPolicy"/> for the scope.</summary>
    Usual = 0,
    /// <summary>At once, in another transaction: this one had too many recipients.</summary>
    AnotherTransaction = 1,
    /// <summary>Not before an hour: a rate limit that punishes those who come back early.</summary>
    Later = 2,
    /// <summary>As a placement: the trouble is ours, often over in a moment, and another try burdens nobody.</summary>
    Soon = 3,
}

/// <summary>How a connection failed without a reply.</summary>
internal enum ConnectionFault : byte
{
    /// <summary>Refused, unreachable or reset before the greeting.</summary>
    CannotConnect = 0,
    TimedOut = 1,
    /// <summary>Reset or closed in mid-session.</summary>
    Lost = 2,
    /// <summary>The TLS handshake failed, or TLS is required and not offered.</summary>
    TlsFailed = 3,
    /// <summary>TLS is required and the certificate doesn't hold.</summary>
    CertificateRefused = 4,
    /// <summary>What came is no SMTP reply.</summary>
    NotSmtp = 5,
    /// <summary>The target's host name never resolved.</summary>
    NameUnknown = 6,
    /// <summary>Our own: no sockets, no ports, no memory.</summary>
    OurTrouble = 7,
}

/// <summary>How far a failure reaches and whether it is for good.</summary>
/// <param name="Scope">None for success.</param>
/// <param name="IsPermanent">True: the message (scope Message) or recipient (scope Recipient) has failed for good.
/// Never true for wider scopes, whatever class the reply has: a site's fault is no verdict on mail.</param>
/// <param name="Reason">For people; constant, without addresses.</param>
/// <param name="Row">Row of the table in <see cref="ReplyClassifier"/>; -1 for success.</param>
/// <param name="IsOutcomeUnknown">True: the final dot was sent and no reply came; the message may have been delivered.
/// </param>
internal readonly record struct ReplyClassification(
    FailureScope Scope, bool IsPermanent, string Reason, RetryAdvice Advice, int Row, bool IsOutcomeUnknown = false)
{
    public bool IsSuccess => Scope == FailureScope.None;
}
