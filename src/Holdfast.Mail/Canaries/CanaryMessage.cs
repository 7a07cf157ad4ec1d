using System.Globalization;
using System.Text;

namespace Holdfast.Mail.Canaries;

/// <summary>A canary as it is sent.</summary>
/// <remarks>
/// Nobody is ever told of its failure: to a mailbox that we read ourselves it goes with the null sender, and in any
/// case with NOTIFY=NEVER. To be answered (RFC 3834 §2) a canary must not look automatic, so only those that
/// nobody is to answer say that they are.
/// </remarks>
internal static class CanaryMessage
{
    public const string TokenHeader = "X-Holdfast-Canary";

    public static byte[] Compose(string token, CanaryProbeOptions probe, string hostName, DateTimeOffset now)
    {
        var isReply = probe.ReadBack == CanaryReadBack.Reply;
        var text = new StringBuilder(640);
        text.Append(CultureInfo.InvariantCulture, $"Date: {now.ToUniversalTime():ddd, dd MMM yyyy HH:mm:ss} +0000\r\n");
        text.Append("From: Holdfast canary <").Append(isReply ? probe.Sender : "holdfast-canary@" + hostName)
            .Append(">\r\nTo: <").Append(probe.Recipient).Append(">\r\nSubject: Holdfast canary ").Append(token)
            .Append("\r\nMessage-ID: <").Append(token).Append('@').Append(hostName).Append(">\r\n")
            .Append(TokenHeader).Append(": ").Append(token).Append(' ').Append(Tag(hostName, probe)).Append("\r\n");
        if (!isReply)
            text.Append("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\nPrecedence: bulk\r\n");
        text.Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
            + "This message checks that mail gets through. It may be deleted.\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Tells our canaries in a mailbox from those of others.</summary>
    public static string Tag(string hostName, CanaryProbeOptions probe) => $"{hostName}/{probe.Site}";
}
