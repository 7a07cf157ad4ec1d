using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>The provider's pace, kept by real sessions.</summary>
public class SessionPacingTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    /// <summary>A mailbox takes 20 messages an hour, 8 of them at once.</summary>
    private static DeliveryWorld World(ProviderProfile profile = ProviderProfile.ExchangeOnline) => new(
        route: new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "*", Service = "mail", Profile = profile }],
        },
        pace: new PaceOptions { MailboxPerHour = 20, Margin = 1, PairShare = 1, BurstShare = 0.4 });

    private static List<SpooledMessage> Send(DeliveryWorld world, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => world.Spool.Add("a@example.org", ["b@example.com"]))];

    [Fact]
    public async Task What_a_mailbox_may_get_at_once_goes_and_the_rest_waits_without_an_attempt()
    {
        await using var world = World();
        var all = Send(world, 9);
        await world.UntilAsync(() => all.Count(m => m.Progress.IsFinal) == 8 && world.Flow.Counts.Scheduled == 1, Soon);
        var waiting = Assert.Single(all, m => !m.Progress.IsFinal).Progress.Recipients[0];
        Assert.Equal(0, waiting.Attempts);
        Assert.Contains("hourly limit", waiting.LastReply, StringComparison.Ordinal);
        // 12 an hour after the burst: five minutes each.
        await world.PassAsync(TimeSpan.FromMinutes(4.9));
        Assert.Equal(8, world.NaTarget.Mail.Count);
        await world.UntilAsync(() => world.NaTarget.Mail.Count == 9, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task A_route_without_a_profile_is_not_paced()
    {
        await using var world = World(ProviderProfile.None);
        var all = Send(world, 20);
        await world.UntilAsync(() => all.TrueForAll(m => m.Progress.IsFinal), Soon);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Recipients_cut_by_the_targets_limit_are_counted_once_they_are_offered(bool announced)
    {
        await using var world = World();
        var taken = 0;
        if (announced)
            world.NaTarget.Offers = ["PIPELINING", "LIMITS RCPTMAX=1"];
        else
            world.NaTarget.Script = l =>
            {
                taken = l.StartsWith("MAIL", StringComparison.Ordinal) ? 0 : taken;
                return l.StartsWith("RCPT", StringComparison.Ordinal) && ++taken > 1
                    ? "452 4.5.3 too many recipients" : null;
            };
        // Each goes to eight mailboxes, one a transaction: the last would be counted eight times.
        string[] to = [.. Enumerable.Range(0, 8).Select(i => $"r{i}@example.com")];
        foreach (var _ in Enumerable.Range(0, 7))
            await world.EndAsync(world.Spool.Add("a@example.org", to), Soon);
        Assert.Equal(56, world.NaTarget.Mail.Count);
    }

    [Fact]
    public async Task A_message_that_never_reached_the_mailbox_is_not_counted()
    {
        await using var world = World();
        world.NaTarget.Refuses = world.EuTarget.Refuses = true;
        Send(world, 20);
        await world.PassAsync(TimeSpan.FromSeconds(5));
        world.NaTarget.Refuses = world.EuTarget.Refuses = false;
        await world.UntilAsync(() => world.NaTarget.Mail.Count + world.EuTarget.Mail.Count == 8,
            TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_refused_sender_costs_the_mailbox_nothing()
    {
        await using var world = World();
        world.NaTarget.Script = l => l.StartsWith("MAIL FROM:<bad@", StringComparison.Ordinal)
            ? "550 5.7.1 not from you" : null;
        for (var i = 0; i < 10; i++)
            await world.EndAsync(world.Spool.Add("bad@example.org", ["b@example.com"]), Soon);
        var all = Send(world, 8);
        await world.UntilAsync(() => all.TrueForAll(m => m.Progress.IsFinal), Soon);
        Assert.Equal(8, world.NaTarget.Mail.Count);
    }
}
