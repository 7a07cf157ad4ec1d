using System.Globalization;
using System.Text;
using Holdfast.Mail.Smtp;

namespace Holdfast.Mail.Receive;

/// <summary>The reply to EHLO (RFC 5321 §4.1.1.1): what is offered in the session's present state.</summary>
/// <remarks>BINARYMIME isn't: its content may hold bare newlines, and delivery speaks DATA, where a bare newline with a
/// dot behind it ends the message for some servers (SMTP smuggling).</remarks>
internal static class Capabilities
{
    public static byte[] Write(string hostName, long messageBytesMax, bool startTls, bool signIn, bool mtPriority,
        bool xclient)
    {
        var lines = new List<string>(12)
        {
            hostName,
            "PIPELINING",
            "SIZE " + messageBytesMax.ToString(CultureInfo.InvariantCulture),
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "DSN",
        };
        if (startTls)
            lines.Add("STARTTLS");
        if (signIn)
            lines.Add("AUTH PLAIN LOGIN");
        if (mtPriority)
            lines.Add("MT-PRIORITY");
        if (xclient)
            lines.Add(XClientAttributes.Offered);
        var text = new StringBuilder();
        for (var i = 0; i < lines.Count; i++)
            text.Append("250").Append(i == lines.Count - 1 ? ' ' : '-').Append(lines[i]).Append("\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
