using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>New options hold from the reload on, for what waits too.</summary>
public class DeliveryReloadTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private static Task Deliver(DeliveryWorld world, string to = "b@example.com") =>
        world.EndAsync(world.Spool.Add("a@example.org", [to]), Soon);

    [Fact]
    public async Task Options_take_effect_with_the_reload_and_not_before()
    {
        await using var world = new DeliveryWorld();
        await Deliver(world);
        world.Deliver.CurrentValue = new DeliverOptions { MessagesPerConnectionMax = 1, HelloName = "new.example" };
        await Deliver(world);
        Assert.Equal(1, world.NaTarget.Connections);
        await world.Flow.ReloadAsync(rulesChanged: false, CancellationToken.None);
        // The connection at hand has had its share by the new count.
        await Deliver(world);
        await Deliver(world);
        Assert.Equal(3, world.NaTarget.Connections);
        Assert.Contains("EHLO new.example", world.NaTarget.Commands);
    }

    [Fact]
    public async Task The_most_attempts_at_once_follow_a_reload()
    {
        await using var world = new DeliveryWorld(o => o.InFlightMax = 1);
        world.NaTarget.Script = l => l == "." ? ScriptedTarget.Silence : null;
        for (var i = 0; i < 3; i++)
            world.Spool.Add("a@example.org", [$"r{i}@example.com"]);
        await world.UntilAsync(() => world.NaTarget.Commands.Contains("."), Soon);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, world.Flow.Counts.InDelivery);
        world.Deliver.CurrentValue = new DeliverOptions { InFlightMax = 2 };
        await world.Flow.ReloadAsync(rulesChanged: false, CancellationToken.None);
        await world.UntilAsync(() => world.Flow.Counts.InDelivery == 2, Soon);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(2, world.Flow.Counts.InDelivery);
    }

    [Fact]
    public async Task Retry_times_follow_a_reload()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "452 4.2.2 mailbox full" : null;
        world.Retry.CurrentValue = new RetryOptions
        {
            RetryDelayFirst = TimeSpan.FromMinutes(20), RetryDelayMin = TimeSpan.FromMinutes(20), RetryJitter = 0,
        };
        await world.Flow.ReloadAsync(rulesChanged: false, CancellationToken.None);
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].NextAttemptAt is not null, Soon);
        Assert.InRange(message.Progress.Recipients[0].NextAttemptAt!.Value - world.Time.GetUtcNow(),
            TimeSpan.FromMinutes(19), TimeSpan.FromMinutes(20));
    }

    [Fact]
    public async Task Mail_that_waited_for_a_rule_goes_once_there_is_one()
    {
        await using var world = new DeliveryWorld(route: new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "example.net", Service = "mail" }],
        });
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.PassAsync(TimeSpan.FromSeconds(2));
        Assert.False(message.Progress.IsFinal);
        world.Routes.CurrentValue = new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "*", Service = "mail" }],
        };
        await world.Flow.ReloadAsync(rulesChanged: true, CancellationToken.None);
        await world.EndAsync(message, Soon);
        Assert.Single(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_reload_does_not_forget_what_mailboxes_got_within_the_hour()
    {
        await using var world = new DeliveryWorld(route: new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "*", Service = "mail", Profile = ProviderProfile.ExchangeOnline }],
        }, pace: new PaceOptions { MailboxPerHour = 10, Margin = 1, PairShare = 1, BurstShare = 0.3 });
        for (var i = 0; i < 3; i++)
            await Deliver(world);
        await world.Flow.ReloadAsync(rulesChanged: false, CancellationToken.None);
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].NextAttemptAt is not null, Soon);
        Assert.Equal(3, world.NaTarget.Mail.Count);
    }
}
