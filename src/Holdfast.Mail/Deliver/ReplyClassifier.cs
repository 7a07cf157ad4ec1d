using System.Collections.Immutable;
using Holdfast.Mail.Smtp;
using Holdfast.Traffic.Health;
using static Holdfast.Traffic.Health.FailureScope;

namespace Holdfast.Mail.Deliver;

/// <summary>Sorts replies and connection failures by scope: one table, first row that matches, its source beside it.
/// </summary>
/// <remarks>
/// Promise: total (every reply in every phase has a row), no allocation, and never permanent for anything wider than
/// the message. What no row explains is Unclassified: it counts against a target only when several senders and
/// recipients saw it. Order: from the narrow (enhanced code, text) to the wide (class of the reply).
/// The same table stands in docs/reference/replies.md; a test compares them.
/// </remarks>
internal static class ReplyClassifier
{
    /// <summary>Steps of an attempt as bits.</summary>
    [Flags]
    internal enum At : ushort
    {
        Connect = 1, Greeting = 2, Hello = 4, Tls = 8, Mail = 16, Rcpt = 32, Data = 64, FinalDot = 128, Quit = 256,
        Opening = Connect | Greeting | Hello,
        Body = Data | FinalDot,
        Envelope = Mail | Rcpt | Body,
        Any = Opening | Tls | Envelope | Quit,
    }

    internal const int AnyNumber = -1;

    /// <param name="Code">Reply code; 4 and 5 stand for 4yz and 5yz.</param>
    /// <param name="Subject">Second number of the enhanced code; <see cref="AnyNumber"/>: any, also none.</param>
    /// <param name="DetailMin">Third number, from; <see cref="AnyNumber"/>: any.</param>
    /// <param name="DetailMax">Third number, to (inclusive).</param>
    /// <param name="Text">Part of the text in any case, or null.</param>
    internal sealed record Row(
        int Code, int Subject, int DetailMin, int DetailMax, At Phases, string? Text, FailureScope Scope,
        bool IsPermanent, string Reason, string Source, RetryAdvice Advice = RetryAdvice.Usual);

    private static Row T(int code, int subject, int detail, At at, string? text, FailureScope scope, string reason,
        string source, RetryAdvice advice = RetryAdvice.Usual) =>
        new(code, subject, detail, detail, at, text, scope, false, reason, source, advice);

    private static Row P(int code, int subject, int detail, At at, string? text, FailureScope scope, string reason,
        string source) =>
        new(code, subject, detail, detail, at, text, scope, true, reason, source);

    private const int X = AnyNumber;
    private const string Rfc3463 = "RFC 3463 ";
    private const string Ndr =
        "learn.microsoft.com: Email non-delivery reports in Exchange Online";
    private const string Gmail = "support.google.com: Gmail SMTP errors and codes";

