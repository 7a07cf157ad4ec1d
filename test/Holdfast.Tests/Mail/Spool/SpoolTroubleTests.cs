using Holdfast.Mail.Spool;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Mail.Spool;

public class SpoolTroubleTests
{
    private static SpoolFixture OnSmallDisk(long bytes = 2 << 20) => new SpoolFixture(
        new SimulatedDisk(new SimulatedDiskManners { TotalBytes = bytes }),
        new SpoolOptions
        {
            InlineBytesMax = 4096,
            SegmentBytes = 64 * 1024,
            BodyMemoryBytes = 1 << 20,
            DiskReserveBytes = 128 * 1024,
            DiskFreeMin = 32 * 1024,
        }).Opened();

    [Fact]
    public void A_full_disk_stops_acceptance_and_not_delivery_and_acceptance_resumes_with_space()
    {
        var fixture = OnSmallDisk();
        var stored = new List<SpooledMessage>();
        AppendResult result;
        while ((result = fixture.TryAppend(SpoolFixture.Bytes(3000, stored.Count), out _)) == AppendResult.Stored)
        {
            stored.Add(fixture.Sim.Arrivals[^1].Message!);
            fixture.Sim.Upkeep();
            Assert.True(stored.Count < 1000);
        }
        Assert.Equal(AppendResult.OutOfSpace, result);
        Assert.Equal(SpoolPressure.OutOfSpace, fixture.Spool.Pressure);

        // A notice still finds room, and so does progress.
        Assert.Equal(AppendResult.Stored, fixture.Sim.Run(
            fixture.Spool.AppendReservedAsync(fixture.NewEnvelope(500), SpoolFixture.Bytes(500))));
        foreach (var message in stored)
            fixture.End(message);
        fixture.Sim.Flush();
        for (var i = 0; i < 5; i++)
        {
            fixture.Time.Advance(TimeSpan.FromSeconds(1));
            fixture.Sim.Upkeep();
        }
        Assert.Equal(SpoolPressure.None, fixture.Spool.Pressure);
        Assert.Equal(AppendResult.Stored, fixture.TryAppend(SpoolFixture.Bytes(3000), out _));
        fixture.Restart(isPowerCut: true);
        Assert.Equal(2, fixture.Spool.WaitingCount);
    }

    [Fact]
    public void Mail_in_a_segment_that_cannot_be_read_at_one_start_is_there_at_the_next()
    {
        var fixture = new SpoolFixture().Opened();
        var small = fixture.Append(SpoolFixture.Bytes(300, 1));
        var large = fixture.Append(SpoolFixture.Bytes(5000, 2));
        fixture.Sim.Close();
        var fails = true;
        fixture.Disk.BeforeOperation = (_, operation, path) =>
        {
            if (fails && operation == "pread" && path.Contains("segments/", StringComparison.Ordinal))
                throw new DiskException(operation, path, DiskError.Io, 5);
        };
        fixture.Restart();
        Assert.Equal(0, fixture.Spool.WaitingCount);
        Assert.Contains(fixture.Sim.Evidence.Records, r => r.Kind == EvidenceKind.Alert);
        fails = false;
        for (var i = 0; i < 100; i++)
            fixture.End(fixture.Append(SpoolFixture.Bytes(900, i)));
        for (var i = 0; i < 5; i++)
        {
            fixture.Time.Advance(TimeSpan.FromMinutes(10));
            fixture.Sim.Upkeep();
        }
        fixture.CloseAndRestart();
        Assert.Equal(2, fixture.Spool.WaitingCount);
        Assert.Equal(SpoolFixture.Bytes(300, 1), fixture.Content(fixture.Load(small.Envelope.Id)!));
        Assert.Equal(SpoolFixture.Bytes(5000, 2), fixture.Content(fixture.Load(large.Envelope.Id)!));
    }

    [Fact]
    public void A_body_file_without_room_is_refused_and_leaves_nothing()
    {
        var fixture = OnSmallDisk();
        Assert.Equal(AppendResult.OutOfSpace, fixture.TryAppend(SpoolFixture.Bytes(3_000_000), out var envelope));
        Assert.Empty(fixture.Disk.List("bodies"));
        Assert.False(fixture.Spool.TryFind(envelope.Id, out _));
        fixture.Sim.Upkeep();
        Assert.Equal(AppendResult.Stored, fixture.TryAppend(SpoolFixture.Bytes(100), out _));
    }

