using CsCheck;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Tests.Mail.Deliver;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Mail.Queue;

public sealed class MailQueueDeskTests : IDisposable
{
    private readonly QueueFixture _queue = new();

    public void Dispose() => _queue.Dispose();

    private SpooledMessage[] AddThree() =>
    [
        _queue.Add("anna@example.org", ["bob@example.com", "carl@example.net"]),
        _queue.Add("news@list.example", ["bob@example.com"], p =>
        {
            p.Recipients[0].LastReply = "451 4.3.2 Temporary server error";
            p.Recipients[0].LastTarget = "mail-na/h:25";
            p.Recipients[0].Attempts = 2;
        }),
        _queue.Add("", ["dora@mx.example"], p => (p.IsHeld, p.HoldReason) = (true, "looks odd")),
    ];

    private async Task<string> Found(QueueSelector selector)
    {
        var listed = await _queue.ListAsync(selector);
        Assert.Equal(listed.Count, await _queue.Desk.CountAsync(selector, QueueFixture.Abort));
        return string.Join(' ', listed.Select(i => i.Sender.Length == 0 ? "<>" : i.Sender.Split('@')[0]));
    }

    [Fact]
    public async Task A_selector_without_conditions_means_nothing_and_all_means_all_oldest_first()
    {
        AddThree();
        Assert.Equal("", await Found(new QueueSelector()));
        Assert.Equal("anna news <>", await Found(new QueueSelector { All = true }));
        var result = await _queue.Desk.ActAsync(QueueActKind.Remove, new QueueSelector(), "op", null,
            QueueFixture.Abort);
        Assert.Equal((0L, 0L), (result.Matched, result.Changed));
        Assert.Empty(_queue.Acts);
    }

    [Fact]
    public async Task Conditions_select_by_every_field_and_all_must_hold()
    {
        var three = AddThree();
        Assert.Equal("anna", await Found(new() { Sender = "ANNA@*" }));
        Assert.Equal("<>", await Found(new() { Sender = "<>" }));
        Assert.Equal("anna news", await Found(new() { Recipient = "bob@example.com" }));
        Assert.Equal("anna", await Found(new() { Destination = "example.net" }));
        Assert.Equal("anna news <>", await Found(new() { Destination = "mail" }));
        Assert.Equal("news", await Found(new() { Destination = "mail-na" }));
        Assert.Equal("news", await Found(new() { Reason = "temporary SERVER" }));
        Assert.Equal("<>", await Found(new() { Reason = "odd" }));
        Assert.Equal("<>", await Found(new() { IsHeld = true }));
        Assert.Equal("anna news", await Found(new() { IsHeld = false }));
        Assert.Equal("anna", await Found(new() { OlderThan = TimeSpan.FromMinutes(3) }));
        Assert.Equal("news <>", await Found(new() { YoungerThan = TimeSpan.FromMinutes(2) }));
        Assert.Equal("news", await Found(new() { Ids = [three[1].Envelope.Id.ToString(), "nonsense"] }));
        Assert.Equal("", await Found(new() { Recipient = "bob@example.com", IsHeld = true }));
    }

    [Fact]
    public async Task Right_after_a_start_a_service_selects_also_what_the_schedule_has_not_read_yet()
    {
        var known = _queue.Add("known@example.org", ["a@example.com"]);
        var unread = _queue.Add("unread@example.org", ["b@example.com"]);
        var other = _queue.Add("other@example.org", ["dora@mx.example"]);
        foreach (var message in new[] { unread, other })
            _queue.Views[message.Handle] = [new EntryView(message.Handle, EntryState.Unrouted, "(not read yet)", "", false,
                0, 3, TimeSpan.Zero, TimeSpan.Zero, false)];
        Assert.Equal("known unread", await Found(new() { Destination = "mail" }));
        Assert.Equal("other", await Found(new() { Destination = "mx.example" }));
        Assert.Equal("unread", await Found(new() { Destination = "mail", Sender = "unread@*" }));
        Assert.Equal(["mail", "mail", "mx.example"],
            (await _queue.ListAsync(new() { All = true })).Select(i => i.Destination));
        var result = await _queue.Desk.ActAsync(QueueActKind.Retry, new() { Destination = "mail" }, "op", null,
            QueueFixture.Abort);
        Assert.Equal((2L, 2L), (result.Matched, result.Changed));
        Assert.Equal([known.Handle, unread.Handle], _queue.Acts.Select(a => a.Handle).ToHashSet());
    }