    internal static ImmutableArray<Row> Rows { get; } =
    [
        // QUIT: the work is done, whatever the answer.
        T(4, X, X, At.Quit, null, None, "after the work", "RFC 5321 §4.1.1.10"),
        T(5, X, X, At.Quit, null, None, "after the work", "RFC 5321 §4.1.1.10"),

        // Our address, not our mail: another region does not cure it.
        new(4, 7, 500, 699, At.Any, null, SourceAddress, false, "source address is throttled", Ndr + "; 4.7.500–699"),
        new(5, 7, 606, 649, At.Any, null, SourceAddress, false, "source address is banned", Ndr + "; 5.7.606–649"),
        T(5, 7, 511, At.Any, null, SourceAddress, "source address is banned", Ndr + "; 5.7.511"),
        T(5, 7, 64, At.Any, null, SourceAddress, "source address isn't attributed to a tenant", Ndr + "; 5.7.64"),
        T(4, 7, 25, At.Any, null, SourceAddress, "source address lacks reverse DNS", "RFC 7372 §3.3"),
        T(5, 7, 25, At.Any, null, SourceAddress, "source address lacks reverse DNS", "RFC 7372 §3.3"),
        T(4, 7, 28, At.Any, null, SourceAddress, "source address is rate-limited", Gmail),
        T(421, 7, 0, At.Any, "unusual rate", SourceAddress, "source address is rate-limited", Gmail),
        T(421, 7, 0, At.Any, "[TSS", SourceAddress, "source address is deferred for complaints",
            "senders.yahooinc.com: SMTP error codes"),
        T(5, 7, X, At.Any, "blocked using", SourceAddress, "source address is on a block list",
            "Postfix smtpd reject_rbl_client, default_rbl_reply"),
        T(4, 7, X, At.Any, "blocked using", SourceAddress, "source address is on a block list",
            "Postfix smtpd reject_rbl_client, default_rbl_reply"),
        T(5, 7, X, At.Any, "spamhaus", SourceAddress, "source address is on a block list",
            Ndr + "; 5.7.1 Client host blocked using Spamhaus"),
        T(4, 7, X, At.Envelope, "cannot find your hostname", SourceAddress, "source address lacks reverse DNS",
            "Postfix smtpd reject_unknown_client_hostname"),
        T(4, 7, X, At.Envelope, "cannot find your reverse hostname", SourceAddress, "source address lacks reverse DNS",
            "Postfix smtpd reject_unknown_reverse_client_hostname"),

        // Rate limits of one mailbox.
        T(432, 3, 2, At.Any, null, Recipient, "mailbox has too many submissions at once",
            "learn.microsoft.com: SMTP submission improvements"),
        new(5, 2, 121, 122, At.Any, null, Recipient, false, "mailbox receives more than its hourly limit",
            Ndr + "; 5.2.121, 5.2.122 (a bounce would punish the sender for our backlog: wait and come back)",
            RetryAdvice.Later),
        T(450, 2, 1, At.Envelope, "rate", Recipient, "mailbox receives more than its limit", Gmail,
            RetryAdvice.Later),

        // The transaction was too large.
        T(452, 5, 3, At.Rcpt, null, Recipient, "too many recipients in one transaction", "RFC 5321 §4.5.3.1.10",
            RetryAdvice.AnotherTransaction),
        T(452, X, X, At.Rcpt, "too many recipients", Recipient, "too many recipients in one transaction",
            "RFC 5321 §4.5.3.1.10", RetryAdvice.AnotherTransaction),
        T(552, X, X, At.Rcpt, "too many recipients", Recipient, "too many recipients in one transaction",
            "RFC 5321 §4.5.3.1.10: 552 as 452", RetryAdvice.AnotherTransaction),
        T(552, 5, 3, At.Rcpt, null, Recipient, "too many recipients in one transaction",
            "RFC 5321 §4.5.3.1.10: 552 as 452", RetryAdvice.AnotherTransaction),

        // 421: this server closes. A rolling restart must not close the site: when all its targets say so, it closes.
        T(421, 7, X, At.Opening, null, SourceAddress, "connection refused by policy", Rfc3463 + "§3.8"),
        T(421, X, X, At.Any, null, Target, "server is closing the connection", "RFC 5321 §3.8, §4.2.3"),

        // TLS.
        T(4, X, X, At.Tls, null, Target, "TLS isn't available now", "RFC 3207 §4"),
        T(5, X, X, At.Tls, null, Target, "TLS isn't available", "RFC 3207 §4"),
        T(454, 7, 0, At.Any, null, Target, "TLS or authentication isn't available now", "RFC 3207 §4, RFC 4954 §6"),
        T(403, 7, 0, At.Any, null, Target, "TLS handshake failed", "Sendmail op.me, TLS"),
        T(530, X, X, At.Any, null, FailureScope.Route, "server wants TLS or authentication: configure the route",
            "RFC 3207 §4, RFC 4954 §6"),
        T(535, X, X, At.Any, null, FailureScope.Route, "authentication failed: configure the route", "RFC 4954 §6"),
        T(534, X, X, At.Any, null, FailureScope.Route, "authentication is too weak: configure the route",
            "RFC 4954 §6"),
        T(538, X, X, At.Any, null, FailureScope.Route, "authentication needs encryption: configure the route",
            "RFC 4954 §6"),

        // Before the envelope nothing is said of a message.
        T(521, X, X, At.Opening, null, Target, "host takes no mail", "RFC 7504 §3"),
        T(4, 7, X, At.Opening, null, SourceAddress, "connection refused by policy", Rfc3463 + "§3.8"),
        T(4, 3, 2, At.Opening, null, Site, "system isn't accepting messages", Rfc3463 + "§3.4 X.3.2"),
        T(4, X, X, At.Opening, null, Target, "server isn't ready", "RFC 5321 §3.1"),
        T(554, X, X, At.Opening, null, SourceAddress, "connection refused",
            "RFC 5321 §3.1 (554: no SMTP service here)"),
        T(550, X, X, At.Opening, null, SourceAddress, "connection refused", "RFC 5321 §4.1.1.1"),
        T(5, 7, X, At.Opening, null, SourceAddress, "connection refused by policy", Rfc3463 + "§3.8"),
        T(5, X, X, At.Opening, null, Target, "server refuses the session", "RFC 5321 §3.1, §4.1.1.1"),

        // The mail system (X.3.x), whoever the message is for.
        T(4, 3, 2, At.Envelope, null, Site, "system isn't accepting messages",
            Rfc3463 + "§3.4 X.3.2; incident MO1221364 (451 4.3.2 Temporary server error)"),
        T(5, 3, 2, At.Envelope, null, Site, "system isn't accepting messages",
            Rfc3463 + "§3.4 X.3.2 (of class 5 too: the system's state, not the message's)"),
        T(4, 3, 1, At.Envelope, null, Target, "server is out of space or resources",
            Rfc3463 + "§3.4 X.3.1; learn.microsoft.com: Understanding back pressure"),
        P(552, 3, 4, At.Envelope, null, Message, "message is too big", Rfc3463 + "§3.4 X.3.4, RFC 1870 §6.1"),
        T(4, 3, 4, At.Envelope, null, Message, "message is too big now", Rfc3463 + "§3.4 X.3.4"),
        P(5, 3, 3, At.Envelope, null, Message, "system lacks a feature that the message needs", Rfc3463 + "§3.4 X.3.3"),
        P(5, 3, 4, At.Envelope, null, Message, "message is too big", Rfc3463 + "§3.4 X.3.4"),
        T(4, 3, 0, At.Envelope, null, Target, "server has trouble of its own", Rfc3463 + "§3.4 X.3.0"),
        T(4, 3, 5, At.Envelope, null, Target, "server is configured wrongly", Rfc3463 + "§3.4 X.3.5"),
        T(5, 3, 5, At.Envelope, null, Target, "server is configured wrongly", Rfc3463 + "§3.4 X.3.5"),
        T(4, 3, X, At.Envelope, null, Target, "server has trouble of its own", Rfc3463 + "§3.4"),

        // Network and routing behind the server (X.4.x).
        T(4, 4, 5, At.Envelope, null, Site, "mail system is congested", Rfc3463 + "§3.5 X.4.5"),
        new(4, 4, 1, 2, At.Envelope, null, Target, false, "server lost or can't reach a connection",
            Rfc3463 + "§3.5 X.4.1, X.4.2"),
        P(5, 4, 6, At.Envelope, null, Message, "message goes round in a loop", Rfc3463 + "§3.5 X.4.6"),
        T(4, 4, 6, At.Envelope, null, Message, "message goes round in a loop", Rfc3463 + "§3.5 X.4.6"),
        P(5, 4, 1, At.Rcpt, null, Recipient, "recipient is unknown there", Ndr + "; 5.4.1"),
        T(4, 4, X, At.Envelope, null, Unclassified, "server can't route the message now", Rfc3463 + "§3.5"),

        // Sender and recipient addresses (X.1.x).
        T(4, 1, 7, At.Envelope, null, Message, "sender's address is refused now", Rfc3463 + "§3.2 X.1.7"),
        T(4, 1, 8, At.Envelope, null, Message, "sender's domain can't be found now", Rfc3463 + "§3.2 X.1.8"),
        new(5, 1, 7, 8, At.Envelope, null, Message, true, "sender's address is refused",
            Rfc3463 + "§3.2 X.1.7, X.1.8"),
        T(4, 1, X, At.Mail, null, Message, "sender's address is refused now", Rfc3463 + "§3.2"),
        T(4, 1, X, At.Rcpt | At.Body, null, Recipient, "recipient's address is refused now", Rfc3463 + "§3.2"),
        P(5, 1, X, At.Mail, null, Message, "sender's address is refused", Rfc3463 + "§3.2"),
        P(5, 1, X, At.Rcpt | At.Body, null, Recipient, "recipient's address is refused", Rfc3463 + "§3.2"),

        // One mailbox (X.2.x).
        T(4, 2, 2, At.Envelope, null, Recipient, "mailbox is full", Rfc3463 + "§3.3 X.2.2"),
        P(5, 2, 2, At.Envelope, null, Recipient, "mailbox is full", Rfc3463 + "§3.3 X.2.2"),
        T(4, 2, 1, At.Rcpt | At.Body, null, Recipient, "mailbox isn't accepting messages now",
            Rfc3463 + "§3.3 X.2.1; greylisting"),
        T(4, 2, X, At.Rcpt | At.Body, null, Recipient, "mailbox isn't available now",
            Rfc3463 + "§3.3; greylisting (RFC 6647 §3)"),
        P(5, 2, 3, At.Mail | At.Body, null, Message, "message is too big", Rfc3463 + "§3.3 X.2.3"),
        P(5, 2, X, At.Rcpt | At.Body, null, Recipient, "mailbox is closed, full or moved", Rfc3463 + "§3.3"),

        // Protocol (X.5.x): the session is at fault, not the message.
        P(5, 5, 2, At.FinalDot, null, Message, "message's lines are malformed",
            "SMTP smuggling defences: 550 5.5.2 (postfix.org/smtp-smuggling.html)"),
        T(4, 5, X, At.Envelope, null, Target, "server mistook the session", Rfc3463 + "§3.6"),
        T(503, X, X, At.Envelope, null, Target, "server mistook the order of commands", "RFC 5321 §4.2.2"),

        // Content (X.6.x).
        T(4, 6, X, At.Envelope, null, Message, "content isn't accepted now", Rfc3463 + "§3.7"),
        P(5, 6, X, At.Envelope, null, Message, "content isn't accepted", Rfc3463 + "§3.7"),

        // Policy (X.7.x).
        new(4, 7, 4, 6, At.Envelope, null, Target, false, "server's cryptography failed", Rfc3463 + "§3.8 X.7.4–6"),
        T(4, 7, X, At.Rcpt, null, Recipient, "policy delay (greylisting)", Rfc3463 + "§3.8; RFC 6647 §3"),
        T(4, 7, X, At.Mail | At.Body, null, Message, "policy delay", Rfc3463 + "§3.8"),
        P(5, 7, X, At.Rcpt, null, Recipient, "refused by policy", Rfc3463 + "§3.8"),
        P(5, 7, X, At.Mail | At.Body, null, Message, "refused by policy", Rfc3463 + "§3.8"),

        // Without a telling enhanced code: the text, then the code.
        T(4, X, X, At.Envelope, "greylist", Recipient, "policy delay (greylisting)", "RFC 6647 §3; Postgrey, Milter"),
        T(4, X, X, At.Envelope, "graylist", Recipient, "policy delay (greylisting)", "RFC 6647 §3"),
        T(452, X, X, At.Rcpt | At.Body, "quota", Recipient, "mailbox is full", "Dovecot LMTP, Gmail texts"),
        T(452, X, X, At.Rcpt | At.Body, "mailbox", Recipient, "mailbox is full", "Dovecot LMTP, Exim texts"),
        T(450, X, X, At.Rcpt, null, Recipient, "mailbox is busy or refused by policy", "RFC 5321 §4.2.3"),
        T(452, X, X, At.Envelope, null, Target, "server is out of space", "RFC 5321 §4.2.3"),
        T(455, X, X, At.Envelope, null, Message, "server can't take the parameters now", "RFC 5321 §4.2.3"),
        T(4, X, X, At.Envelope, null, Unclassified, "temporary failure of unknown reach", "RFC 5321 §4.2.1"),

        P(552, X, X, At.Mail | At.Body, null, Message, "message is too big", "RFC 5321 §4.2.3, RFC 1870 §6.1"),
        P(552, X, X, At.Rcpt, null, Recipient, "mailbox is full", "RFC 5321 §4.2.3"),
        P(5, X, X, At.Rcpt, null, Recipient, "recipient is refused", "RFC 5321 §3.3, §4.2.1"),
        P(5, X, X, At.Mail, null, Message, "sender is refused", "RFC 5321 §3.3, §4.2.1"),
        P(5, X, X, At.Body, null, Message, "message is refused", "RFC 5321 §3.3, §4.2.1"),
    ];