    [Fact]
    public async Task After_a_failed_sync_senders_hear_of_it_and_what_was_stored_is_delivered_from_a_fresh_segment()
    {
        var fixture = new SpoolFixture().Opened();
        var stored = fixture.Append(SpoolFixture.Bytes(500));
        fixture.End(fixture.Append(SpoolFixture.Bytes(400)));
        fixture.Sim.Flush();
        FailOnce(fixture.Disk, "fdatasync");
        Assert.Equal(AppendResult.Failed, fixture.TryAppend(SpoolFixture.Bytes(500), out var failed));
        var load = fixture.Spool.LoadAsync(stored.Handle, CancellationToken.None).AsTask();
        Assert.False(load.IsCompleted);
        fixture.Sim.Upkeep();
        Assert.NotNull(await load);
        Assert.Equal(AppendResult.Stored, fixture.TryAppend(SpoolFixture.Bytes(500, 3), out var next));
        fixture.Restart(isPowerCut: true);
        fixture.Sim.Upkeep();
        Assert.Equal(2, fixture.Spool.WaitingCount);
        Assert.NotNull(fixture.Load(stored.Envelope.Id));
        Assert.NotNull(fixture.Load(next.Id));
        Assert.False(fixture.Spool.TryFind(failed.Id, out _));
    }

    [Theory]
    [InlineData("rename")]
    [InlineData("fdatasync")]
    [InlineData("fsync")]
    [InlineData("pwrite")]
    public void A_body_file_that_can_not_be_made_durable_is_not_acknowledged(string operation)
    {
        var fixture = new SpoolFixture().Opened();
        FailOnce(fixture.Disk, operation, "bodies");
        Assert.Equal(AppendResult.Failed, fixture.TryAppend(SpoolFixture.Bytes(5000), out var envelope));
        Assert.False(fixture.Spool.TryFind(envelope.Id, out _));
        Assert.Empty(fixture.Disk.List("bodies"));
        Assert.Equal(AppendResult.Stored, fixture.TryAppend(SpoolFixture.Bytes(5000), out _));
    }

