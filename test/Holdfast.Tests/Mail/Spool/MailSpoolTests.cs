using Holdfast.Mail.Spool;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;

namespace Holdfast.Tests.Mail.Spool;

public class MailSpoolTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(700_000)]
    public void A_stored_message_survives_a_power_cut_byte_for_byte(int size)
    {
        var fixture = new SpoolFixture().Opened();
        var content = SpoolFixture.Bytes(size);
        var stored = fixture.Append(content, recipients: 3);
        fixture.Restart(isPowerCut: true);
        Assert.Single(fixture.Sim.Arrivals);
        var loaded = fixture.Load(stored.Envelope.Id);
        Assert.NotNull(loaded);
        Assert.Equal(stored.Envelope.Recipients, loaded.Envelope.Recipients);
        Assert.Equal(stored.Envelope with { Recipients = [] }, loaded.Envelope with { Recipients = [] });
        Assert.Equal(content, fixture.Content(loaded));
    }

    [Fact]
    public async Task A_spool_that_is_stopped_before_it_opened_flushes_nothing()
    {
        var fixture = new SpoolFixture();

        await fixture.Spool.FlushAsync();
        await fixture.Spool.DisposeAsync();

        Assert.Equal(0, fixture.Spool.WaitingCount);
    }

    [Fact]
    public void An_arrival_is_announced_with_the_message_so_that_delivery_reads_nothing()
    {
        var fixture = new SpoolFixture().Opened();
        var content = SpoolFixture.Bytes(600);
        var message = fixture.Append(content);
        var before = fixture.Disk.Operations;
        Assert.Equal(content, fixture.Content(message));
        Assert.Equal(before, fixture.Disk.Operations);
    }

    [Fact]
    public void Memory_of_a_message_is_free_once_it_has_ended()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(600));
        Assert.True(fixture.Spool.BodyMemoryUsed > 0);
        fixture.End(message);
        Assert.Equal(0, fixture.Spool.BodyMemoryUsed);
        Assert.Equal(0, fixture.Spool.WaitingCount);
        Assert.Equal(0, fixture.Spool.WaitingBytes);
    }

    [Fact]
    public void An_ended_message_does_not_come_back_once_its_end_was_flushed()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100));
        fixture.End(message);
        fixture.Sim.Flush();
        fixture.Restart(isPowerCut: true);
        Assert.Empty(fixture.Sim.Arrivals);
        Assert.False(fixture.Spool.TryFind(message.Envelope.Id, out _));
    }

    [Fact]
    public void Progress_survives_a_restart_and_the_highest_version_wins()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 2);
        message.Progress.Recipients[0].State = RecipientState.Delivered;
        message.Progress.Recipients[1].LastReply = "451 4.3.2 Temporary server error";
        fixture.Spool.RecordProgress(message);
        message.Progress.Recipients[1].Attempts = 2;
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Flush();
        fixture.Restart(isPowerCut: true);
        var loaded = fixture.Load(message.Envelope.Id)!;
        Assert.Equal(2u, loaded.Progress.Version);
        Assert.Equal(RecipientState.Delivered, loaded.Progress.Recipients[0].State);
        Assert.Equal(2, loaded.Progress.Recipients[1].Attempts);
        Assert.Equal("451 4.3.2 Temporary server error", loaded.Progress.Recipients[1].LastReply);
    }

    [Fact]
    public async Task Progress_is_seen_by_a_load_before_it_is_written()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 2);
        message.Progress.Recipients[0].State = RecipientState.Delivered;
        fixture.Spool.RecordProgress(message);
        var loaded = await fixture.Spool.LoadAsync(message.Handle, CancellationToken.None);
        Assert.Equal(RecipientState.Delivered, loaded!.Progress.Recipients[0].State);
    }

    [Fact]
    public void An_attempt_without_outcome_is_unknown_after_a_restart_and_only_for_its_recipients()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 3);
        Assert.True(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [0, 2], "eu-1/127.0.0.1:2602")));
        fixture.Sim.Flush();
        fixture.Restart();
        Assert.True(fixture.Sim.Arrivals[0].Waiting.AttemptWasOpen);
        var loaded = fixture.Load(message.Envelope.Id)!;
        Assert.Equal("eu-1/127.0.0.1:2602", loaded.Progress.AttemptOpenAt);
        Assert.Equal([RecipientState.OutcomeUnknown, RecipientState.Waiting, RecipientState.OutcomeUnknown],
            loaded.Progress.Recipients.Select(r => r.State));
        Assert.Equal([1, 0, 1], loaded.Progress.Recipients.Select(r => (int)r.UnknownOutcomes));
    }

    [Fact]
    public void An_attempt_whose_dot_went_out_before_the_log_wrote_is_unknown_after_a_kill()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100));
        Assert.True(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [0], "na/a")));
        fixture.Restart();
        Assert.Equal(RecipientState.OutcomeUnknown, fixture.Load(message.Envelope.Id)!.Progress.Recipients[0].State);
    }

    [Fact]
    public void An_outcome_closes_its_attempt_and_no_other_one()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 2);
        Assert.True(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [0], "na/a")));
        Assert.True(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [1], "eu/b")));
        message.Progress.Recipients[0].State = RecipientState.Delivered;
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Flush();
        fixture.Restart();
        var loaded = fixture.Load(message.Envelope.Id)!;
        Assert.Equal([RecipientState.Delivered, RecipientState.OutcomeUnknown],
            loaded.Progress.Recipients.Select(r => r.State));
    }

    [Fact]
    public void A_clean_close_leaves_a_checkpoint_that_the_next_start_uses()
    {
        var fixture = new SpoolFixture().Opened();
        for (var i = 0; i < 50; i++)
            fixture.Append(SpoolFixture.Bytes(300, i));
        fixture.CloseAndRestart();
        Assert.True(fixture.Disk.Exists("checkpoint"));
        Assert.Equal(50, fixture.Spool.WaitingCount);
        foreach (var (waiting, _) in fixture.Sim.Arrivals)
            Assert.Equal(300, fixture.Content(fixture.Load(waiting.Id)!)!.Length);
    }

    [Fact]
    public void A_bad_checkpoint_means_a_full_scan()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(300));
        fixture.Sim.Close();
        using (var file = fixture.Disk.Open("checkpoint", DiskOpenMode.OpenExisting))
            file.Write(30, [1, 2, 3]);
        fixture.Restart();
        Assert.NotNull(fixture.Load(message.Envelope.Id));
    }

    [Fact]
    public void Space_of_ended_messages_is_given_back()
    {
        var fixture = new SpoolFixture().Opened();
        for (var i = 0; i < 400; i++)
        {
            fixture.End(fixture.Append(SpoolFixture.Bytes(900, i)));
            if (i % 20 == 0)
                fixture.Sim.Upkeep();
        }
        fixture.Sim.Flush();
        fixture.Sim.Upkeep();
        Assert.True(fixture.Disk.List("segments").Count <= 4, string.Join(' ', fixture.Disk.List("segments")));
    }

    [Fact]
    public void A_long_waiting_message_is_moved_out_of_a_mostly_dead_segment()
    {
        var fixture = new SpoolFixture().Opened();
        var content = SpoolFixture.Bytes(500);
        var old = fixture.Append(content, recipients: 2);
        old.Progress.Recipients[0].State = RecipientState.Delivered;
        fixture.Spool.RecordProgress(old);
        for (var i = 0; i < 400; i++)
        {
            fixture.End(fixture.Append(SpoolFixture.Bytes(900, i)));
            if (i % 20 == 0)
                fixture.Sim.Upkeep();
        }
        for (var i = 0; i < 5; i++)
            fixture.Sim.Upkeep();
        Assert.True(fixture.Disk.List("segments").Count <= 6, string.Join(' ', fixture.Disk.List("segments")));
        fixture.Disk.Delete("checkpoint");
        fixture.Restart(isPowerCut: true);
        var loaded = fixture.Load(old.Envelope.Id)!;
        Assert.Equal(RecipientState.Delivered, loaded.Progress.Recipients[0].State);
        Assert.Equal(content, fixture.Content(loaded));
        Assert.Single(fixture.Sim.Arrivals);
    }

    [Fact]
    public void A_body_file_goes_when_its_message_has_ended_and_its_end_is_synced()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(5000));
        Assert.Single(fixture.Disk.List("bodies"));
        fixture.End(message);
        fixture.Sim.Pump();
        fixture.Sim.Upkeep();
        Assert.Empty(fixture.Disk.List("bodies"));
    }

    [Fact]
    public void Orphaned_bodies_are_swept_at_start()
    {
        var fixture = new SpoolFixture().Opened();
        var kept = fixture.Append(SpoolFixture.Bytes(5000));
        fixture.Draft(SpoolFixture.Bytes(5000));
        fixture.Disk.Open("bodies/00000000000000000000000001.body", DiskOpenMode.CreateNew).Dispose();
        Assert.Equal(3, fixture.Disk.List("bodies").Count);
        fixture.Restart();
        Assert.Equal([$"{kept.Envelope.Id}.body"], fixture.Disk.List("bodies"));
    }

    [Fact]
    public void A_newer_format_is_refused_in_plain_words()
    {
        var disk = new SimulatedDisk();
        using (var file = disk.Open("format", DiskOpenMode.CreateNew))
            file.Write(0, "holdfast-spool 2\n"u8);
        var error = Assert.Throws<InvalidDataException>(() => new SpoolFixture(disk).Opened());
        Assert.Contains("format 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_spools_never_share_a_directory()
    {
        var fixture = new SpoolFixture().Opened();
        var error = Assert.Throws<DiskException>(() => new SpoolFixture(fixture.Disk).Opened());
        Assert.Equal(DiskError.Locked, error.Error);
    }

    [Fact]
    public void Ids_stay_unique_when_the_clock_goes_back()
    {
        var fixture = new SpoolFixture().Opened();
        var ids = new HashSet<Holdfast.Mail.MessageId>();
        for (var i = 0; i < 1000; i++)
        {
            fixture.Time.StepWallClock(TimeSpan.FromMilliseconds(i % 2 == 0 ? 5 : -5));
            Assert.True(ids.Add(fixture.Spool.NewId()));
        }
    }

    [Fact]
    public void Progress_written_after_damaged_progress_wins_over_the_older_records()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(300), recipients: 2);
        foreach (var reply in (string[])["first", "second", "the third reply"])
        {
            message.Progress.Recipients[0].LastReply = reply;
            fixture.Spool.RecordProgress(message);
        }
        fixture.Sim.Flush();
        Overwrite(fixture, "the third reply"u8);
        var loaded = fixture.Load(message.Envelope.Id)!;
        Assert.All(loaded.Progress.Recipients, r => Assert.Equal(RecipientState.OutcomeUnknown, r.State));
        loaded.Progress.Recipients[0].State = RecipientState.Delivered;
        fixture.Spool.RecordProgress(loaded);
        fixture.Sim.Flush();
        fixture.Restart();
        Assert.Equal(RecipientState.Delivered, fixture.Load(message.Envelope.Id)!.Progress.Recipients[0].State);
    }

    [Fact]
    public void A_mark_of_an_attempt_older_than_lost_progress_says_nothing()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(300), recipients: 2);
        Assert.True(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [0], "site/target")));
        message.Progress.Recipients[0].LastReply = "first";
        fixture.Spool.RecordProgress(message);
        message.Progress.Recipients[1].LastReply = "the second reply";
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Flush();
        Overwrite(fixture, "the second reply"u8);
        Assert.NotNull(fixture.Load(message.Envelope.Id));
        fixture.CloseAndRestart();
        Assert.All(fixture.Load(message.Envelope.Id)!.Progress.Recipients,
            r => Assert.Equal(RecipientState.OutcomeUnknown, r.State));
    }

    [Fact]
    public void Progress_that_fits_into_no_segment_is_written_without_its_replies()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(300), recipients: 200);
        for (var i = 0; i < 200; i++)
            message.Progress.Recipients[i].LastReply = $"{i} {new string('x', 500)}";
        message.Progress.Recipients[7].State = RecipientState.Delivered;
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Flush();
        fixture.Restart();
        Assert.Equal(RecipientState.Delivered, fixture.Load(message.Envelope.Id)!.Progress.Recipients[7].State);
    }

    private static void Overwrite(SpoolFixture fixture, ReadOnlySpan<byte> found)
    {
        foreach (var segment in fixture.Disk.List("segments").Where(n => n.EndsWith(".seg", StringComparison.Ordinal)))
        {
            using var file = fixture.Disk.Open($"segments/{segment}", DiskOpenMode.OpenExisting);
            var bytes = new byte[file.Length];
            file.Read(0, bytes);
            if (bytes.AsSpan().IndexOf(found) is var at and > 0)
                file.Write(at, [0xFF, 0x00, 0xFF]);
        }
    }

    [Fact]
    public void A_record_damaged_on_the_disk_is_set_aside_with_evidence_and_stops_nothing()
    {
        var fixture = new SpoolFixture().Opened();
        var damaged = fixture.Append(SpoolFixture.Bytes(700, 1));
        var good = fixture.Append(SpoolFixture.Bytes(700, 2));
        fixture.CloseAndRestart();
        var segment = fixture.Disk.List("segments").First(n => n.EndsWith(".seg", StringComparison.Ordinal));
        using (var file = fixture.Disk.Open($"segments/{segment}", DiskOpenMode.OpenExisting))
        {
            var bytes = new byte[file.Length];
            file.Read(0, bytes);
            var at = bytes.AsSpan().IndexOf(SpoolFixture.Bytes(700, 1).AsSpan(100, 50));
            Assert.True(at > 0);
            file.Write(at, [0xFF, 0x00, 0xFF]);
        }
        Assert.Null(fixture.Load(damaged.Envelope.Id));
        Assert.NotNull(fixture.Load(good.Envelope.Id));
        Assert.Single(fixture.Disk.List("damaged"));
        var alert = Assert.Single(fixture.Sim.Evidence.Records);
        Assert.Equal(damaged.Envelope.Id.ToString(), alert.MessageId);
        Assert.Equal(1, fixture.Spool.WaitingCount);
    }
}
