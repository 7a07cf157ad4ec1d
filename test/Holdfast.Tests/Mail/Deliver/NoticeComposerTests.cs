using System.Text;
using CsCheck;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using MimeKit;

namespace Holdfast.Tests.Mail.Deliver;

public class NoticeComposerTests
{
    private static readonly DateTimeOffset Then = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);
    private static readonly byte[] Content = Encoding.UTF8.GetBytes(
        "From: Anna <anna@example.org>\r\nTo: bob@example.com\r\nSubject: Minutes\r\n"
        + "Message-ID: <42@example.org>\r\n\r\nHello Bob,\r\n.. as agreed.\r\n");

    private static NoticeComposer Composer(int returnBytesMax = 50_000, string contact = "") =>
        new(new NoticeOptions { ReturnBytesMax = returnBytesMax, Contact = contact }, "mx.example.net");

    private static NoticeRequest Request(NoticeKind kind, byte[]? content = null, DsnReturn ret = DsnReturn.Unspecified,
        string sender = "anna@example.org", bool smtpUtf8 = false, params NoticeRecipient[] recipients)
    {
        content ??= Content;
        return new NoticeRequest
        {
            Kind = kind,
            NoticeId = MessageId.Create(Then.AddHours(4), 1, 2),
            Now = Then.AddHours(4),
            Original = new Envelope
            {
                Id = MessageId.Create(Then, 1, 1), ReceivedAt = Then, Sender = sender, SmtpUtf8 = smtpUtf8,
                Recipients = [.. recipients.Select(r => r.Recipient)], EnvelopeId = "QQ314159", Return = ret,
                SizeBytes = content.Length,
            },
            Recipients = recipients,
            Content = content,
            RetryUntil = kind == NoticeKind.Delay ? Then.AddDays(5) : null,
        };
    }

    private static NoticeRecipient Bob(string reply, params int[] status) =>
        new(new EnvelopeRecipient("bob@example.com", OriginalRecipient: "rfc822;robert@example.com"),
            new EnhancedStatus((byte)status[0], (ushort)status[1], (ushort)status[2]), "mailbox is full")
        {
            LastReply = reply, RemoteHost = "mail-na.example.com", LastAttemptAt = Then.AddHours(3),
        };

    private static NoticeRecipient Carl => new(new EnvelopeRecipient("carl@example.com"),
        new EnhancedStatus(4, 4, 7), "its time ran out")
    {
        LastReply = "connection timed out", LastAttemptAt = Then.AddHours(2),
    };

    [Fact]
    public void A_failure_notice_reads_as_it_should() => Golden.Matches("test/corpora/notices/failure.eml",
        Text(Composer(contact: "postmaster@example.net").Compose(
            Request(NoticeKind.Failure, recipients: [Bob("552 5.2.2 Mailbox full", 5, 2, 2), Carl]))));

    [Fact]
    public void A_delay_notice_reads_as_it_should() => Golden.Matches("test/corpora/notices/delay.eml",
        Text(Composer().Compose(
            Request(NoticeKind.Delay, recipients: Bob("451 4.3.2 Temporary server error", 4, 3, 2)))));

    [Fact]
    public void A_relayed_notice_reads_as_it_should() => Golden.Matches("test/corpora/notices/relayed.eml",
        Text(Composer().Compose(Request(NoticeKind.Relayed, recipients: Bob("250 2.0.0 queued", 2, 0, 0)))));

    [Fact]
    public void A_delivered_notice_reads_as_it_should() => Golden.Matches("test/corpora/notices/delivered.eml",
        Text(Composer().Compose(Request(NoticeKind.Delivered, recipients: Bob("250 2.1.5 ok", 2, 1, 5)))));

    [Fact]
    public void A_unicode_notice_reads_as_it_should() => Golden.Matches("test/corpora/notices/unicode.eml",
        Text(Composer().Compose(Request(NoticeKind.Failure, sender: "änne@bücher.example", smtpUtf8: true,
            recipients: new NoticeRecipient(new EnvelopeRecipient("jürgen@example.com"),
                new EnhancedStatus(5, 1, 1), "recipient's address is refused") { LastReply = "550 5.1.1 Öh?" }))));

    [Fact]
    public void A_notice_has_the_null_sender_and_asks_for_no_notice()
    {
        var envelope = Composer().Compose(Request(NoticeKind.Failure, recipients: Carl)).Envelope;
        Assert.Equal("", envelope.Sender);
        Assert.Equal(new EnvelopeRecipient("anna@example.org", DsnNotify.Never), Assert.Single(envelope.Recipients));
        Assert.Equal(NoticeComposer.ListenerName, envelope.Listener);
        Assert.Equal(BodyKind.SevenBit, envelope.Body);
    }

    [Theory]
    [InlineData("Subject: a\0b\r\n\r\ntext\r\n", 2)]
    [InlineData("Subject: ab\r\n\r\ntext\0\r\n", 3)]
    public void A_header_that_data_can_not_carry_is_not_returned(string content, int parts)
    {
        var notice = Composer().Compose(Request(NoticeKind.Failure, Encoding.Latin1.GetBytes(content),
            DsnReturn.Headers, recipients: Carl));
        using var stream = new MemoryStream(notice.Content.ToArray());
        using var message = MimeMessage.Load(stream, TestContext.Current.CancellationToken);
        Assert.Equal(parts, Assert.IsType<Multipart>(message.Body, exactMatch: false).Count);
        Assert.Equal(ContentTraits.None, notice.Envelope.Traits & ContentTraits.HasLongLine);
        Assert.False(notice.Content.Span.Contains((byte)0));
    }

    [Fact]
    public void No_notice_is_made_about_a_message_with_the_null_sender() =>
        Assert.Throws<ArgumentException>(() => Composer().Compose(
            Request(NoticeKind.Failure, sender: "", recipients: Carl)));

    [Fact]
    public void The_message_comes_back_whole_byte_for_byte_up_to_the_bound_and_its_header_beyond()
    {
        var request = Request(NoticeKind.Failure, recipients: Carl);
        Assert.Contains("Hello Bob", Text(Composer(Content.Length).Compose(request)), StringComparison.Ordinal);
        Assert.DoesNotContain("Hello Bob", Text(Composer(Content.Length - 1).Compose(request)),
            StringComparison.Ordinal);
        Assert.Contains(Encoding.UTF8.GetString(Content), Text(Composer().Compose(request)), StringComparison.Ordinal);
    }

    [Fact]
    public void Ret_headers_returns_the_header_alone_and_delays_always_do()
    {
        foreach (var request in new[]
        {
            Request(NoticeKind.Failure, ret: DsnReturn.Headers, recipients: Carl),
            Request(NoticeKind.Delay, ret: DsnReturn.Full, recipients: Carl),
        })
        {
            var text = Text(Composer().Compose(request));
            Assert.Contains("Content-Type: text/rfc822-headers", text, StringComparison.Ordinal);
            Assert.Contains("Subject: Minutes", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Hello Bob", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Replies_and_addresses_cannot_add_fields_or_lines()
    {
        var evil = new NoticeRecipient(
            new EnvelopeRecipient("x\r\nAction: delivered\r\n\r\n@example.com", OriginalRecipient: "rfc822;a\r\nB: c"),
            new EnhancedStatus(5, 0, 0), "r\r\nStatus: 2.0.0")
        {
            LastReply = "550 no\r\nAction: delivered", RemoteHost = "h\r\nX: y",
        };
        using var parsed = Parse(Composer().Compose(Request(NoticeKind.Failure,
            sender: "a\r\nBcc: all@example.org\r\n@example.org", recipients: evil)));
        Assert.Null(parsed.Headers["Bcc"]);
        var status = Assert.IsType<MessageDeliveryStatus>(((Multipart)parsed.Body!)[1]);
        Assert.Equal(2, status.StatusGroups.Count);
        Assert.Equal("failed", Assert.Single(status.StatusGroups[1], h => h.Field == "Action").Value);
        Assert.Equal("5.0.0", Assert.Single(status.StatusGroups[1], h => h.Field == "Status").Value);
    }

    [Fact]
    public void Machines_read_what_was_written()
    {
        using var parsed = Parse(Composer().Compose(
            Request(NoticeKind.Delay, recipients: [Bob("451 4.3.2 Temporary server error", 4, 3, 2), Carl])));
        var report = Assert.IsType<MultipartReport>(parsed.Body);
        Assert.Equal("delivery-status", report.ReportType);
        var groups = Assert.IsType<MessageDeliveryStatus>(report[1]).StatusGroups;
        Assert.Equal("dns; mx.example.net", groups[0]["Reporting-MTA"]);
        Assert.Equal("QQ314159", groups[0]["Original-Envelope-Id"]);
        Assert.Equal("rfc822; robert@example.com", groups[1]["Original-Recipient"]);
        Assert.Equal("smtp; 451 4.3.2 Temporary server error", groups[1]["Diagnostic-Code"]);
        Assert.Equal("dns; mail-na.example.com", groups[1]["Remote-MTA"]);
        Assert.Equal("x-holdfast; connection timed out", groups[2]["Diagnostic-Code"]);
        Assert.Equal("Tue, 27 Jan 2026 17:45:00 +0000", groups[2]["Will-Retry-Until"]);
        Assert.Equal("auto-replied", parsed.Headers["Auto-Submitted"]);
    }

    [Fact]
    public void Any_content_address_and_reply_makes_a_notice_that_parses_with_lines_of_legal_length()
    {
        Gen.Select(Gen.Byte.Array[0, 3_000], Gen.String, Gen.String, Gen.Bool, Gen.Enum<NoticeKind>())
            .Sample((content, address, reply, unicode, kind) =>
            {
                var about = new NoticeRecipient(new EnvelopeRecipient(address, OriginalRecipient: reply),
                    default, address) { LastReply = reply, RemoteHost = address };
                var request = Request(kind, content, sender: address + "a", smtpUtf8: unicode, recipients: about);
                request = request with
                {
                    Original = request.Original with { Traits = NoticeContent.TraitsOf(content) },
                };
                var notice = Composer().Compose(request);
                using var parsed = Parse(notice);
                Assert.Equal(2, Assert.IsType<MessageDeliveryStatus>(((Multipart)parsed.Body!)[1]).StatusGroups.Count);
                Assert.Equal(notice.Content.Length, notice.Envelope.SizeBytes);
            }, iter: 500);
    }

    [Fact]
    public void Long_words_are_broken_below_the_line_limit()
    {
        var about = Bob("550 " + new string('x', 5_000), 5, 0, 0);
        var notice = Composer().Compose(Request(NoticeKind.Failure, recipients: about));
        Assert.Equal(ContentTraits.None, notice.Envelope.Traits & ContentTraits.HasLongLine);
    }

    [Fact]
    public void Eight_bit_content_makes_an_eight_bit_notice()
    {
        var content = Encoding.UTF8.GetBytes("Subject: x\r\n\r\nGrüße\r\n");
        var notice = Composer().Compose(Request(NoticeKind.Failure, content, recipients: Carl));
        Assert.Equal(BodyKind.EightBitMime, notice.Envelope.Body);
        Assert.False(notice.Envelope.SmtpUtf8);
    }

    private static string Text(ComposedNotice notice) => Encoding.UTF8.GetString(notice.Content.Span);

    private static MimeMessage Parse(ComposedNotice notice) =>
        MimeMessage.Load(new MemoryStream(notice.Content.ToArray()));
}
