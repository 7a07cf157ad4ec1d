using System.Globalization;
using System.Text;
using Holdfast.Mail.Smtp;

namespace Holdfast.Mail.Deliver;

/// <summary>Writes the part for people: what happened, to whom, what the other side said, what we do next.</summary>
internal static class NoticeText
{
    private const int RecipientsShownMax = 50;

    public static string SubjectOf(NoticeRequest request)
    {
        var first = NoticeContent.OneLine(request.Recipients[0].Recipient.Address, 100);
        var to = request.Recipients.Count == 1 ? first : string.Create(CultureInfo.InvariantCulture,
            $"{first} and {request.Recipients.Count - 1} more");
        return request.Kind switch
        {
            NoticeKind.Failure => $"Not delivered: your message to {to}",
            NoticeKind.Delay => $"Delayed: your message to {to} is still being tried",
            NoticeKind.Relayed => $"Passed on: your message to {to}",
            _ => $"Delivered: your message to {to}",
        };
    }

    public static string Write(NoticeRequest request, string hostName, string contact)
    {
        var text = new StringBuilder(1_024);
        text.Append(CultureInfo.InvariantCulture, $"This is the mail system at {hostName}.\n\n");
        var many = request.Recipients.Count > 1;
        var whom = many ? "these recipients" : "this recipient";
        text.Append(request.Kind switch
        {
            NoticeKind.Failure => $"Your message could not be delivered to {whom},\n"
                + "and it will not be tried again:\n",
            NoticeKind.Delay => $"Your message has not been delivered to {whom} yet. It is safe here\n"
                + "and is being tried again and again; please don't send it a second time:\n",
            NoticeKind.Relayed => $"Your message to {whom} was passed on to a mail server that doesn't report\n"
                + "whether it delivers, so this is the last that you hear from us about it:\n",
            _ => $"Your message was delivered to {whom}:\n",
        });
        foreach (var about in request.Recipients.Take(RecipientsShownMax))
            Recipient(text, request.Kind, about);
        if (request.Recipients.Count > RecipientsShownMax)
            text.Append(CultureInfo.InvariantCulture,
                $"\n  ... and {request.Recipients.Count - RecipientsShownMax} more, listed in the attached report.\n");
        Next(text, request);
        text.Append(CultureInfo.InvariantCulture,
            $"\nWe received the message on {TimeOf(request.Original.ReceivedAt)}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Our number for it, should you ask: {request.Original.Id}\n");
        if (contact.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $"Questions: {NoticeContent.OneLine(contact, 500)}\n");
        return text.ToString().Replace("\n", "\r\n", StringComparison.Ordinal);
    }

    private static void Recipient(StringBuilder text, NoticeKind kind, NoticeRecipient about)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n  {NoticeContent.OneLine(about.Recipient.Address, 320)}\n");
        if (about.Recipient.OriginalRecipient is { Length: > 0 } original
            && !original.EndsWith(about.Recipient.Address, StringComparison.OrdinalIgnoreCase))
        {
            var address = original[(original.IndexOf(';', StringComparison.Ordinal) + 1)..].Trim();
            text.Append(CultureInfo.InvariantCulture, $"    (sent to {NoticeContent.OneLine(address, 320)})\n");
        }
        if (kind is NoticeKind.Delivered or NoticeKind.Relayed)
            return;
        text.Append(CultureInfo.InvariantCulture, $"    Reason: {NoticeContent.OneLine(about.Reason, 300)}\n");
        if (about.LastReply is not { Length: > 0 } reply)
            return;
        var who = about.RemoteHost is { Length: > 0 } host ? NoticeContent.OneLine(host, 255) : null;
        text.Append(who is not null && NoticeStatus.IsReply(reply) ? $"    The server {who} answered:\n"
            : who is not null ? $"    What happened at {who}:\n" : "    What happened:\n");
        text.Append(CultureInfo.InvariantCulture, $"      {NoticeContent.OneLine(reply, 512)}\n");
        if (about.LastAttemptAt is { } at)
            text.Append(CultureInfo.InvariantCulture, $"    Last tried on {TimeOf(at)}\n");
    }

    private static void Next(StringBuilder text, NoticeRequest request)
    {
        if (request.Kind == NoticeKind.Delay)
        {
            text.Append(request.RetryUntil is { } until
                ? $"\nWe go on trying until {TimeOf(until)} at least,\n"
                    + "longer if the destination is out of service. If that fails, we tell you.\n"
                : "\nWe go on trying. If that fails, we tell you.\n");
        }
        else if (request.Kind == NoticeKind.Failure)
        {
            text.Append("\nIf the address is right, the reason above may help the recipient's mail\n"
                + "administrator. The message, or its header, is attached.\n");
        }
    }

    private static string TimeOf(DateTimeOffset at) =>
        at.ToUniversalTime().ToString("dddd, d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture) + " UTC";
}
