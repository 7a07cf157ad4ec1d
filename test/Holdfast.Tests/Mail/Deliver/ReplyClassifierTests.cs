using CsCheck;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Smtp;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Mail.Deliver;

public class ReplyClassifierTests
{
    private static SmtpReply Read(string line)
    {
        var code = int.Parse(line[..3], System.Globalization.CultureInfo.InvariantCulture);
        var parts = line[4..].Split(' ', 2);
        var numbers = parts[0].Split('.');
        return numbers.Length == 3 && byte.TryParse(numbers[0], out var c) && ushort.TryParse(numbers[1], out var s)
            && ushort.TryParse(numbers[2], out var d)
                ? new SmtpReply(code, new EnhancedStatus(c, s, d), parts.Length > 1 ? parts[1] : "")
                : new SmtpReply(code, EnhancedStatus.None, line[4..]);
    }

    [Theory]
    [InlineData(AttemptPhase.Mail, "451 4.3.2 Temporary server error", FailureScope.Site, false)]
    [InlineData(AttemptPhase.Rcpt, "451 4.3.2 Temporary server error. Please try again later", FailureScope.Site, false)]
    [InlineData(AttemptPhase.Data, "451 4.3.2 x", FailureScope.Site, false)]
    [InlineData(AttemptPhase.FinalDot, "451 4.3.2 x", FailureScope.Site, false)]
    [InlineData(AttemptPhase.Rcpt, "554 5.3.2 System does not accept", FailureScope.Site, false)]
    [InlineData(AttemptPhase.Rcpt, "432 4.3.2 Concurrent connections limit exceeded", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Mail, "451 4.7.500 Server busy", FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Rcpt, "451 4.7.650 throttled", FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Rcpt, "550 5.7.606 Access denied, banned sending IP", FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Rcpt, "550 5.7.64 TenantAttribution; Relay Access Denied", FailureScope.SourceAddress,
        false)]
    [InlineData(AttemptPhase.Rcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example",
        FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Rcpt, "452 4.2.2 Mailbox full", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Rcpt, "552 5.2.2 Mailbox full", FailureScope.Recipient, true)]
    [InlineData(AttemptPhase.Rcpt, "450 4.2.0 Greylisted", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Rcpt, "450 4.2.1 try later", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Rcpt, "451 4.7.1 Greylisting in action", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Rcpt, "451 Greylisted, please come back", FailureScope.Recipient, false)]
    [InlineData(AttemptPhase.Greeting, "421 4.3.2 Service not available", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Rcpt, "421 4.4.2 host Error: timeout exceeded", FailureScope.Target, false)]
    [InlineData(AttemptPhase.FinalDot, "421 closing", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Mail, "452 4.3.1 Insufficient system resources", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Mail, "452 out of space", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Tls, "454 4.7.0 TLS not available", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Mail, "530 5.7.0 Must issue a STARTTLS command first", FailureScope.Route, false)]
    [InlineData(AttemptPhase.Mail, "550 5.1.8 sender domain", FailureScope.Message, true)]
    [InlineData(AttemptPhase.Mail, "550 no", FailureScope.Message, true)]
    [InlineData(AttemptPhase.Rcpt, "550 5.1.1 unknown user", FailureScope.Recipient, true)]
    [InlineData(AttemptPhase.Rcpt, "550 5.4.1 Recipient address rejected: Access denied", FailureScope.Recipient, true)]
    [InlineData(AttemptPhase.Rcpt, "550 unknown user", FailureScope.Recipient, true)]
    [InlineData(AttemptPhase.FinalDot, "554 5.7.1 spam", FailureScope.Message, true)]
    [InlineData(AttemptPhase.FinalDot, "550 5.5.2 bare newline", FailureScope.Message, true)]
    [InlineData(AttemptPhase.FinalDot, "552 too big", FailureScope.Message, true)]
    [InlineData(AttemptPhase.Greeting, "554 5.7.1 blocked", FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Hello, "550 5.7.1 blocked", FailureScope.SourceAddress, false)]
    [InlineData(AttemptPhase.Rcpt, "451 who knows", FailureScope.Unclassified, false)]
    [InlineData(AttemptPhase.FinalDot, "451 4.4.0 whatever", FailureScope.Unclassified, false)]
    [InlineData(AttemptPhase.Rcpt, "503 5.5.1 bad sequence", FailureScope.Target, false)]
    [InlineData(AttemptPhase.Quit, "421 bye", FailureScope.None, false)]
    [InlineData(AttemptPhase.Rcpt, "250 2.1.5 ok", FailureScope.None, false)]
    [InlineData(AttemptPhase.Data, "354 go on", FailureScope.None, false)]
    [InlineData(AttemptPhase.Data, "250 what", FailureScope.Target, false)]
    public void Replies_reach_as_far_as_they_say(AttemptPhase phase, string reply, FailureScope scope, bool permanent)
    {
        var found = ReplyClassifier.Classify(phase, Read(reply));
        Assert.Equal((scope, permanent), (found.Scope, found.IsPermanent));
    }