    [Fact]
    public void Progress_that_the_log_refused_is_held_and_written_again()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 2);
        message.Progress.Recipients[0].State = RecipientState.Delivered;
        FailOnce(fixture.Disk, "pwrite");
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Pump();
        fixture.Sim.Upkeep();
        fixture.Sim.Flush();
        fixture.Restart(isPowerCut: true);
        fixture.Sim.Upkeep();
        Assert.Equal(RecipientState.Delivered, fixture.Load(message.Envelope.Id)!.Progress.Recipients[0].State);
    }

    [Fact]
    public void A_log_that_can_not_write_at_all_says_failed_and_recovers()
    {
        var fixture = new SpoolFixture().Opened();
        var stored = fixture.Append(SpoolFixture.Bytes(100));
        fixture.Disk.BeforeOperation = (_, operation, path) =>
        {
            if (operation is "pwrite" or "open" && path.StartsWith("segments", StringComparison.Ordinal))
                throw new DiskException(operation, path, DiskError.Io, 5);
        };
        Assert.Equal(AppendResult.Failed, fixture.TryAppend(SpoolFixture.Bytes(100), out _));
        fixture.Sim.Upkeep();
        Assert.Equal(SpoolPressure.Failed, fixture.Spool.Pressure);
        Assert.Equal(AppendResult.Failed, fixture.TryAppend(SpoolFixture.Bytes(100), out _));
        fixture.Disk.BeforeOperation = null;
        fixture.Time.Advance(TimeSpan.FromSeconds(1));
        fixture.Sim.Upkeep();
        Assert.Equal(SpoolPressure.None, fixture.Spool.Pressure);
        Assert.Equal(AppendResult.Stored, fixture.TryAppend(SpoolFixture.Bytes(100), out _));
        Assert.NotNull(fixture.Load(stored.Envelope.Id));
    }

    [Fact]
    public void An_attempt_whose_mark_is_longer_than_a_slot_waits_until_the_log_has_it()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100), recipients: 300);
        foreach (var recipient in message.Progress.Recipients)
            recipient.LastReply = $"451 4.3.2 {recipient.GetHashCode()} try again later";
        var noted = fixture.Spool.RecordAttemptAsync(message, [0, 299], "na/a").AsTask();
        Assert.False(noted.IsCompleted);
        Assert.True(fixture.Sim.Run(noted));
        fixture.Restart();
        Assert.Equal(2, fixture.Load(message.Envelope.Id)!.Progress.Recipients
            .Count(r => r.State == RecipientState.OutcomeUnknown));
    }

    [Fact]
    public void An_attempt_that_neither_a_slot_nor_the_log_can_note_must_not_be_made_and_leaves_no_unknown_outcome()
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(100));
        fixture.Disk.BeforeOperation = (_, operation, path) =>
        {
            if (operation is "pwrite" or "open")
                throw new DiskException(operation, path, DiskError.Io, 5);
        };
        Assert.False(fixture.Sim.Run(fixture.Spool.RecordAttemptAsync(message, [0], "na/a")));
        message.Progress.Recipients[0].LastReply = "our disk fails";
        fixture.Spool.RecordProgress(message);
        fixture.Sim.Pump();
        fixture.Disk.BeforeOperation = null;
        fixture.Time.Advance(TimeSpan.FromSeconds(1));
        fixture.Sim.Upkeep();
        fixture.Sim.Flush();
        fixture.Restart();
        fixture.Sim.Upkeep();
        Assert.Equal(RecipientState.Waiting, fixture.Load(message.Envelope.Id)!.Progress.Recipients[0].State);
    }

    [Theory]
    [InlineData("pwrite")]
    [InlineData("fdatasync")]
    [InlineData("open")]
    [InlineData("rename")]
    [InlineData("fsync")]
    public void A_damaged_message_of_which_no_copy_can_be_made_stays_until_one_can(string operation)
    {
        var fixture = new SpoolFixture().Opened();
        var message = fixture.Append(SpoolFixture.Bytes(700, 1));
        fixture.CloseAndRestart();
        Damage(fixture, SpoolFixture.Bytes(700, 1));
        fixture.Disk.BeforeOperation = (_, happening, path) =>
        {
            if (happening == operation && path.StartsWith("damaged", StringComparison.Ordinal))
                throw new DiskException(operation, path, DiskError.Io, 5);
        };
        Assert.Null(fixture.Load(message.Envelope.Id));
        Assert.Null(fixture.Load(message.Envelope.Id));
        Assert.Equal(1, fixture.Spool.WaitingCount);
        // Said once, however often it is asked for, and its segment is not tidied away.
        Assert.Contains("stays", Assert.Single(fixture.Sim.Evidence.Records).Reason, StringComparison.Ordinal);
        for (var i = 0; i < 3; i++)
            fixture.Sim.Upkeep();
        fixture.Disk.BeforeOperation = null;
        fixture.CloseAndRestart();
        Assert.Equal(1, fixture.Spool.WaitingCount);
        Assert.Null(fixture.Load(message.Envelope.Id));
        Assert.Equal(0, fixture.Spool.WaitingCount);
        var kept = fixture.Disk.Open("damaged/" + Assert.Single(fixture.Disk.List("damaged")),
            DiskOpenMode.OpenExisting);
        Assert.True(kept.Length > 700);
    }

    [Fact]
    public void A_damaged_body_goes_to_damaged_with_its_record_and_beyond_the_bound_both_stay()
    {
        var fixture = new SpoolFixture().Opened();
        fixture.Options.DamagedBytesMax = 5000;
        var message = fixture.Append(SpoolFixture.Bytes(5000, 1));
        fixture.CloseAndRestart();
        fixture.Disk.Node($"bodies/{message.Envelope.Id}.body").Flip(4000, 3);
        Assert.Throws<RecordDamagedException>(() => fixture.Content(fixture.Load(message.Envelope.Id)!));
        Assert.Equal(1, fixture.Spool.WaitingCount);
        Assert.Empty(fixture.Disk.List("damaged"));
        Assert.Single(fixture.Disk.List("bodies"));

        fixture.Options.DamagedBytesMax = 6000;
        Assert.Throws<RecordDamagedException>(() => fixture.Content(fixture.Load(message.Envelope.Id)!));
        Assert.Equal(0, fixture.Spool.WaitingCount);
        Assert.Equal(2, fixture.Disk.List("damaged").Count);
        Assert.Empty(fixture.Disk.List("bodies"));
    }

    [Theory]
    [InlineData(700, "segments/", 3)]
    [InlineData(5000, "bodies/", 2)]
    public void What_a_read_garbled_once_is_read_again_and_not_called_damage(int bytes, string place, int secondPass)
    {
        var fixture = new SpoolFixture().Opened();
        var content = SpoolFixture.Bytes(bytes, 1);
        var message = fixture.Append(content);
        fixture.CloseAndRestart();
        var reads = 0;
        fixture.Disk.BeforeOperation = (_, happening, path) =>
        {
            if (happening != "pread" || !path.StartsWith(place, StringComparison.Ordinal))
                return;
            if (++reads == 1 || reads == secondPass)
                Flip(fixture, path, content);
        };
        var loaded = fixture.Load(message.Envelope.Id);
        if (bytes > 1024)
            Assert.Throws<RecordDamagedException>(() => fixture.Content(loaded!));
        Assert.True(reads >= secondPass);
        Assert.Empty(fixture.Sim.Evidence.Records);
        Assert.Equal(content, fixture.Content(fixture.Load(message.Envelope.Id)!));
    }

    [Fact]
    public void Pressure_rises_at_its_bounds_and_falls_a_little_below_them()
    {
        var options = SpoolFixture.SmallOptions();
        options.WaitingMessagesMax = 100;
        var fixture = new SpoolFixture(options: options).Opened();
        var stored = new List<SpooledMessage>();
        Expect(79, SpoolPressure.None);
        Expect(80, SpoolPressure.Elevated);
        Expect(76, SpoolPressure.Elevated);
        Expect(74, SpoolPressure.None);
        Expect(99, SpoolPressure.Elevated);
        Expect(100, SpoolPressure.High);
        Expect(96, SpoolPressure.High);
        Expect(94, SpoolPressure.Elevated);
        Expect(111, SpoolPressure.High);
        Assert.Equal(AppendResult.TooBusy, fixture.TryAppend(SpoolFixture.Bytes(10), out _));

        void Expect(int waiting, SpoolPressure pressure)
        {
            while (stored.Count < waiting)
                stored.Add(fixture.Append(SpoolFixture.Bytes(10)));
            for (; stored.Count > waiting; stored.RemoveAt(0))
                fixture.End(stored[0]);
            fixture.Sim.Upkeep();
            Assert.Equal(pressure, fixture.Spool.Pressure);
        }
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused_with_what_to_do()
    {
        var validator = new SpoolOptionsValidator();
        Assert.True(validator.Validate(null, new SpoolOptions()).Succeeded);
        var result = validator.Validate(null, new SpoolOptions
        {
            InlineBytesMax = 1024 * 1024, BodyMemoryBytes = 16 * 1024 * 1024 - 1, SegmentBytes = 4 * 1024 * 1024,
            DiskReserveBytes = 1024 * 1024,
        });
        Assert.Equal(2, result.Failures!.Count());
        Assert.All(result.Failures!, f => Assert.Contains("raise it", f, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(16 * 1024, 0)]
    [InlineData(16 * 1024 + 1, 1)]
    public void Content_larger_than_a_quarter_of_a_segment_gets_a_file_whatever_the_inline_bound(int bytes, int files)
    {
        var fixture = new SpoolFixture(options: new SpoolOptions
        {
            InlineBytesMax = 1024 * 1024, SegmentBytes = 64 * 1024, DiskReserveBytes = 256 * 1024,
            DiskFreeMin = 64 * 1024,
        }).Opened();
        var stored = fixture.Append(SpoolFixture.Bytes(bytes));
        Assert.Equal(files, fixture.Disk.List("bodies").Count);
        Assert.Equal(SpoolFixture.Bytes(bytes), fixture.Content(stored));
    }

    /// <summary>Turns a bit in the middle of the content over, wherever in the file it stands.</summary>
    private static void Flip(SpoolFixture fixture, string path, byte[] content)
    {
        var at = fixture.Disk.Node(path).Bytes.IndexOf(content.AsSpan(100, 50));
        Assert.True(at > 0 || path.StartsWith("bodies", StringComparison.Ordinal));
        fixture.Disk.Node(path).Flip(at + 200, 3);
    }

    private static void Damage(SpoolFixture fixture, byte[] content)
    {
        var name = fixture.Disk.List("segments").First(n => n.EndsWith(".seg", StringComparison.Ordinal)
            && fixture.Disk.Node("segments/" + n).Bytes.IndexOf(content.AsSpan(100, 50)) > 0);
        Flip(fixture, "segments/" + name, content);
    }

    private static void FailOnce(SimulatedDisk disk, string operation, string path = "segments")
    {
        disk.BeforeOperation = (_, happening, at) =>
        {
            if (happening != operation || !at.StartsWith(path, StringComparison.Ordinal))
                return;
            disk.BeforeOperation = null;
            throw new DiskException(operation, at, DiskError.Io, 5);
        };
    }
}
