using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Each reply is the answer to one command: what a target says beyond that is never taken for another's.
/// </summary>
public class ReplyOrderTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("250 2.0.0 taken\r\n250 2.0.0 taken")]
    [InlineData("250 2.0.0 taken\r\n550 5.7.1 no")]
    [InlineData("250 2.0.0 taken\r\n25")]
    public async Task A_reply_too_many_after_the_dot_is_not_the_next_messages_answer(string answer)
    {
        await using var world = new DeliveryWorld();
        var again = true;
        world.NaTarget.Script = l =>
        {
            if (l != "." || !again)
                return null;
            again = false;
            return answer;
        };
        var first = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(first, Soon);
        var second = world.Spool.Add("a@example.org", ["c@example.com"]);
        await world.EndAsync(second, Soon);
        Assert.Equal(["b@example.com", "c@example.com"], world.NaTarget.Mail.SelectMany(m => m.Recipients));
        Assert.Equal(RecipientState.Delivered, second.Progress.Recipients[0].State);
        Assert.Equal(2, world.NaTarget.Connections);
        Assert.Equal(1, world.Counted("holdfast.deliver.unasked_replies"));
        Assert.DoesNotContain(world.Journal.Records, r => r.Kind == EvidenceKind.Moved);
    }

    [Fact]
    public async Task What_comes_unasked_on_an_idle_connection_ends_it_before_it_is_used()
    {
        await using var world = new DeliveryWorld();
        var first = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(first, Soon);
        await world.NaTarget.SayAsync("421 4.4.2 idle too long");
        var second = world.Spool.Add("a@example.org", ["c@example.com"]);
        await world.EndAsync(second, Soon);
        Assert.Equal(2, world.NaTarget.Mail.Count);
        Assert.Equal(2, world.NaTarget.Connections);
        Assert.Equal(1, world.Counted("holdfast.deliver.unasked_replies"));
    }

    [Fact]
    public async Task A_quiet_connection_is_used_again_and_counted_nowhere()
    {
        await using var world = new DeliveryWorld();
        foreach (var to in new[] { "b@example.com", "c@example.com" })
            await world.EndAsync(world.Spool.Add("a@example.org", [to]), Soon);
        Assert.Equal(1, world.NaTarget.Connections);
        Assert.Equal(0, world.Counted("holdfast.deliver.unasked_replies"));
    }

    [Fact]
    public async Task A_250_that_comes_before_the_dot_delivers_nothing()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l switch
        {
            "DATA" => "354 go on\r\n250 2.0.0 taken",
            "." => "452 4.3.1 no space",
            _ => null,
        };
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Empty(world.NaTarget.Mail);
        Assert.Single(world.EuTarget.Mail);
        Assert.Equal(0, message.Progress.Recipients[0].UnknownOutcomes);
    }

    [Fact]
    public async Task A_refusal_that_comes_before_the_dot_is_the_answer()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l == "DATA" ? "354 go on\r\n554 5.7.1 not this one" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(RecipientState.Failed, message.Progress.Recipients[0].State);
        Assert.Empty(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_reply_too_many_in_the_envelope_bounces_nobody()
    {
        await using var world = new DeliveryWorld();
        // One more answer to MAIL shifts all that follow: c's refusal would be d's.
        world.NaTarget.Script = l => l.StartsWith("MAIL", StringComparison.Ordinal) ? "250 2.1.0 ok\r\n250 2.1.0 ok"
            : l.StartsWith("RCPT TO:<c@", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
        world.EuTarget.Script = _ => null;
        var message = world.Spool.Add("a@example.org", ["b@example.com", "c@example.com", "d@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.All(message.Progress.Recipients, r => Assert.Equal(RecipientState.Delivered, r.State));
        Assert.Equal(3, Assert.Single(world.EuTarget.Mail).Recipients.Count);
        Assert.Empty(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_refusal_of_DATA_in_the_wrong_place_bounces_nobody()
    {
        await using var world = new DeliveryWorld();
        // The answer to DATA comes in the same stretch: one that came later could not be seen in time.
        world.NaTarget.Script = l => l.StartsWith("RCPT TO:<c@", StringComparison.Ordinal)
            ? "550 5.1.1 no such user\r\n550 5.1.1 no such user\r\n354 go on" : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com", "c@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.All(message.Progress.Recipients, r => Assert.Equal(RecipientState.Delivered, r.State));
        Assert.Empty(world.NaTarget.Mail);
    }

    [Fact]
    public async Task A_server_that_greets_twice_gets_no_mail()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Greeting = "220 target.example ESMTP\r\n250 target.example";
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Empty(world.NaTarget.Commands);
        Assert.Single(world.EuTarget.Mail);
    }
}