    /// <summary>Sorts a reply. Replies that a phase expects (2yz; 3yz at DATA) are success; other 1yz to 3yz are no
    /// answer that SMTP knows and count as the target's fault.</summary>
    public static ReplyClassification Classify(AttemptPhase phase, SmtpReply reply)
    {
        var code = reply.Code;
        if (code is >= 200 and < 300 && phase != AttemptPhase.Data)
            return Success;
        if (code == 354 && phase == AttemptPhase.Data)
            return Success;
        if (code is < 400 or >= 600)
            return ForFault(phase, ConnectionFault.NotSmtp);

        var at = (At)(1 << (int)phase);
        // An enhanced code of another class contradicts the reply (RFC 2034 §4): the basic code rules alone.
        var status = reply.Status.Class == code / 100 ? reply.Status : default;
        var rows = Rows.AsSpan();
        for (var i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            if ((row.Phases & at) == 0 || (row.Code != code && row.Code != code / 100))
                continue;
            if (row.Subject != AnyNumber && (status.IsNone || row.Subject != status.Subject))
                continue;
            if (row.DetailMin != AnyNumber && (status.Detail < row.DetailMin || status.Detail > row.DetailMax))
                continue;
            if (row.Text is { } text && !reply.Text.Contains(text, StringComparison.OrdinalIgnoreCase))
                continue;
            return new ReplyClassification(row.Scope, row.IsPermanent, row.Reason, row.Advice, i);
        }
        // Rows end with a catch-all for each phase; a test walks all codes in all phases.
        return new ReplyClassification(Unclassified, false, "unknown reply", RetryAdvice.Usual, rows.Length);
    }

