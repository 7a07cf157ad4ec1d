namespace Holdfast.Mail.Smtp;

/// <summary>Every fixed reply of the server, each with the place that asks for it.</summary>
/// <remarks>
/// Promise: trouble of ours is always 4yz, so a sender keeps the message; 5yz only for what the client or the message
/// did. The first digit of code and enhanced code agree (RFC 2034 §4). Texts name the fault, never a detail of ours.
/// </remarks>
internal static class StandardReplies
{
    // Success, RFC 5321 §4.2.3 and §4.3.2; enhanced codes RFC 3463.
    public static readonly SmtpReply Ok = SmtpReply.Of(250, 2, 0, 0, "Ok");
    public static readonly SmtpReply SenderOk = SmtpReply.Of(250, 2, 1, 0, "Sender ok");
    public static readonly SmtpReply RecipientOk = SmtpReply.Of(250, 2, 1, 5, "Recipient ok");
    public static readonly SmtpReply ChunkOk = SmtpReply.Of(250, 2, 0, 0, "Chunk taken"); // RFC 3030 §2
    public static readonly SmtpReply Goodbye = SmtpReply.Of(221, 2, 0, 0, "Bye");
    public static readonly SmtpReply StartTls = SmtpReply.Of(220, 2, 0, 0, "Ready to start TLS"); // RFC 3207 §4
    public static readonly SmtpReply Authenticated =
        SmtpReply.Of(235, 2, 7, 0, "Authentication succeeded"); // RFC 4954 §6
    /// <summary>VRFY without telling (RFC 5321 §3.5.3, §7.3).</summary>
    public static readonly SmtpReply CannotVerify =
        SmtpReply.Of(252, 2, 5, 0, "Cannot verify, but will take mail for it if it may");
    public static readonly SmtpReply Help = SmtpReply.Of(214, 2, 0, 0, "See RFC 5321");
    /// <summary>RFC 5321 §3.3; intermediate replies bear no enhanced code (RFC 2034 §4).</summary>
    public static readonly SmtpReply StartMailInput =
        new(354, EnhancedStatus.None, "End data with <CRLF>.<CRLF>");
    /// <summary>RFC 4954 §4: empty challenge.</summary>
    public static readonly SmtpReply AuthContinue = new(334, EnhancedStatus.None, "");
    /// <summary>AUTH LOGIN's customary challenges, "Username:" and "Password:" in base 64.</summary>
    public static readonly SmtpReply AuthUsername = new(334, EnhancedStatus.None, "VXNlcm5hbWU6");
    public static readonly SmtpReply AuthPassword = new(334, EnhancedStatus.None, "UGFzc3dvcmQ6");

    // Our own trouble and shedding: always transient.
    /// <summary>RFC 5321 §3.8: shutting down.</summary>
    public static readonly SmtpReply ShuttingDown = SmtpReply.Of(421, 4, 3, 2, "Service shutting down, try again soon");
    public static readonly SmtpReply TooManyConnections =
        SmtpReply.Of(421, 4, 7, 0, "Too many connections, try again later");
    public static readonly SmtpReply TooManyConnectionsFromYou =
        SmtpReply.Of(421, 4, 7, 0, "Too many connections from your address");
    /// <summary>RFC 5321 §4.5.3.2.7.</summary>
    public static readonly SmtpReply IdleTooLong = SmtpReply.Of(421, 4, 4, 2, "Waited too long for you");
    public static readonly SmtpReply SessionTooLong = SmtpReply.Of(421, 4, 4, 2, "Session too long");
    public static readonly SmtpReply TooManyErrors = SmtpReply.Of(421, 4, 7, 0, "Too many errors");
    public static readonly SmtpReply TooManyMessages =
        SmtpReply.Of(421, 4, 7, 0, "Enough messages on this connection, open another");
    public static readonly SmtpReply RateLimited = SmtpReply.Of(450, 4, 7, 1, "Too fast, try again later");
    public static readonly SmtpReply SenderRateLimited =
        SmtpReply.Of(451, 4, 7, 1, "Sender exceeds its rate, try again later");
    /// <summary>Recipients not known yet: the directory can't be read and no copy is at hand.</summary>
    public static readonly SmtpReply RecipientUnknownNow =
        SmtpReply.Of(450, 4, 2, 1, "Recipient cannot be checked now, try again later");
    public static readonly SmtpReply StorageFailed =
        SmtpReply.Of(451, 4, 3, 0, "Message could not be stored, try again later");
    public static readonly SmtpReply Overloaded = SmtpReply.Of(451, 4, 3, 2, "Busy, try again later");
    public static readonly SmtpReply OutOfSpace =
        SmtpReply.Of(452, 4, 3, 1, "Not enough space now, try again later"); // RFC 1870 §6.1
    public static readonly SmtpReply TooManyRecipients =
        SmtpReply.Of(452, 4, 5, 3, "Too many recipients, send the rest in another transaction"); // RFC 5321 §4.5.3.1.10
    public static readonly SmtpReply TlsUnavailable =
        SmtpReply.Of(454, 4, 7, 0, "TLS not available now"); // RFC 3207 §4
    public static readonly SmtpReply AuthUnavailable =
        SmtpReply.Of(454, 4, 7, 0, "Authentication not available now"); // RFC 4954 §6

