using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>An operator ends a message before its time.</summary>
public sealed class OperatorExpiryTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static async Task<(DeliveryWorld World, SpooledMessage Message)> WaitingAsync(RouteOptions? route = null,
        Func<Envelope, Envelope>? with = null)
    {
        var world = new DeliveryWorld(route: route);
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com", "c@example.com", "d@example.net"], with: with);
        await world.UntilAsync(() => world.Flow.Counts is { Ready: 0, InDelivery: 0 }
            && message.Progress.Recipients.All(r => r.LastReply is not null), Soon);
        return (world, message);
    }

    [Fact]
    public async Task The_sender_gets_one_notice_that_names_every_recipient()
    {
        var (world, message) = await WaitingAsync();
        await using var _ = world;
        Assert.Equal(DeliveryActOutcome.Done,
            await world.Flow.Desk.ActAsync(DeliveryAct.Expire, message.Handle, "old", "uid 7"));
        var notice = Assert.Single(world.Spool.Notices);
        Assert.Equal(3, notice.Content.Split("Final-Recipient:").Length - 1);
        Assert.Contains("ended by an operator", notice.Content, StringComparison.Ordinal);
        Assert.DoesNotContain("uid 7", notice.Content, StringComparison.Ordinal);
        Assert.All(message.Progress.Recipients, r => Assert.Equal(RecipientState.Expired, r.State));
    }

    [Fact]
    public async Task A_recipient_whose_route_sends_no_notices_is_not_in_it()
    {
        var (world, message) = await WaitingAsync(new RouteOptions
        {
            Rules =
            [
                new RouteRuleOptions { Domain = "example.net", Service = "mail", SendFailureNotices = false },
                new RouteRuleOptions { Domain = "*", Service = "mail" },
            ],
        });
        await using var _ = world;
        await world.Flow.Desk.ActAsync(DeliveryAct.Expire, message.Handle, null, "uid 7");
        var notice = Assert.Single(world.Spool.Notices);
        Assert.Contains("rfc822; c@example.com", notice.Content, StringComparison.Ordinal);
        Assert.DoesNotContain("rfc822; d@example.net", notice.Content, StringComparison.Ordinal);
        Assert.True(message.Progress.IsFinal);
    }

    [Fact]
    public async Task The_evidence_names_who_ended_it_and_why()
    {
        var (world, message) = await WaitingAsync();
        await using var _ = world;
        await world.Flow.Desk.ActAsync(DeliveryAct.Expire, message.Handle, "the project is over", "uid 7");
        var records = world.Journal.Records.Where(r => r.Kind == EvidenceKind.Expired).ToList();
        Assert.Equal(3, records.Count);
        Assert.All(records, r => Assert.Equal(("uid 7",
            "ended by uid 7, because: the project is over; failure notice"), (r.Actor, r.Reason)));
    }

    [Fact]
    public async Task Without_its_notice_the_message_stays_as_it_was()
    {
        var (world, message) = await WaitingAsync();
        await using var _ = world;
        world.Spool.NoticeResult = AppendResult.OutOfSpace;
        var before = message.Progress.Recipients.Select(r => r.NextAttemptAt).ToList();
        Assert.Equal(DeliveryActOutcome.NoticeNotStored,
            await world.Flow.Desk.ActAsync(DeliveryAct.Expire, message.Handle, null, "uid 7"));
        Assert.False(message.Progress.IsFinal);
        Assert.Equal(before, message.Progress.Recipients.Select(r => r.NextAttemptAt));
        Assert.DoesNotContain(world.Journal.Records, r => r.Kind == EvidenceKind.Expired);
    }

    [Fact]
    public async Task A_notice_of_ours_is_not_expired_since_nobody_would_be_told()
    {
        var (world, message) = await WaitingAsync(with: e => e with { Listener = NoticeComposer.ListenerName });
        await using var _ = world;
        Assert.Equal(DeliveryActOutcome.IsNotice,
            await world.Flow.Desk.ActAsync(DeliveryAct.Expire, message.Handle, null, "uid 7"));
        Assert.False(message.Progress.IsFinal);
        Assert.False(message.Progress.IsHeld);
    }
}
