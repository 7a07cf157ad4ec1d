using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>What a message needs and a target doesn't offer.</summary>
public class LackTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private static SpooledMessage Unicode(DeliveryWorld world) => world.Spool.Add("\u00e4@example.org",
        ["b@example.com"], with: e => e with { SmtpUtf8 = true });

    private static SpooledMessage EightBit(DeliveryWorld world) => world.Spool.Add("a@example.org", ["b@example.com"],
        "Subject: x\r\n\r\n\u00e4\r\n", e => e with { Body = BodyKind.EightBitMime, Traits = ContentTraits.HasEightBit });

    private static SpooledMessage Sized(DeliveryWorld world, int bytes) => world.Spool.Add("a@example.org",
        ["b@example.com"], "Subject: x\r\n\r\n" + new string('x', bytes - 16) + "\r\n");

    [Fact]
    public async Task A_target_that_lacks_SMTPUTF8_is_passed_over_for_another()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING", "8BITMIME"];
        await world.EndAsync(Unicode(world), Soon);
        Assert.Single(world.EuTarget.Mail);
        Assert.Contains(world.EuTarget.Commands, c => c.EndsWith(" SMTPUTF8", StringComparison.Ordinal));
        Assert.DoesNotContain(world.NaTarget.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, "5.6.7")]
    [InlineData(false, "5.6.3")]
    public async Task What_no_target_has_bounces_with_the_code_that_says_so(bool unicode, string status)
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = world.EuTarget.Offers = unicode ? ["PIPELINING", "8BITMIME"]
            : ["PIPELINING", "SMTPUTF8"];
        var message = unicode ? Unicode(world) : EightBit(world);
        await world.EndAsync(message, TimeSpan.FromMinutes(1));
        Assert.Equal(RecipientState.Failed, message.Progress.Recipients[0].State);
        Assert.Contains(status, Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plain_message_goes_to_a_target_that_has_none_of_it()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = [];
        await world.EndAsync(world.Spool.Add("a@example.org", ["b@example.com"]), Soon);
        Assert.Single(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_target_that_answers_HELO_only_is_in_trouble_and_bounces_nothing()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = world.EuTarget.Script = l => l.StartsWith("EHLO", StringComparison.Ordinal)
            ? "502 5.5.1 unknown" : null;
        var message = Unicode(world);
        await world.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        Assert.Empty(world.Spool.Notices);
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public async Task A_target_that_takes_less_than_the_message_is_passed_over(int bytes, bool fits)
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING", "SIZE 1000"];
        await world.EndAsync(Sized(world, bytes), Soon);
        Assert.Single(fits ? world.NaTarget.Mail : world.EuTarget.Mail);
        Assert.Equal(fits, world.NaTarget.Commands.Any(c => c.StartsWith("MAIL", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_message_larger_than_every_target_takes_bounces()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING", "SIZE 1000"];
        world.EuTarget.Offers = ["PIPELINING", "SIZE 2000"];
        var message = Sized(world, 2001);
        await world.EndAsync(message, TimeSpan.FromMinutes(1));
        Assert.Contains("5.3.4", Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
        Assert.DoesNotContain(world.EuTarget.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("SIZE")]
    [InlineData("SIZE 0")]
    public async Task A_target_that_gives_no_limit_takes_any_size(string offer)
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING", offer];
        await world.EndAsync(Sized(world, 100_000), Soon);
        Assert.Single(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_target_that_lacks_8BITMIME_is_passed_over_for_another()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = ["PIPELINING"];
        var message = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\n\u00e4\r\n",
            e => e with { Body = BodyKind.EightBitMime, Traits = ContentTraits.HasEightBit });
        await world.EndAsync(message, Soon);
        Assert.Single(world.EuTarget.Mail);
        Assert.Contains(world.EuTarget.Commands, c => c.EndsWith(" BODY=8BITMIME", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_message_that_no_target_can_carry_bounces()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Offers = world.EuTarget.Offers = ["PIPELINING"];
        var message = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\n\u00e4\r\n",
            e => e with { Body = BodyKind.EightBitMime, Traits = ContentTraits.HasEightBit });
        await world.EndAsync(message, TimeSpan.FromMinutes(1));
        Assert.Equal(RecipientState.Failed, message.Progress.Recipients[0].State);
        Assert.Contains("5.6.3", Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_offered_it_before_is_in_trouble_and_bounces_nothing()
    {
        await using var world = new DeliveryWorld();
        var before = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\nplain\r\n");
        await world.EndAsync(before, Soon);
        world.NaTarget.Offers = world.EuTarget.Offers = ["PIPELINING"];
        await world.PassAsync(TimeSpan.FromMinutes(1));
        var message = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\n\u00e4\r\n",
            e => e with { Body = BodyKind.EightBitMime, Traits = ContentTraits.HasEightBit });
        await world.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        Assert.Empty(world.Spool.Notices);
    }
}
