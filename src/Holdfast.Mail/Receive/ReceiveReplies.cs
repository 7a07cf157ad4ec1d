using Holdfast.Mail.Smtp;

namespace Holdfast.Mail.Receive;

/// <summary>Replies that only the receiving end gives, besides <see cref="StandardReplies"/>.</summary>
internal static class ReceiveReplies
{
    public static readonly SmtpReply TooManyConnections =
        SmtpReply.Of(421, 4, 3, 2, "Too many connections, try again later");
    public static readonly SmtpReply DataTooSlow = SmtpReply.Of(421, 4, 4, 2, "Waited too long for your data");
    public static readonly SmtpReply SignInThrottled =
        SmtpReply.Of(454, 4, 7, 0, "Too many failed sign-ins, try again later");
    public static readonly SmtpReply NotAccepting =
        SmtpReply.Of(451, 4, 3, 2, "Not accepting messages now, try again later");
    public static readonly SmtpReply ProbeTaken = SmtpReply.Of(250, 2, 0, 0, "Taken as an answer to a canary");
    public static readonly SmtpReply DirectoryUnavailable =
        SmtpReply.Of(451, 4, 3, 0, "Recipients can't be checked now, try again later");
    /// <summary>RFC 2920 §3.1, RFC 5321 §4.3.1: the client didn't wait where it must.</summary>
    public static readonly SmtpReply OutOfStep = SmtpReply.Of(554, 5, 5, 0, "Wait for the reply before sending more");
}