    // Commands, RFC 5321 §4.2.4 and §4.3.2.
    public static readonly SmtpReply Unrecognised = SmtpReply.Of(500, 5, 5, 2, "Command not recognised");
    public static readonly SmtpReply LineTooLong = SmtpReply.Of(500, 5, 5, 2, "Line too long"); // §4.5.3.1.4
    /// <summary>RFC 5321 §2.3.8: CR and LF only come as a pair.</summary>
    public static readonly SmtpReply BareNewlineInCommand =
        SmtpReply.Of(500, 5, 5, 2, "Bare CR or LF in a command");
    public static readonly SmtpReply ControlInCommand = SmtpReply.Of(500, 5, 5, 2, "Control character in a command");
    /// <summary>RFC 4954 §4: an AUTH response line that is too long.</summary>
    public static readonly SmtpReply AuthLineTooLong =
        SmtpReply.Of(500, 5, 5, 6, "Authentication exchange line is too long");
    public static readonly SmtpReply BadArgument = SmtpReply.Of(501, 5, 5, 4, "Syntax error in arguments");
    public static readonly SmtpReply NoArgumentAllowed = SmtpReply.Of(501, 5, 5, 4, "No argument allowed");
    public static readonly SmtpReply HelloNeedsName = SmtpReply.Of(501, 5, 5, 4, "A domain or address is needed");
    public static readonly SmtpReply BadParameter = SmtpReply.Of(501, 5, 5, 4, "Malformed parameter");
    public static readonly SmtpReply RepeatedParameter = SmtpReply.Of(501, 5, 5, 4, "Parameter given twice");
    public static readonly SmtpReply BadSenderSyntax =
        SmtpReply.Of(501, 5, 1, 7, "Bad sender address syntax"); // RFC 3463 §3.2
    public static readonly SmtpReply BadRecipientSyntax =
        SmtpReply.Of(501, 5, 1, 3, "Bad recipient address syntax"); // RFC 3463 §3.2
    public static readonly SmtpReply BadBase64 =
        SmtpReply.Of(501, 5, 5, 2, "Cannot decode the response"); // RFC 4954 §4
    public static readonly SmtpReply AuthCancelled =
        SmtpReply.Of(501, 5, 7, 0, "Authentication cancelled"); // RFC 4954 §4
    public static readonly SmtpReply NotImplemented = SmtpReply.Of(502, 5, 5, 1, "Command not offered");
    public static readonly SmtpReply BadSequence = SmtpReply.Of(503, 5, 5, 1, "Bad sequence of commands");
    public static readonly SmtpReply NeedHello = SmtpReply.Of(503, 5, 5, 1, "Say EHLO or HELO first");
    public static readonly SmtpReply NeedMail = SmtpReply.Of(503, 5, 5, 1, "MAIL first");
    public static readonly SmtpReply NestedMail = SmtpReply.Of(503, 5, 5, 1, "Sender already given");
    public static readonly SmtpReply NeedRecipient = SmtpReply.Of(503, 5, 5, 1, "RCPT first");
    public static readonly SmtpReply AlreadyAuthenticated =
        SmtpReply.Of(503, 5, 5, 1, "Already authenticated"); // RFC 4954 §4
    public static readonly SmtpReply AlreadyTls = SmtpReply.Of(503, 5, 5, 1, "TLS is on already"); // RFC 3207 §4.2
    /// <summary>RFC 3030 §3: DATA can't carry BODY=BINARYMIME, and DATA and BDAT don't mix.</summary>
    public static readonly SmtpReply NeedsBdat = SmtpReply.Of(503, 5, 5, 1, "BDAT is needed here");
    public static readonly SmtpReply MechanismUnknown =
        SmtpReply.Of(504, 5, 5, 4, "Authentication mechanism not offered"); // RFC 4954 §4
    public static readonly SmtpReply ParameterValueUnknown =
        SmtpReply.Of(504, 5, 5, 4, "Parameter value not implemented");
    public static readonly SmtpReply UnknownParameter =
        SmtpReply.Of(555, 5, 5, 4, "Parameter not recognised or not offered"); // RFC 5321 §4.1.1.11
    /// <summary>RFC 5321 §4.5.1 and common practice: a client that talks before the greeting.</summary>
    public static readonly SmtpReply EarlyTalker = SmtpReply.Of(554, 5, 5, 1, "You spoke before the greeting");
    /// <summary>RFC 3207 §4.2, CVE-2011-0411: commands sent behind STARTTLS in the clear.</summary>
    public static readonly SmtpReply PipelinedBehindStartTls =
        SmtpReply.Of(554, 5, 5, 1, "Data behind STARTTLS, closing");
    public static readonly SmtpReply PipelinedTooEarly =
        SmtpReply.Of(554, 5, 5, 1, "Pipelining not allowed here"); // RFC 2920 §3.1
    public static readonly SmtpReply NoValidRecipients =
        SmtpReply.Of(554, 5, 5, 1, "No valid recipients"); // RFC 5321 §3.3, RFC 2920 §3.1
    public static readonly SmtpReply HttpSpoken = SmtpReply.Of(421, 4, 7, 0, "This is not a web server");

