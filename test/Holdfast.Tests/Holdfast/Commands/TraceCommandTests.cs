using Holdfast.Commands;
using Holdfast.Mail.Deliver;
using Holdfast.Operator;
using Holdfast.Tests.Mail.Queue;

namespace Holdfast.Tests.Commands;

public class TraceCommandTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);

    private static StoryView Story(string? id) => new(id, "a@example.org", ["b@example.com"], At, At, "Waiting",
        "accepted; no attempt is on record yet", [], false);

    private static string Write(params StoryView[] stories)
    {
        var output = new StringWriter();
        TraceCommand.Write(output, new TraceView(stories, false));
        return output.ToString();
    }

    [Fact]
    public async Task What_the_queue_says_of_a_message_is_added_to_what_is_on_record()
    {
        using var fixture = new QueueFixture();
        var message = fixture.Add("a@example.org", ["b@example.com"]);
        fixture.Views[message.Handle] = [QueueFixture.View(message.Handle, EntryState.InDelivery, isClosed: true)];
        var trace = new TraceView([Story(message.Envelope.Id.ToString()), Story("01KFXW3E4H0000000000000042"),
            Story(null)], true);
        var told = await trace.WithQueueAsync(fixture.Desk, QueueFixture.Abort);
        Assert.Equal(["mail-na closed", null, null], told.Messages.Select(m => m.Now));
        Assert.True(told.HasMore);
        var none = await new TraceView([Story(null)], false).WithQueueAsync(fixture.Desk, QueueFixture.Abort);
        Assert.Null(Assert.Single(none.Messages).Now);
    }

    [Fact]
    public void An_attempt_under_way_is_told_below_the_steps_of_one_and_in_the_line_of_each_of_many()
    {
        var story = Story("01KFXW3E4H0000000000000042") with { Now = "an attempt is under way" };
        Assert.EndsWith("now: an attempt is under way" + Environment.NewLine, Write(story), StringComparison.Ordinal);
        Assert.Contains("; now: an attempt is under way", Write(story, Story(null)), StringComparison.Ordinal);
        Assert.DoesNotContain("now:", Write(Story(null)), StringComparison.Ordinal);
    }
}
