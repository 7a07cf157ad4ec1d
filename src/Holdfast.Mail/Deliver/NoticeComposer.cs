using System.Text;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using MimeKit;

namespace Holdfast.Mail.Deliver;

/// <summary>Composes delivery status notifications (RFC 3464; RFC 6533 for Unicode addresses).</summary>
/// <remarks>
/// Promise: a well-formed multipart/report whatever addresses, replies and content hold (nothing of them can add a
/// field or a line), of bounded size, with a text that a person understands. Deterministic: same request, same bytes.
/// Whether one is due is <see cref="NoticeDecision"/>'s business; a message with the null sender is refused here too.
/// </remarks>
internal sealed class NoticeComposer(NoticeOptions options, string hostName)
{
    /// <summary>Most octets of a returned header; longer ones are cut at a line's end.</summary>
    private const int HeaderBytesMax = 64 * 1024;

    /// <summary>Name of the listener that notices bear in their envelope.</summary>
    public const string ListenerName = "notice";

    /// <summary>How many octets from the start of the content <see cref="Compose"/> can use.</summary>
    public long BytesWanted(NoticeKind kind, Envelope original) =>
        ReturnsAll(kind, original) ? original.SizeBytes : Math.Min(original.SizeBytes, HeaderBytesMax);

    public ComposedNotice Compose(NoticeRequest request)
    {
        var original = request.Original;
        if (original.Sender.Length == 0 || request.Recipients.Count == 0)
            throw new ArgumentException("A notice needs a sender to go to and recipients to speak of.",
                nameof(request));

        var all = ReturnsAll(request.Kind, original) && request.Content.Length == original.SizeBytes;
        var returned = all ? request.Content : NoticeContent.HeaderOf(request.Content, HeaderBytesMax);
        // A header with NUL or an overlong line can't pass DATA either: the notice goes without it.
        if ((NoticeContent.TraitsOf(returned.Span) & ContentTraits.HasLongLine) != 0)
            returned = default;
        var unicode = NeedsUnicode(request, returned.Span);
        var report = new Multipart("report");
        report.ContentType.Parameters.Add("report-type", "delivery-status");
        report.Boundary = NoticeContent.BoundaryFor(request.NoticeId, returned.Span);
        report.Add(new TextPart("plain")
        {
            Text = NoticeText.Write(request, hostName, options.Contact),
            ContentTransferEncoding = ContentEncoding.QuotedPrintable,
        });
        report.Add(NoticeContent.PartOf("message", unicode ? "global-delivery-status" : "delivery-status",
            NoticeStatus.Write(request, hostName, unicode)));
        if (returned.Length > 0)
        {
            var (type, subtype) = (all, unicode) switch
            {
                (true, false) => ("message", "rfc822"),
                (true, true) => ("message", "global"),
                (false, false) => ("text", "rfc822-headers"),
                (false, true) => ("message", "global-headers"),
            };
            report.Add(NoticeContent.PartOf(type, subtype, returned.ToArray()));
        }

        using var message = new MimeMessage();
        message.Headers.Clear();
        var from = options.FromAddress.Length > 0 ? options.FromAddress : $"MAILER-DAEMON@{hostName}";
        AddAddress(message, HeaderId.From, options.FromName, from);
        AddAddress(message, HeaderId.To, "", original.Sender);
        message.Subject = NoticeText.SubjectOf(request);
        message.Date = request.Now;
        message.MessageId = $"{request.NoticeId}@{hostName}";
        // RFC 3834 §5: keeps auto-responders from answering.
        message.Headers.Add("Auto-Submitted", "auto-replied");
        if (NoticeContent.MessageIdOf(returned.Span) is { } answered)
        {
            message.Headers.Add("In-Reply-To", answered);
            message.Headers.Add("References", answered);
        }
        message.Body = report;
        message.Headers[HeaderId.MimeVersion] = "1.0";

        using var stream = new MemoryStream(returned.Length + 4096);
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = unicode;
        format.EnsureNewLine = true;
        message.WriteTo(format, stream);
        var content = stream.ToArray();
        return new ComposedNotice(EnvelopeOf(request, content, unicode), content);
    }

    private static Envelope EnvelopeOf(NoticeRequest request, byte[] content, bool unicode)
    {
        var traits = NoticeContent.TraitsOf(content);
        return new Envelope
        {
            Id = request.NoticeId,
            ReceivedAt = request.Now,
            Sender = "",
            // RFC 3461 §6.1: a notice asks for none about itself.
            Recipients = [new EnvelopeRecipient(request.Original.Sender, DsnNotify.Never)],
            Priority = request.Original.Priority,
            Body = (traits & ContentTraits.HasEightBit) != 0 ? BodyKind.EightBitMime : BodyKind.SevenBit,
            SmtpUtf8 = unicode,
            Listener = ListenerName,
            Tenant = ListenerName,
            Traits = traits,
            SizeBytes = content.Length,
        };
    }

    /// <summary>RFC 3461 §4.3: RET speaks of failures; other notices return the header alone.</summary>
    private bool ReturnsAll(NoticeKind kind, Envelope original) =>
        kind == NoticeKind.Failure && original.Return != DsnReturn.Headers
        && original.SizeBytes <= options.ReturnBytesMax
        // What only BDAT can carry doesn't go into a notice, which DATA must be able to carry.
        && original.Body != BodyKind.BinaryMime && (original.Traits & ContentTraits.HasLongLine) == 0;

    /// <summary>RFC 6533 §4: the Unicode forms when the message came by SMTPUTF8 and something isn't ASCII.</summary>
    private static bool NeedsUnicode(NoticeRequest request, ReadOnlySpan<byte> returned)
    {
        if (!request.Original.SmtpUtf8)
            return false;
        if (!Ascii.IsValid(request.Original.Sender) || !Ascii.IsValid(NoticeContent.HeaderOf(returned)))
            return true;
        foreach (var about in request.Recipients)
        {
            if (!Ascii.IsValid(about.Recipient.Address) || !Ascii.IsValid(about.Recipient.OriginalRecipient ?? ""))
                return true;
        }
        return false;
    }

    private static void AddAddress(MimeMessage message, HeaderId field, string name, string address)
    {
        if (MailboxAddress.TryParse(NoticeContent.OneLine(address, 512), out var mailbox))
        {
            mailbox.Name = name.Length > 0 ? name : null;
            message.Headers.Remove(field);
            (field == HeaderId.From ? message.From : message.To).Add(mailbox);
        }
        else
        {
            // The envelope counts; the field only has to be there and well formed (RFC 5322 §3.6.3).
            message.Headers.Add(field, field == HeaderId.From ? "MAILER-DAEMON:;" : "undisclosed-recipients:;");
        }
    }
}