    // Policy.
    public static readonly SmtpReply AuthRequired =
        SmtpReply.Of(530, 5, 7, 0, "Authentication required"); // RFC 4954 §6
    public static readonly SmtpReply TlsRequired =
        SmtpReply.Of(530, 5, 7, 0, "Must issue a STARTTLS command first"); // RFC 3207 §4
    public static readonly SmtpReply BadCredentials =
        SmtpReply.Of(535, 5, 7, 8, "Authentication credentials invalid"); // RFC 4954 §6
    public static readonly SmtpReply EncryptionRequiredForAuth =
        SmtpReply.Of(538, 5, 7, 11, "Encryption required for that authentication mechanism"); // RFC 4954 §6
    public static readonly SmtpReply AccessDenied = SmtpReply.Of(554, 5, 7, 1, "Access denied");
    public static readonly SmtpReply RelayDenied = SmtpReply.Of(550, 5, 7, 1, "Relaying denied");
    public static readonly SmtpReply SenderNotYours =
        SmtpReply.Of(553, 5, 7, 1, "Sender address not yours"); // RFC 6409 §6.1
    public static readonly SmtpReply NoSuchUser = SmtpReply.Of(550, 5, 1, 1, "No such mailbox");
    public static readonly SmtpReply MailboxDisabled = SmtpReply.Of(550, 5, 2, 1, "Mailbox disabled");
    public static readonly SmtpReply NoSuchDomain = SmtpReply.Of(550, 5, 1, 2, "No mail is taken for that domain");
    /// <summary>RFC 8689 §5: REQUIRETLS asked for outside TLS.</summary>
    public static readonly SmtpReply RequireTlsNeedsTls = SmtpReply.Of(530, 5, 7, 10, "REQUIRETLS needs TLS here");

    // Content.
    /// <summary>RFC 5321 §2.3.8: a bare CR or LF hides a second end of data from some servers (smuggling).</summary>
    public static readonly SmtpReply BareNewline = SmtpReply.Of(550, 5, 5, 2, "Bare CR or LF in the message");
    public static readonly SmtpReply MessageTooBig =
        SmtpReply.Of(552, 5, 3, 4, "Message exceeds the fixed maximum size"); // RFC 1870 §6.1
    public static readonly SmtpReply Loop = SmtpReply.Of(554, 5, 4, 6, "Too many hops"); // RFC 5321 §6.3, RFC 3463
    public static readonly SmtpReply TransactionFailed =
        SmtpReply.Of(554, 5, 5, 1, "Transaction failed, a chunk was refused"); // RFC 3030 §2

    // SMTPUTF8, RFC 6531 §3.5.
    public static readonly SmtpReply NeedsSmtpUtf8 =
        SmtpReply.Of(553, 5, 6, 7, "Address needs SMTPUTF8");
    public static readonly SmtpReply BadUtf8 = SmtpReply.Of(501, 5, 5, 2, "Not UTF-8");

    // PROXY protocol and XCLIENT.
    public static readonly SmtpReply BadProxyHeader = SmtpReply.Of(421, 4, 7, 0, "PROXY header missing or malformed");
    public static readonly SmtpReply XClientDenied = SmtpReply.Of(550, 5, 7, 0, "XCLIENT not allowed from here");
    public static readonly SmtpReply XClientInTransaction =
        SmtpReply.Of(503, 5, 5, 1, "XCLIENT inside a transaction");

    /// <summary>Taken for good (RFC 5321 §6.1), with our name of the message for both sides' logs.</summary>
    public static SmtpReply Queued(MessageId id) => SmtpReply.Of(250, 2, 0, 0, $"Queued as {id}");
}