    [Fact]
    public async Task Recipients_that_are_done_are_neither_shown_nor_selected()
    {
        _queue.Add("a@example.org", ["done@example.com", "waits@example.com"],
            p => p.Recipients[0].State = RecipientState.Delivered);
        Assert.Equal("", await Found(new() { Recipient = "done@*" }));
        Assert.Equal(["waits@example.com"], Assert.Single(await _queue.ListAsync(new() { All = true })).Recipients);
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_or_overlap()
    {
        for (var i = 0; i < 10; i++)
            _queue.Add($"s{i}@example.org", ["b@example.com"]);
        var seen = new List<string>();
        string? after = null;
        while (await _queue.ListAsync(new() { All = true, After = after }, 3) is { Count: > 0 } page)
        {
            seen.AddRange(page.Select(i => i.Sender));
            after = page[^1].Id;
        }
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"s{i}@example.org"), seen);
    }

    [Fact]
    public void A_walk_by_age_in_chunks_gives_everything_once_in_order()
    {
        for (var i = 0; i < 200; i++)
            _queue.Add($"s{i}@example.org", ["b@example.com"]);
        var all = _queue.Spool.Enumerate().Select(m => m.Id).Order().ToList();
        for (var chunk = 1; chunk <= 256; chunk = chunk * 3 / 2 + 1)
        {
            var selection = new MessageSelection(new() { All = true }, Topology.Empty, RouteTable.Empty, _queue,
            _queue.Time.GetUtcNow());
            Assert.Equal(all, OldestFirst.Walk(_queue.Spool, selection, chunk).Select(m => m.Id));
        }
    }

    [Fact]
    public async Task What_memory_can_tell_costs_no_reading()
    {
        AddThree();
        _queue.Spool.Loads = 0;
        Assert.Equal(3, await _queue.Desk.CountAsync(new() { All = true, OlderThan = TimeSpan.Zero, Destination = "mail" },
            QueueFixture.Abort));
        Assert.Equal(0, _queue.Spool.Loads);
    }

    [Fact]
    public async Task Items_say_where_they_stand_and_why()
    {
        var three = AddThree();
        _queue.Views[three[1].Handle] =
            [QueueFixture.View(three[1].Handle, EntryState.Ready, isClosed: true)];
        var items = await _queue.ListAsync(new() { All = true });
        Assert.Equal([QueueState.Scheduled, QueueState.DestinationClosed, QueueState.Held],
            items.Select(i => i.State));
        Assert.Equal("next in 5 min", items[0].Why);
        Assert.Equal("mail-na closed; last reply: 451 4.3.2 Temporary server error", items[1].Why);
        Assert.Equal("held: looks odd", items[2].Why);
        Assert.Equal(_queue.Time.GetUtcNow() + TimeSpan.FromMinutes(5), items[0].NextAttemptAt);
        Assert.Null(items[1].NextAttemptAt);
    }

    [Fact]
    public async Task Show_tells_each_recipients_state_reply_and_next_try()
    {
        var message = _queue.Add("a@example.org", ["x@example.com", "y@example.com", "z@mx.example"], p =>
        {
            p.Recipients[0].State = RecipientState.Delivered;
            p.Recipients[0].LastTarget = "mail-na/h:25";
            p.Recipients[1].LastReply = "450 4.2.0 later";
            p.ClosedTime = TimeSpan.FromHours(2);
        });
        var detail = await _queue.Desk.ShowAsync(message.Envelope.Id, QueueFixture.Abort);
        Assert.NotNull(detail);
        Assert.Equal(["delivered to mail-na/h:25", "next in 5 min; last reply: 450 4.2.0 later",
            "not in the schedule yet"], detail.Recipients.Select(r => r.Why));
        Assert.Equal(["mail", "mail", "mx.example"], detail.Recipients.Select(r => r.Destination));
        Assert.Equal(message.Envelope.ReceivedAt + TimeSpan.FromDays(5) + TimeSpan.FromHours(2), detail.ExpiresAt);
        Assert.Null(await _queue.Desk.ShowAsync(default, QueueFixture.Abort));
    }

    [Fact]
    public async Task An_act_changes_what_matches_and_is_written_down_with_actor_and_reason()
    {
        var three = AddThree();
        var result = await _queue.Desk.ActAsync(QueueActKind.Remove, new() { Recipient = "bob@*" }, "uid 1000",
            "phishing", QueueFixture.Abort);
        Assert.Equal((2L, 2L), (result.Matched, result.Changed));
        Assert.Equal([(DeliveryAct.Remove, three[0].Handle), (DeliveryAct.Remove, three[1].Handle)],
            _queue.Acts.OrderBy(a => a.Handle.Slot));
        var removed = _queue.Journal.Records.Where(r => r.Kind == EvidenceKind.Removed).ToList();
        Assert.Equal(["bob@example.com", "bob@example.com", "carl@example.net"],
            removed.Select(r => r.Recipient).Order());
        var act = Assert.Single(_queue.Journal.Records, r => r.Kind == EvidenceKind.OperatorAct);
        Assert.Equal("uid 1000", act.Actor);
        Assert.Equal("remove: 2 of 2 messages changed; selected by recipient \"bob@*\"; because: phishing", act.Reason);
    }

    [Theory]
    [InlineData(1, "remove: 1 of 1 messages changed; selected by 1 id")]
    [InlineData(2, "remove: 2 of 2 messages changed; selected by 2 ids")]
    public async Task Ids_are_counted_in_the_evidence_of_an_act(int ids, string words)
    {
        var three = AddThree();
        await _queue.Desk.ActAsync(QueueActKind.Remove,
            new() { Ids = [.. three.Take(ids).Select(m => m.Envelope.Id.ToString())] }, "uid 1000", null,
            QueueFixture.Abort);
        Assert.Equal(words, Assert.Single(_queue.Journal.Records, r => r.Kind == EvidenceKind.OperatorAct).Reason);
    }

    [Fact]
    public async Task What_could_not_be_changed_is_said()
    {
        var three = AddThree();
        _queue.Outcomes[three[0].Handle] = DeliveryActOutcome.Busy;
        _queue.Outcomes[three[1].Handle] = DeliveryActOutcome.Gone;
        _queue.Outcomes[three[2].Handle] = DeliveryActOutcome.Unchanged;
        var result = await _queue.Desk.ActAsync(QueueActKind.Hold, new() { All = true }, "op", null,
            QueueFixture.Abort);
        Assert.Equal((3L, 0L), (result.Matched, result.Changed));
        Assert.Equal(["1 was being delivered just now and left as it was: ask again",
            "1 was delivered or ended meanwhile", "1 was held already"], result.Notes);
    }

    [Fact]
    public async Task An_expiry_without_its_notice_is_not_called_a_change()
    {
        var three = AddThree();
        _queue.Outcomes[three[0].Handle] = DeliveryActOutcome.NoticeNotStored;
        _queue.Outcomes[three[1].Handle] = DeliveryActOutcome.NoticeNotStored;
        _queue.Outcomes[three[2].Handle] = DeliveryActOutcome.IsNotice;
        var result = await _queue.Desk.ActAsync(QueueActKind.Expire, new() { All = true }, "op", null,
            QueueFixture.Abort);
        Assert.Equal((3L, 0L), (result.Matched, result.Changed));
        Assert.Equal(["2 were left as they were, since the notice to the sender could not be stored: see the log, "
            + "then ask again", "1 was left as it was: a notice of ours, whose end nobody is told of; remove it instead"],
            result.Notes);
    }

    [Fact]
    public void What_arrives_during_an_act_is_not_meant()
    {
        var three = AddThree();
        var selection = new MessageSelection(new() { All = true }, Topology.Empty, RouteTable.Empty, _queue,
            _queue.Time.GetUtcNow());
        _queue.Time.Advance(TimeSpan.FromSeconds(1));
        _queue.Add("late@example.org", ["b@example.com"]);
        Assert.Equal(three.Length, OldestFirst.Walk(_queue.Spool, selection).Count());
    }

    [Fact]
    public async Task Status_counts_and_measures()
    {
        Assert.Null(_queue.Desk.Status().OldestAge);
        AddThree();
        _queue.Time.Advance(TimeSpan.FromSeconds(7));
        _queue.Accepted = 1870;
        var status = _queue.Desk.Status();
        Assert.Equal((3L, 3L, 2L), (status.Waiting, status.InDelivery, status.Held));
        Assert.Equal(TimeSpan.FromMinutes(3) + TimeSpan.FromSeconds(7), status.OldestAge);
        Assert.Equal(10, status.AcceptedPerSecond, 0.01);
        Assert.Null(status.NotReady);
        Assert.Equal(10, (await _queue.Desk.ShapeAsync(QueueFixture.Abort)).Rows[0].Counts.Count);
    }

    [Fact]
    public async Task The_real_schedule_holds_and_releases()
    {
        await using var world = new DeliveryWorld();
        IWaitingMail waiting = new WaitingMail(world.Flow);
        var message = world.Spool.Add("a@example.org", ["b@example.com"], progress: p => p.IsHeld = true);
        await world.UntilAsync(() => waiting.Find(message.Handle) is [{ State: EntryState.Held }],
            TimeSpan.FromSeconds(10));
        Assert.Equal(1, waiting.Counts.Held);
        Assert.Equal("mail", Assert.Single(waiting.Shape([5, 10])).Destination);
        Assert.Equal(DeliveryActOutcome.Done, await waiting.ActAsync(DeliveryAct.Release, message.Handle, null, "uid 1"));
        await world.EndAsync(message, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Patterns_match_as_the_slow_way_does()
    {
        var letters = "abA*".ToCharArray();
        var text = Gen.Int[0, 3].Array[0, 8].Select(n => new string([.. n.Select(i => letters[i])]));
        Gen.Select(text, text).Sample((pattern, value) =>
        {
            var input = value.Replace("*", "b", StringComparison.Ordinal);
            Assert.Equal(Slow(pattern, input), new WildcardPattern(pattern).Matches(input));
        });

        static bool Slow(string p, string t) => p.Length == 0 ? t.Length == 0
            : p[0] == '*' ? Slow(p[1..], t) || (t.Length > 0 && Slow(p, t[1..]))
            : t.Length > 0 && char.ToLowerInvariant(p[0]) == char.ToLowerInvariant(t[0]) && Slow(p[1..], t[1..]);
    }

    [Fact]
    public void A_hostile_pattern_ends_soon() =>
        Assert.False(new WildcardPattern(string.Concat(Enumerable.Repeat("*a", 500)) + "b").Matches(new string('a', 5_000)));
}
