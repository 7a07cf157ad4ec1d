using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Attempts of which nobody can say whether they delivered: the final dot may have been taken.</summary>
public class UnknownOutcomeTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(ScriptedTarget.Reset)]
    [InlineData(ScriptedTarget.Silence)]
    public async Task No_reply_to_the_final_dot_is_an_unknown_outcome_and_comes_back_to_the_same_site(string answer)
    {
        await using var world = new DeliveryWorld(o => o.FinalDotTimeout = TimeSpan.FromSeconds(20));
        var first = true;
        world.NaTarget.Script = l =>
        {
            if (l != "." || !first)
                return null;
            first = false;
            return answer;
        };
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        var recipient = message.Progress.Recipients[0];
        await world.UntilAsync(() => recipient.State == RecipientState.OutcomeUnknown && world.Flow.Sessions == 0,
            TimeSpan.FromSeconds(30));
        Assert.Equal(1, recipient.UnknownOutcomes);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.OutcomeUnknown);
        Assert.True(recipient.NextAttemptAt > world.Time.GetUtcNow() + TimeSpan.FromMinutes(5));
        await world.EndAsync(message, TimeSpan.FromMinutes(15));
        Assert.Equal(RecipientState.Delivered, recipient.State);
        Assert.Single(world.NaTarget.Mail);
        Assert.Empty(world.EuTarget.Mail);
    }

    [Fact]
    public async Task A_write_with_the_dot_that_fails_may_have_arrived_so_the_outcome_is_unknown()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Fails = w => w.EndsWith("\r\n.\r\n", StringComparison.Ordinal) ? WriteFault.Both
            : WriteFault.None;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        var recipient = message.Progress.Recipients[0];
        await world.UntilAsync(() => recipient.State == RecipientState.OutcomeUnknown && world.Flow.Sessions == 0, Soon);
        await world.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, recipient.UnknownOutcomes);
        Assert.Single(world.NaTarget.Mail);
        Assert.Empty(world.EuTarget.Mail);
        Assert.Contains(world.Journal.Records, r => r.Kind == EvidenceKind.OutcomeUnknown);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_unknown_outcome_is_in_evidence_before_the_spool_forgets_that_an_attempt_was_open(bool byCrash)
    {
        await using var world = new DeliveryWorld();
        var written = new TaskCompletionSource();
        world.Journal.Flushed = written.Task;
        if (!byCrash)
            world.NaTarget.Script = l => l == "." ? ScriptedTarget.Reset : null;
        world.Spool.AnnouncesLoaded = !byCrash;
        var message = world.Spool.Add("a@example.org", ["b@example.com"],
            progress: p => p.AttemptOpenAt = byCrash ? "mail-na/127.0.0.1:2601" : null);
        await world.UntilAsync(() => world.Journal.Records.Any(r => r.Kind == EvidenceKind.OutcomeUnknown), Soon);
        Assert.Equal(0u, message.Progress.Version);
        written.SetResult();
        // It may be tried again, and be delivered, before we look.
        await world.UntilAsync(() => message.Progress.Version > 0, Soon);
        Assert.Equal(1, message.Progress.Recipients[0].UnknownOutcomes);
    }

    [Fact]
    public async Task Evidence_that_cannot_be_written_does_not_hold_up_mail()
    {
        await using var world = new DeliveryWorld();
        world.Journal.Flushed = new TaskCompletionSource().Task;
        world.Spool.AnnouncesLoaded = false;
        var message = world.Spool.Add("a@example.org", ["b@example.com"],
            progress: p => p.AttemptOpenAt = "mail-na/127.0.0.1:2601");
        await world.EndAsync(message, TimeSpan.FromSeconds(10));
        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
    }

    [Theory]
    [InlineData("250 2.0.0 taken", RecipientState.Delivered)]
    [InlineData("550 5.7.1 not this one", RecipientState.Failed)]
    public async Task What_the_target_says_after_a_failed_write_of_the_dot_is_its_answer(string answer,
        RecipientState state)
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l == "." ? answer : null;
        world.NaTarget.Fails = w => w.EndsWith("\r\n.\r\n", StringComparison.Ordinal) ? WriteFault.Writing
            : WriteFault.None;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(state, message.Progress.Recipients[0].State);
        Assert.Equal(0, message.Progress.Recipients[0].UnknownOutcomes);
        Assert.Empty(world.EuTarget.Mail);
    }

    [Fact]
    public async Task A_write_that_fails_before_the_dot_delivered_nothing_and_the_message_goes_elsewhere()
    {
        await using var world = new DeliveryWorld(o => o.GatherBytesMax = 4096);
        world.NaTarget.Fails = w => w.StartsWith("Subject", StringComparison.Ordinal) ? WriteFault.Both
            : WriteFault.None;
        var content = "Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 900) + "\r\n", 300));
        var message = world.Spool.Add("a@example.org", ["b@example.com"], content);
        await world.EndAsync(message, Soon);
        Assert.Equal(0, message.Progress.Recipients[0].UnknownOutcomes);
        Assert.Single(world.EuTarget.Mail);
    }

    [Fact]
    public async Task A_crash_after_the_final_dot_counts_as_unknown_and_is_tried_at_once()
    {
        await using var world = new DeliveryWorld();
        world.Spool.AnnouncesLoaded = false;
        var message = world.Spool.Add("a@example.org", ["b@example.com"],
            progress: p => p.AttemptOpenAt = $"mail-eu/127.0.0.1:{DeliveryWorld.Eu}");
        await world.EndAsync(message, Soon);
        Assert.Equal(1, message.Progress.Recipients[0].UnknownOutcomes);
        Assert.Single(world.EuTarget.Mail);
        Assert.Null(message.Progress.AttemptOpenAt);
    }

    [Fact]
    public async Task A_stop_without_a_drain_notes_what_it_broke_off_before_it_ends()
    {
        await using var world = new DeliveryWorld();
        world.NaTarget.Script = l => l == "." ? ScriptedTarget.Silence : null;
        var messages = Enumerable.Range(0, 5).Select(i => world.Spool.Add($"a{i}@example.org", ["b@example.com"])).ToList();
        await world.UntilAsync(() => world.NaTarget.Commands.Count(c => c == ".") == 5, Soon);
        using var now = new CancellationTokenSource();
        var drain = world.Flow.DrainAsync(now.Token);
        await now.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => drain);
        Assert.All(messages, m => Assert.Equal(RecipientState.OutcomeUnknown, m.Progress.Recipients[0].State));
        Assert.Equal(0, world.Flow.Sessions);
    }

    [Fact]
    public async Task A_drain_breaks_off_what_does_not_end_in_time()
    {
        await using var world = new DeliveryWorld(o => o.DrainTimeout = TimeSpan.FromSeconds(2));
        world.NaTarget.Script = l => l == "." ? ScriptedTarget.Silence : null;
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => world.NaTarget.Commands.Contains("."), Soon);
        var drain = world.Flow.DrainAsync(CancellationToken.None);
        await world.PassAsync(TimeSpan.FromSeconds(1.9));
        Assert.False(drain.IsCompleted);
        await world.PassAsync(TimeSpan.FromSeconds(0.2));
        await drain;
        Assert.Equal(RecipientState.OutcomeUnknown, message.Progress.Recipients[0].State);
    }
}
