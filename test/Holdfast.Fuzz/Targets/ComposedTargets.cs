using System.Buffers;
using System.Net;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using MimeKit;

namespace Holdfast.Fuzz.Targets;

/// <summary>Text of ours that holds text of others: whatever that is, it adds no line and no field.</summary>
internal static class ComposedTargets
{
    private const int LineBytesMax = 998;
    private static readonly HashSet<string> NoticeFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "In-Reply-To", "References", "MIME-Version",
        "Content-Type",
    };
    private static readonly HashSet<string> StatusFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "Original-Envelope-Id", "Reporting-MTA", "Arrival-Date", "Original-Recipient", "Final-Recipient", "Action",
        "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date", "Will-Retry-Until",
    };

    /// <summary>A notice about addresses, replies and content out of the input.</summary>
    public static int Notice(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var kind = (NoticeKind)pieces.Below(4);
        var utf8 = pieces.Below(2) == 1;
        var returns = (DsnReturn)pieces.Below(3);
        var envelopeId = pieces.TextOrNull();
        var sender = Address(pieces.Text(), utf8) ?? "ann@example.org";
        var recipients = new NoticeRecipient[1 + pieces.Below(3)];
        for (var i = 0; i < recipients.Length; i++)
        {
            var recipient = new EnvelopeRecipient(Address(pieces.Text(), utf8) ?? "bob@example.org", DsnNotify.Default,
                pieces.TextOrNull());
            recipients[i] = new NoticeRecipient(recipient, new EnhancedStatus(5, 1, 1), "refused")
            {
                LastReply = pieces.TextOrNull(), RemoteHost = pieces.TextOrNull(),
                LastAttemptAt = DateTimeOffset.UnixEpoch,
            };
        }
        // Content as receiving lets it through: no bare newlines.
        var content = ReferenceDecoder.Bdat(Encoding.Latin1.GetString(pieces.Rest), normalise: true);
        var octets = ReferenceDecoder.Octets(content.Content);
        var composed = new NoticeComposer(new NoticeOptions { ReturnBytesMax = 600 }, "mx.example.net").Compose(new()
        {
            Kind = kind, NoticeId = new MessageId(2, 2), Now = DateTimeOffset.UnixEpoch, Recipients = recipients,
            Content = octets, RetryUntil = DateTimeOffset.UnixEpoch,
            Original = new Envelope
            {
                Id = new MessageId(1, 1), ReceivedAt = DateTimeOffset.UnixEpoch, Sender = sender, SmtpUtf8 = utf8,
                Recipients = [.. recipients.Select(r => r.Recipient)], EnvelopeId = envelopeId, Return = returns,
                SizeBytes = octets.Length, Traits = content.Traits,
            },
        });
        var notice = ReferenceDecoder.Bdat(Encoding.Latin1.GetString(composed.Content.Span), normalise: false);
        Promise.Holds(!notice.HasBareNewline, "a notice holds no bare newline");
        Promise.Holds(notice.Traits == composed.Envelope.Traits,
            $"traits {composed.Envelope.Traits}, expected {notice.Traits}");
        Promise.Holds((notice.Traits & (ContentTraits.LacksFinalNewline | ContentTraits.HasLongLine)) == 0,
            "DATA can carry a notice");
        using var stream = new MemoryStream(composed.Content.ToArray());
        using var message = MimeMessage.Load(stream);
        Promise.Holds(message.Headers.All(h => NoticeFields.Contains(h.Field)), "nothing adds a field to a notice");
        Promise.Holds(message.Headers.Count(h => h.Id == HeaderId.From) == 1
            && message.Headers.Count(h => h.Id == HeaderId.To) <= 1, "a notice has one From and one To");
        Promise.Holds(message.Body is Multipart { Count: 2 or 3 }, "a notice has its two parts, or three");
        CheckStatus(((Multipart)message.Body!)[1], recipients.Length);
        return HashCode.Combine(kind, notice.Traits, ((Multipart)message.Body!).Count, composed.Envelope.SmtpUtf8);
    }

    /// <summary>Our Received: field.</summary>
    public static int Trace(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var hello = pieces.Text();
        var client = pieces.Below(3) switch
        {
            0 => null,
            1 => new IPAddress(pieces.UInt32()),
            _ => new IPAddress((byte[])[.. pieces.Take(16).ToArray().Concat(new byte[16]).Take(16)]),
        };
        var tls = pieces.TextOrNull();
        var recipient = Address(pieces.Text(), allowUtf8: true);
        var output = new ArrayBufferWriter<byte>();
        TraceHeader.Write(output, hello, client, "mx.example.net", "UTF8SMTPSA", new MessageId(1, 1), tls, recipient,
            DateTimeOffset.UnixEpoch);
        var lines = Encoding.UTF8.GetString(output.WrittenSpan).Split("\r\n");
        Promise.Holds(lines[0].StartsWith("Received: from ", StringComparison.Ordinal) && lines[^1].Length == 0
            && lines.Length is 5 or 6, "one field of four or five lines");
        Promise.Holds(lines[1..^1].All(l => l.StartsWith('\t') && !l.AsSpan(1).ContainsAnyInRange('\0', '\u001f'))
            && !lines[0].AsSpan().ContainsAnyInRange('\0', '\u001f'), "every further line is folded");
        Promise.Holds(lines.All(l => Encoding.UTF8.GetByteCount(l) <= LineBytesMax), "lines keep their limit");
        return HashCode.Combine(lines.Length, client?.AddressFamily, tls is null, hello.Length / 64);
    }

    private static void CheckStatus(MimeEntity part, int recipients)
    {
        using var decoded = new MemoryStream();
        Promise.Holds(part is MimePart { Content: not null }, "the second part holds the status");
        ((MimePart)part).Content!.DecodeTo(decoded);
        var text = Encoding.UTF8.GetString(decoded.ToArray());
        var groups = 1;
        foreach (var line in text.TrimEnd('\r', '\n').Split("\r\n"))
        {
            groups += line.Length == 0 ? 1 : 0;
            Promise.Holds(line.Length == 0 || line[0] == ' '
                || StatusFields.Contains(line[..Math.Max(0, line.IndexOf(':', StringComparison.Ordinal))]),
                "nothing adds a field to a status");
        }
        Promise.Holds(groups == 1 + recipients, "a status has a group for each recipient");
    }

    private static string? Address(string text, bool allowUtf8) =>
        EmailAddress.TryParsePath(Encoding.UTF8.GetBytes($"<{text}>"), allowUtf8, out var address, out _)
            && !address.IsNull ? address.Text : null;
}
