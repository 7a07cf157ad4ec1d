using System.Globalization;
using System.Text;
using Holdfast.Mail.Smtp;

namespace Holdfast.Mail.Deliver;

/// <summary>Writes the part for machines: RFC 3464 §2 (message/delivery-status), RFC 6533 §3 for its Unicode form.
/// </summary>
internal static class NoticeStatus
{
    /// <summary>RFC 5322 §2.1.1 wants lines below 79 characters; longer fields are folded.</summary>
    private const int LineMax = 78;
    /// <summary>Characters of at most three octets each stay below 998 octets.</summary>
    private const int WordMax = 300;

    public static byte[] Write(NoticeRequest request, string hostName, bool unicode)
    {
        var fields = new StringBuilder(512);
        var original = request.Original;
        if (!string.IsNullOrEmpty(original.EnvelopeId))
            Field(fields, "Original-Envelope-Id", original.EnvelopeId, unicode);
        Field(fields, "Reporting-MTA", $"dns; {hostName}", unicode);
        Field(fields, "Arrival-Date", DateOf(original.ReceivedAt), unicode);
        foreach (var about in request.Recipients)
        {
            fields.Append("\r\n");
            if (!string.IsNullOrEmpty(about.Recipient.OriginalRecipient))
                Field(fields, "Original-Recipient", OriginalOf(about.Recipient.OriginalRecipient, unicode), unicode);
            Field(fields, "Final-Recipient", AddressOf(about.Recipient.Address, unicode), unicode);
            Field(fields, "Action", ActionOf(request.Kind), unicode);
            Field(fields, "Status", StatusOf(request.Kind, about.Status), unicode);
            if (!string.IsNullOrEmpty(about.RemoteHost))
                Field(fields, "Remote-MTA", $"dns; {about.RemoteHost}", unicode);
            if (!string.IsNullOrEmpty(about.LastReply))
                Field(fields, "Diagnostic-Code", $"{(IsReply(about.LastReply) ? "smtp" : "x-holdfast")}; "
                    + about.LastReply, unicode);
            if (about.LastAttemptAt is { } at)
                Field(fields, "Last-Attempt-Date", DateOf(at), unicode);
            if (request is { Kind: NoticeKind.Delay, RetryUntil: { } until })
                Field(fields, "Will-Retry-Until", DateOf(until), unicode);
        }
        return Encoding.UTF8.GetBytes(fields.ToString());
    }

    /// <summary>True when the line begins as an SMTP reply does, "450 " and so on.</summary>
    internal static bool IsReply(string line) =>
        line.Length >= 3 && line[0] is >= '2' and <= '5' && char.IsAsciiDigit(line[1]) && char.IsAsciiDigit(line[2])
        && (line.Length == 3 || line[3] == ' ');

    internal static string ActionOf(NoticeKind kind) => kind switch
    {
        NoticeKind.Failure => "failed",
        NoticeKind.Delay => "delayed",
        NoticeKind.Relayed => "relayed",
        _ => "delivered",
    };

    private static string StatusOf(NoticeKind kind, EnhancedStatus status) => !status.IsNone ? status.ToString()
        : kind switch { NoticeKind.Failure => "5.0.0", NoticeKind.Delay => "4.0.0", _ => "2.0.0" };

    internal static string DateOf(DateTimeOffset at) =>
        at.ToString("ddd, dd MMM yyyy HH:mm:ss ", CultureInfo.InvariantCulture)
        + at.ToString("zzz", CultureInfo.InvariantCulture).Replace(":", "", StringComparison.Ordinal);

    /// <summary>ORCPT is "type;address" (RFC 3461 §4.2); a bare address is taken for rfc822.</summary>
    private static string OriginalOf(string original, bool unicode)
    {
        var split = original.IndexOf(';', StringComparison.Ordinal);
        return split <= 0 ? AddressOf(original, unicode)
            : $"{original[..split]}; {original[(split + 1)..].TrimStart()}";
    }

    private static string AddressOf(string address, bool unicode) => Ascii.IsValid(address)
        ? $"rfc822; {address}" : $"utf-8; {(unicode ? address : EscapeUnicode(address))}";

    /// <summary>RFC 6533 §3: utf-8-addr-xtext, where the notice itself must be ASCII.</summary>
    private static string EscapeUnicode(string address)
    {
        var escaped = new StringBuilder(address.Length * 2);
        foreach (var rune in address.EnumerateRunes())
        {
            if (rune.Value is > ' ' and < 0x7f and not ('\\' or '+' or '='))
                escaped.Append((char)rune.Value);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X2}}}");
        }
        return escaped.ToString();
    }

    private static void Field(StringBuilder fields, string name, string value, bool unicode)
    {
        value = NoticeContent.OneLine(value, 2_000);
        var start = fields.Length;
        fields.Append(name).Append(": ");
        var lineStart = start;
        foreach (var word in value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var first = fields[^1] == ' ';
            if (!first && fields.Length - lineStart + word.Length + 1 > LineMax)
            {
                fields.Append("\r\n ");
                lineStart = fields.Length - 1;
            }
            else if (!first)
            {
                fields.Append(' ');
            }
            foreach (var c in word)
            {
                // RFC 5322 §2.1.1: 998 octets a line, even for a word without a space to break at.
                if (fields.Length - lineStart >= WordMax)
                {
                    fields.Append("\r\n ");
                    lineStart = fields.Length - 1;
                }
                fields.Append(unicode || c < 0x80 ? c : '?');
            }
        }
        fields.Append("\r\n");
    }
}
