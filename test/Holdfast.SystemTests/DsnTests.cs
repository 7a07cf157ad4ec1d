using Holdfast.SystemTests.Harness;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Holdfast.SystemTests;

/// <summary>Delivery status notifications (RFC 3461, 3464) between programs of others: MailKit asks, Postfix takes or
/// refuses, MimeKit reads what comes back.</summary>
public class DsnTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task What_a_sender_asks_for_reaches_postfix_and_a_refusal_comes_back_as_a_report()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        // Postfix passes the parameters on, so what the final server sees is what Postfix understood.
        var finalPort = Workspace.FreePort();
        await using var final = new ScriptedTarget(finalPort) { KeepsContents = true };
        await using var postfix = new PrivatePostfix(workspace, "dsn", gateway.HomePort, finalPort,
            "smtpd_recipient_restrictions = check_recipient_access inline:{{gone@example.net = 550 5.1.1 No such mailbox}}, "
            + "permit_mynetworks, reject");
        await postfix.StartAsync();
        await gateway.StartAsync();

        await SendAsync(gateway.SmtpPort, "asked", "QQ+314", DeliveryStatusNotificationType.HeadersOnly,
            DeliveryStatusNotification.Success | DeliveryStatusNotification.Delay, "kept@example.net");
        await Eventually.HoldsAsync(() => final.Has("asked"), Limit, () => gateway.Log + postfix.Log);
        Assert.Contains(final.Envelopes, e => e.StartsWith("MAIL FROM:<ann@example.org>", StringComparison.Ordinal)
            && e.Contains(" RET=HDRS", StringComparison.Ordinal) && e.Contains(" ENVID=QQ+2B314", StringComparison.Ordinal));
        Assert.Contains(final.Envelopes, e => e.StartsWith("RCPT TO:<kept@example.net>", StringComparison.Ordinal)
            && e.Contains(" NOTIFY=SUCCESS,DELAY", StringComparison.Ordinal)
            && e.Contains(" ORCPT=rfc822;kept@example.net", StringComparison.Ordinal));
        // Who can say more comes later: the target offers DSN, so we keep silent.
        Assert.DoesNotContain(final.Contents, c => c.Contains("multipart/report", StringComparison.Ordinal));

        await SendAsync(gateway.SmtpPort, "whole", "whole-1", DeliveryStatusNotificationType.Full,
            DeliveryStatusNotification.Failure, "gone@example.net", "kept@example.net");
        var whole = await ReportAsync(final, "whole-1", () => gateway.Log + postfix.Log);
        Assert.True(final.Has("whole"), "the other recipient got nothing");
        AssertRefused(whole, "whole-1");
        var returned = Assert.IsType<MessagePart>(whole.Report[2]).Message;
        Assert.Equal("whole", returned!.Headers["X-Marker"]);
        Assert.Contains("A body that may come back.", returned.TextBody, StringComparison.Ordinal);

        await SendAsync(gateway.SmtpPort, "header", "header-1", DeliveryStatusNotificationType.HeadersOnly,
            DeliveryStatusNotification.Failure, "gone@example.net");
        var header = await ReportAsync(final, "header-1", () => gateway.Log + postfix.Log);
        AssertRefused(header, "header-1");
        var part = Assert.IsType<TextRfc822Headers>(header.Report[2]);
        Assert.Equal("header", part.Message!.Headers["X-Marker"]);
        Assert.True(string.IsNullOrEmpty(part.Message.TextBody), part.Message.TextBody);

        // NOTIFY=NEVER: refused, recorded, and nobody is told.
        var before = final.Contents.Count;
        await SendAsync(gateway.SmtpPort, "never", "never-1", DeliveryStatusNotificationType.Full,
            DeliveryStatusNotification.Never, "gone@example.net");
        await Eventually.HoldsAsync(async () => await gateway.WaitingAsync() == 0, Limit, () => gateway.Log);
        await SendAsync(gateway.SmtpPort, "after", "after-1", DeliveryStatusNotificationType.Full,
            DeliveryStatusNotification.Failure, "kept@example.net");
        await Eventually.HoldsAsync(() => final.Has("after"), Limit, () => gateway.Log + postfix.Log);
        Assert.Equal(before + 1, final.Contents.Count);
        Assert.DoesNotContain(final.Contents, c => c.Contains("never-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_a_target_knows_nothing_of_DSN_we_say_that_the_message_was_passed_on()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort)
        {
            KeepsContents = true, Extensions = ["PIPELINING", "8BITMIME"],
        };
        await gateway.StartAsync();
        await SendAsync(gateway.SmtpPort, "plain", "relayed-1", DeliveryStatusNotificationType.Full,
            DeliveryStatusNotification.Success, "bob@example.net");
        var (message, report, status) = await ReportAsync(na, "relayed-1", () => gateway.Log);
        Assert.Equal("relayed", status.StatusGroups[1]["Action"]);
        Assert.StartsWith("2.", status.StatusGroups[1]["Status"], StringComparison.Ordinal);
        Assert.Equal("ann@example.org", Assert.Single(message.To.Mailboxes).Address);
        Assert.Equal(3, report.Count);
        Assert.DoesNotContain(na.Envelopes, e => e.Contains("NOTIFY", StringComparison.Ordinal)
            || e.Contains("RET=", StringComparison.Ordinal) || e.Contains("ENVID", StringComparison.Ordinal));
    }

    private static void AssertRefused((MimeMessage Message, MultipartReport Report, MessageDeliveryStatus Status) found,
        string envelopeId)
    {
        var (message, report, status) = found;
        Assert.Equal("delivery-status", report.ReportType);
        Assert.Equal("ann@example.org", Assert.Single(message.To.Mailboxes).Address);
        Assert.Equal("auto-replied", message.Headers[HeaderId.AutoSubmitted]);
        Assert.Equal(2, status.StatusGroups.Count);
        Assert.Equal("dns; holdfast.test", status.StatusGroups[0]["Reporting-MTA"]);
        Assert.Equal(envelopeId, status.StatusGroups[0]["Original-Envelope-Id"]);
        var recipient = status.StatusGroups[1];
        Assert.Equal("rfc822; gone@example.net", recipient["Final-Recipient"]);
        Assert.Equal("rfc822; gone@example.net", recipient["Original-Recipient"]);
        Assert.Equal("failed", recipient["Action"]);
        Assert.Equal("5.1.1", recipient["Status"]);
        Assert.StartsWith("smtp; 550 5.1.1", recipient["Diagnostic-Code"], StringComparison.Ordinal);
        Assert.Contains("No such mailbox", recipient["Diagnostic-Code"], StringComparison.Ordinal);
        Assert.StartsWith("dns; ", recipient["Remote-MTA"], StringComparison.Ordinal);
        Assert.Contains("No such mailbox", Assert.IsType<TextPart>(report[0]).Text, StringComparison.Ordinal);
    }

    /// <summary>The report with this envelope id, once it came.</summary>
    private static async Task<(MimeMessage Message, MultipartReport Report, MessageDeliveryStatus Status)> ReportAsync(
        ScriptedTarget at, string envelopeId, Func<string> log)
    {
        string? Find() => at.Contents.FirstOrDefault(c =>
            c.Contains("Original-Envelope-Id: " + envelopeId, StringComparison.Ordinal));
        await Eventually.HoldsAsync(() => Find() is not null, Limit, () => $"no report for {envelopeId}\n{log()}");
        Assert.Contains(at.Envelopes, e => e.StartsWith("MAIL FROM:<>", StringComparison.Ordinal));
        var message = await MimeMessage.LoadAsync(new MemoryStream(System.Text.Encoding.Latin1.GetBytes(Find()!)));
        var report = Assert.IsType<MultipartReport>(message.Body);
        return (message, report, Assert.IsType<MessageDeliveryStatus>(report[1]));
    }

    private static async Task SendAsync(int port, string marker, string envelopeId, DeliveryStatusNotificationType returns,
        DeliveryStatusNotification notify, params string[] recipients)
    {
        using var message = new MimeMessage();
        message.From.Add(new MailboxAddress("", "ann@example.org"));
        foreach (var recipient in recipients)
            message.To.Add(new MailboxAddress("", recipient));
        message.Subject = marker;
        message.Headers.Add("X-Marker", marker);
        message.Body = new TextPart("plain") { Text = "A body that may come back.\r\n" };
        using var client = new AskingClient(envelopeId, notify) { DeliveryStatusNotificationType = returns };
        await client.ConnectAsync("127.0.0.1", port, SecureSocketOptions.None);
        await client.SendAsync(message);
        await client.DisconnectAsync(true);
    }

    private sealed class AskingClient(string envelopeId, DeliveryStatusNotification notify) : SmtpClient
    {
        protected override string GetEnvelopeId(MimeMessage message) => envelopeId;
        protected override DeliveryStatusNotification? GetDeliveryStatusNotifications(MimeMessage message,
            MailboxAddress mailbox) => notify;
    }
}
