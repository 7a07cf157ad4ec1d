using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Mail of ours that goes to one site and nowhere else.</summary>
public class DirectDispatchTests
{
    private static readonly byte[] Content = "Subject: x\r\n\r\n.dot\r\n"u8.ToArray();

    private static Envelope To(string recipient) => new()
    {
        Id = new MessageId(1, 1), ReceivedAt = default, Sender = "", SizeBytes = Content.Length,
        Recipients = [new EnvelopeRecipient(recipient, DsnNotify.Never)],
    };

    private static Task<DirectResult> SendAsync(DeliveryWorld world, string site = "mail-eu",
        CancellationToken abort = default) => world.Flow.Direct.SendAsync(site, To("canary@example.com"), Content, abort);

    [Fact]
    public async Task It_goes_to_the_site_named_though_home_is_well_and_nothing_is_kept_of_it()
    {
        await using var world = new DeliveryWorld();
        var result = await SendAsync(world);
        Assert.True(result.IsTaken, result.Text);
        var mail = Assert.Single(world.EuTarget.Mail);
        Assert.Equal("Subject: x\r\n\r\n.dot\r\n", mail.Content);
        Assert.Contains(world.EuTarget.Commands, c => c == "RCPT TO:<canary@example.com> NOTIFY=NEVER");
        Assert.Empty(world.NaTarget.Mail);
        Assert.Equal(0, world.Flow.Counts.InDelivery);
        Assert.Empty(world.Journal.Records);
        Assert.Equal(0, world.Flow.Connections);
    }

    [Theory]
    [InlineData("451 4.3.2 not now", true)]
    [InlineData("421 4.3.0 closing", true)]
    [InlineData("550 5.1.1 no such user", false)]
    [InlineData("450 4.2.1 mailbox busy", false)]
    [InlineData("451 4.7.500 server busy", false)]
    public async Task A_refusal_speaks_against_the_site_or_does_not(string reply, bool isSitesFault)
    {
        await using var world = new DeliveryWorld();
        world.EuTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? reply : null;
        var result = await SendAsync(world);
        Assert.False(result.IsTaken);
        Assert.Equal(isSitesFault, result.IsSitesFault);
    }

    [Fact]
    public async Task What_cannot_be_reached_is_the_sites_fault_and_a_site_unknown_is_not()
    {
        await using var world = new DeliveryWorld();
        world.EuTarget.Refuses = true;
        var result = await SendAsync(world);
        Assert.False(result.IsTaken);
        Assert.True(result.IsSitesFault);
        Assert.False((await SendAsync(world, "mail-xx")).IsSitesFault);
        // The board judges by users' mail and by what the canaries say in the end, not by this.
        Assert.Equal(VerdictState.Healthy, world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites
            .Single(s => s.Site == "mail-eu").Verdict.State);
    }

    [Fact]
    public async Task What_breaks_after_the_dot_counts_as_taken_and_what_we_break_off_says_nothing()
    {
        await using var world = new DeliveryWorld();
        using var stop = new CancellationTokenSource();
        world.EuTarget.Script = l => l == "." ? ScriptedTarget.Reset : null;
        Assert.True((await SendAsync(world)).IsTaken);
        await stop.CancelAsync();
        var result = await SendAsync(world, abort: stop.Token);
        Assert.False(result.IsTaken);
        Assert.False(result.IsSitesFault);
    }
}
