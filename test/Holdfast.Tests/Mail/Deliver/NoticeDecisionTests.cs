using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

public class NoticeDecisionTests
{
    private static bool Sends(NoticeKind kind, DsnNotify notify, string sender = "a@example.org",
        bool failures = true, bool delays = true)
    {
        var recipient = new EnvelopeRecipient("b@example.com", notify);
        var message = new Envelope
        {
            Id = default, ReceivedAt = default, Sender = sender, Recipients = [recipient],
        };
        var route = new MailRoute
        {
            Name = "mail", Rule = "rule 1 (*)", SendFailureNotices = failures, SendDelayNotices = delays,
        };
        var decision = NoticeDecision.For(kind, message, recipient, route);
        Assert.NotEmpty(decision.Reason);
        return decision.Send;
    }

    [Fact]
    public void Nothing_is_sent_to_the_null_sender_or_against_never()
    {
        foreach (var kind in Enum.GetValues<NoticeKind>())
        {
            foreach (var notify in Enumerable.Range(0, 16))
                Assert.False(Sends(kind, (DsnNotify)notify, sender: ""));
            Assert.False(Sends(kind, DsnNotify.Never));
        }
    }

    [Theory]
    [InlineData(DsnNotify.Default, true, true, false)]
    [InlineData(DsnNotify.Failure, true, false, false)]
    [InlineData(DsnNotify.Delay, false, true, false)]
    [InlineData(DsnNotify.Success, false, false, true)]
    [InlineData(DsnNotify.Success | DsnNotify.Failure | DsnNotify.Delay, true, true, true)]
    public void Notify_is_followed(DsnNotify notify, bool failure, bool delay, bool success)
    {
        Assert.Equal(failure, Sends(NoticeKind.Failure, notify));
        Assert.Equal(delay, Sends(NoticeKind.Delay, notify));
        Assert.Equal(success, Sends(NoticeKind.Relayed, notify));
        Assert.Equal(success, Sends(NoticeKind.Delivered, notify));
    }

    [Fact]
    public void A_route_can_switch_its_notices_off()
    {
        Assert.False(Sends(NoticeKind.Failure, DsnNotify.Default, failures: false));
        Assert.True(Sends(NoticeKind.Delay, DsnNotify.Default, failures: false));
        Assert.False(Sends(NoticeKind.Delay, DsnNotify.Default, delays: false));
        Assert.True(Sends(NoticeKind.Delivered, DsnNotify.Success, failures: false, delays: false));
    }
}