    [Fact]
    public void A_mailbox_over_its_hourly_limit_is_left_for_later_and_not_bounced()
    {
        var found = ReplyClassifier.Classify(AttemptPhase.Rcpt, Read("550 5.2.122 rate"));
        Assert.Equal((FailureScope.Recipient, false, RetryAdvice.Later), (found.Scope, found.IsPermanent, found.Advice));
    }

    [Theory]
    [InlineData("452 4.5.3 Too many recipients")]
    [InlineData("452 Too many recipients")]
    [InlineData("552 too many recipients")]
    public void Too_many_recipients_means_another_transaction(string reply) =>
        Assert.Equal(RetryAdvice.AnotherTransaction,
            ReplyClassifier.Classify(AttemptPhase.Rcpt, Read(reply)).Advice);

    [Fact]
    public void An_enhanced_code_of_another_class_is_not_believed()
    {
        var found = ReplyClassifier.Classify(AttemptPhase.Rcpt, Read("450 5.1.1 unknown"));
        Assert.Equal((FailureScope.Recipient, false), (found.Scope, found.IsPermanent));
    }

    [Fact]
    public void No_reply_to_the_final_dot_is_an_unknown_outcome()
    {
        Assert.True(ReplyClassifier.ForFault(AttemptPhase.FinalDot, ConnectionFault.TimedOut).IsOutcomeUnknown);
        Assert.True(ReplyClassifier.ForFault(AttemptPhase.FinalDot, ConnectionFault.Lost).IsOutcomeUnknown);
        Assert.False(ReplyClassifier.ForFault(AttemptPhase.Data, ConnectionFault.Lost).IsOutcomeUnknown);
    }

    [Fact]
    public void Every_reply_in_every_phase_has_a_row_and_only_messages_and_recipients_fail_for_good()
    {
        foreach (var phase in Enum.GetValues<AttemptPhase>().Where(p => p <= AttemptPhase.Quit))
        {
            for (var code = 0; code <= 999; code++)
            {
                for (ushort subject = 0; subject <= 8; subject++)
                {
                    var reply = SmtpReply.Of(code, (byte)(code / 100), subject, 0, "");
                    var found = ReplyClassifier.Classify(phase, reply);
                    Assert.True(found.Row < ReplyClassifier.Rows.Length, $"{phase} {reply} has no row");
                    if (found.IsPermanent)
                        Assert.True(code / 100 == 5 && found.Scope is FailureScope.Recipient or FailureScope.Message);
                }
            }
        }
    }

    [Fact]
    public void Arbitrary_replies_never_throw()
    {
        Gen.Select(Gen.Enum<AttemptPhase>(), Gen.Int, Gen.Byte, Gen.UShort, Gen.UShort, Gen.String)
            .Sample((phase, code, a, b, c, text) =>
                ReplyClassifier.Classify(phase, new SmtpReply(code, new EnhancedStatus(a, b, c), text)).Row < 1000);
    }

    [Fact]
    public void Sorting_a_reply_allocates_nothing()
    {
        var reply = Read("451 4.3.2 Temporary server error");
        ReplyClassifier.Classify(AttemptPhase.Rcpt, reply);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            ReplyClassifier.Classify(AttemptPhase.Rcpt, reply);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
