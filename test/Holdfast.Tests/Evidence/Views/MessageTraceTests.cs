using System.Text;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Evidence.Views;

public class MessageTraceTests
{
    private const string Id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    private const string NotAccepting = "451 4.3.2 Temporary server error";

    private static void Life(JournalFixture f, string id = Id, string recipient = "Ann@X.example")
    {
        f.Add(EvidenceKind.Accepted, id, sender: "bob@y.example");
        f.Time.Advance(TimeSpan.FromMilliseconds(500));
        f.Add(EvidenceKind.Deferred, id, recipient, "mail-na", NotAccepting);
        f.Add(EvidenceKind.Moved, id, recipient, "mail-eu", reason: "mail-na is closed");
        f.Time.Advance(TimeSpan.FromMilliseconds(1500));
        f.Add(EvidenceKind.Delivered, id, recipient, "mail-eu", "250 2.0.0 ok");
    }

    [Fact]
    public async Task A_delivered_message_is_told_from_acceptance_to_delivery()
    {
        await using var f = new JournalFixture();
        Life(f);
        var story = Assert.Single(await f.Find(Id.ToLowerInvariant()));
        Assert.Equal("Delivered", story.State);
        Assert.Equal("delivered 2 s after acceptance through mail-eu; mail-na answered 451 4.3.2 Temporary "
            + "server error; mail-na is closed", story.Summary);
        Assert.Equal([EvidenceKind.Accepted, EvidenceKind.Deferred, EvidenceKind.Moved, EvidenceKind.Delivered],
            story.Steps.Select(s => s.Kind));
        Assert.Equal(TimeSpan.FromSeconds(2), story.Steps[^1].After);
        Assert.Contains("deferred Ann@X.example at mail-na: 451 4.3.2", story.Steps[1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_was_removed_while_held_is_held_no_more()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id, sender: "bob@y.example");
        f.Add(EvidenceKind.Held, Id, "ann@x.example", reason: "phish");
        Assert.Equal("Held", Assert.Single(await f.Find(Id)).State);
        f.Time.Advance(TimeSpan.FromSeconds(2));
        f.Add(EvidenceKind.Removed, Id, "ann@x.example");
        Assert.Equal("Removed", Assert.Single(await f.Find(Id)).State);
    }

    [Theory]
    [InlineData("cid@x.example")]
    [InlineData("\"a b\"@x.example")]
    public async Task Each_recipient_of_an_accepted_message_finds_it_and_counts_once(string address)
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id, "ann@x.example \"a b\"@x.example cid@x.example and 7 more",
            sender: "b@y.example");
        f.Add(EvidenceKind.Deferred, Id, "ann@x.example", "mail-na", NotAccepting);
        var story = Assert.Single(await f.Find(address));
        Assert.Equal(["ann@x.example", "\"a b\"@x.example", "cid@x.example"], story.Recipients);
        Assert.StartsWith("1 of 3 waiting since", story.Summary, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ann@x.example")]
    [InlineData("<BOB@y.example>")]
    public async Task A_message_is_found_by_any_of_its_addresses_with_its_whole_life(string address)
    {
        await using var f = new JournalFixture();
        Life(f);
        Life(f, "01BX5ZZKBKACTAV9WEVGEMMVRZ", "someone@else.example");
        var stories = await f.Find(address);
        Assert.Equal(address.StartsWith('<') ? 2 : 1, stories.Count);
        Assert.All(stories, s => Assert.Equal(4, s.Steps.Count));
    }

    [Fact]
    public async Task A_life_that_spans_files_and_restarts_is_one_story_also_offline()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id, sender: "bob@y.example");
        await f.Reopen();
        for (var i = 0; i < 5; i++)
        {
            f.Add(EvidenceKind.Accepted, $"other{i}", "x@other.example");
            await f.Reopen();
        }
        f.Add(EvidenceKind.Deferred, Id, "ann@x.example", "mail-na", NotAccepting);
        await f.Reopen();
        f.Add(EvidenceKind.Delivered, Id, "ann@x.example", "mail-na", "250 ok");
        await f.Reopen();
        foreach (var index in f.Disk.List("evidence").Where(n => n.EndsWith(".idx", StringComparison.Ordinal)).Take(3))
            f.Disk.Delete($"evidence/{index}");
        Assert.Equal(3, (await f.Find(Id, isOffline: true)).Single().Steps.Count);
        Assert.Equal(3, (await f.Find("ann@x.example", isOffline: true)).Single().Steps.Count);
        Assert.Empty(await f.Find("nobody@x.example"));
        Assert.Empty(await f.Find("01BX5ZZKBKACTAV9WEVGEMMVRZ"));
    }

    [Fact]
    public async Task A_torn_last_line_and_damage_in_the_middle_hide_nothing_else()
    {
        await using var f = new JournalFixture();
        Life(f);
        await f.Reopen();
        using (var file = f.Disk.Open("evidence/" + f.Names.First(), DiskOpenMode.OpenExisting))
        {
            file.Write(file.Length, "\0\0\ufffd{{{\n"u8);
            file.Write(file.Length, new byte[200_000]);
            file.Write(file.Length, "\n"u8);
            file.Write(file.Length, Encoding.UTF8.GetBytes(
                $$"""{"time":"2026-01-22T18:00:00Z","kind":"Alert","id":"{{Id}}"}""" + "\n"));
            file.Write(file.Length, Encoding.UTF8.GetBytes($$"""{"time":"2026-01-22T18:00:00Z","kind":"Al"""));
        }
        Assert.Equal(5, (await f.Find(Id)).Single().Steps.Count);
    }

    [Fact]
    public async Task The_newest_messages_come_first_and_no_more_than_asked_for()
    {
        await using var f = new JournalFixture();
        for (var i = 0; i < 50; i++)
        {
            f.Add(EvidenceKind.Accepted, $"M{i:00}", "ann@x.example");
            f.Time.Advance(TimeSpan.FromMinutes(10));
            if (i % 10 == 9)
                await f.Reopen();
        }
        var stories = await f.Find("ann@x.example", limit: 5);
        Assert.Equal(["M49", "M48", "M47", "M46", "M45"], stories.Select(s => s.Id));
        var since = JournalFixture.Start + TimeSpan.FromMinutes(95);
        var window = await f.Find("ann@x.example", since: since, until: since + TimeSpan.FromMinutes(30));
        Assert.Equal(["M12", "M11", "M10"], window.Select(s => s.Id));
    }

    [Fact]
    public async Task Refusals_that_never_became_a_message_are_told_too()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Refused, null, "nobody@x.example", reply: "550 5.1.1 no such user", sender: "bob@y.example");
        var story = Assert.Single(await f.Find("nobody@x.example"));
        Assert.Null(story.Id);
        Assert.Equal("refused: 550 5.1.1 no such user", story.Summary);
    }

    [Fact]
    public async Task Recipients_with_different_ends_are_told_apart()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id);
        f.Time.Advance(TimeSpan.FromSeconds(1));
        f.Add(EvidenceKind.Delivered, Id, "a@x.example", "mail-na", "250 ok");
        f.Add(EvidenceKind.Bounced, Id, "b@x.example", "mail-na", "550 5.1.1 unknown");
        f.Add(EvidenceKind.Deferred, Id, "c@x.example", "mail-na", "452 4.2.2 full",
            next: JournalFixture.Start + TimeSpan.FromMinutes(5));
        var story = Assert.Single(await f.Find(Id));
        Assert.Equal("Mixed", story.State);
        Assert.Contains("1 of 3 delivered 1 s after acceptance through mail-na", story.Summary,
            StringComparison.Ordinal);
        Assert.Contains("1 of 3 bounced", story.Summary, StringComparison.Ordinal);
        Assert.Contains("next attempt 2026-01-22 17:50:00Z", story.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_story_with_very_many_records_is_cut_in_its_middle()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id);
        for (var i = 0; i < 5000; i++)
        {
            f.Time.Advance(TimeSpan.FromSeconds(1));
            f.Add(EvidenceKind.Deferred, Id, "a@x.example", "mail-na", NotAccepting);
        }
        var story = Assert.Single(await f.Find(Id));
        Assert.True(story.IsCut);
        Assert.InRange(story.Steps.Count, 1000, 2000);
        Assert.Equal(EvidenceKind.Accepted, story.Steps[0].Kind);
        Assert.Equal(TimeSpan.FromSeconds(5000), story.Steps[^1].After);
    }

    [Fact]
    public async Task Addresses_that_are_not_ascii_are_found()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, Id, "grüße😀\"x@x.example");
        Assert.Single(await f.Find("GRÜßE😀\"x@x.example"));
    }
}