    /// <summary>The server asks for less or slower, whatever else it says: 421 (closing, too much), X.3.1 and X.3.2
    /// (no resources, not accepting), X.4.5 (congested), and rate limits of our address.</summary>
    public static bool IsPushBack(SmtpReply reply) => reply.Code is >= 400 and < 500 && (reply.Code is 421 or 432
        || (reply.Status.Class == 4 && (reply.Status.Subject, reply.Status.Detail) is (3, 1) or (3, 2) or (4, 5)
            or (7, 28) or (7, >= 500 and <= 699)));

    /// <summary>Sorts a failure without a reply.</summary>
    /// <param name="phase">The step whose reply was waited for; FinalDot only once the dot was sent.</param>
    public static ReplyClassification ForFault(AttemptPhase phase, ConnectionFault fault)
    {
        // RFC 1047: the dot is sent, the answer isn't there. It may have been delivered.
        var unknown = phase == AttemptPhase.FinalDot;
        if (phase == AttemptPhase.Quit)
            return Success;
        return fault switch
        {
            ConnectionFault.OurTrouble => Fault(SourceAddress, "our own host has trouble", unknown) with
            {
                Advice = RetryAdvice.Soon,
            },
            ConnectionFault.CannotConnect => Fault(Target, "can't connect", unknown),
            ConnectionFault.TimedOut => Fault(Target, unknown ? "no reply to the final dot in time"
                : "no reply in time", unknown),
            ConnectionFault.Lost => Fault(Target, unknown ? "connection lost after the final dot"
                : "connection lost", unknown),
            ConnectionFault.TlsFailed => Fault(Target, "TLS failed", unknown),
            ConnectionFault.CertificateRefused => Fault(Target, "certificate doesn't hold", unknown),
            ConnectionFault.NameUnknown => Fault(Target, "host name can't be resolved", unknown),
            _ => Fault(Target, "answer is not SMTP", unknown),
        };
    }

    private static ReplyClassification Success => new(None, false, "", RetryAdvice.Usual, -1);

    private static ReplyClassification Fault(FailureScope scope, string reason, bool unknown) =>
        new(scope, false, reason, RetryAdvice.Usual, -1, unknown);
}
