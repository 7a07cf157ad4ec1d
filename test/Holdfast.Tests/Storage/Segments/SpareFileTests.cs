using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Xunit;

namespace Holdfast.Tests.Storage.Segments;

/// <summary>Files of deleted segments that later ones use again.</summary>
public class SpareFileTests
{
    private const int RecordBytes = 3000;

    [Fact]
    public void A_deleted_segments_file_becomes_a_later_segment_without_being_made_anew()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var made = 0;
        disk.BeforeOperation = (_, operation, _) => made += operation == "fallocate" ? 1 : 0;
        Fill(log, 0, 30);
        log.Log.Delete(1);
        var before = made;
        Fill(log, 30, 20);
        Assert.Equal(before, made);
        Fill(log, 50, 30);
        Assert.True(made > before); // There was one spare only.
    }

    [Fact]
    public void Records_of_a_files_earlier_life_are_neither_read_nor_called_damage()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Reuse(log);
        var last = log.Append(LogFixture.Payload(1000, 100));
        Assert.NotEqual(0u, HeaderOf(disk, last.Segment).StaleFrom);
        disk.Kill();

        var again = new LogFixture(disk);
        Assert.Empty(again.Damage);
        Assert.DoesNotContain(again.Records, r => LogFixture.IdOf(r.Payload) < 20);
        Assert.Equal(last, again.Records[^1].Location);
        Assert.Equal(again.Records.Count, again.Records.Select(r => LogFixture.IdOf(r.Payload)).Distinct().Count());
    }

    [Fact]
    public void A_used_file_made_ready_and_never_written_holds_nothing_at_the_next_start()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk, new SegmentLogOptions { SegmentBytes = 64 << 10, PrepareAtPercent = 0 });
        Fill(log, 0, 50);
        log.Log.Delete(1);
        log.Log.Delete(2);
        Fill(log, 50, 20);
        var written = log.Log.Segments[^1].Number;
        Assert.Contains(SegmentHeader.FileName(written + 1), disk.List(LogFixture.Directory));
        Assert.NotEqual(0u, HeaderOf(disk, written + 1).StaleFrom);
        disk.Kill();

        var again = new LogFixture(disk);
        Assert.Empty(again.Damage);
        Assert.DoesNotContain(disk.List(LogFixture.Directory), name => name.Contains("damaged"));
    }

    [Fact]
    public void Damage_in_a_used_file_is_found_where_its_records_were_synced()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Reuse(log);
        var first = log.Append(LogFixture.Payload(1000, RecordBytes));
        log.Append(LogFixture.Payload(1001, RecordBytes));
        var path = LogFixture.Directory + "/" + SegmentHeader.FileName(first.Segment);
        using (var file = disk.Open(path, DiskOpenMode.OpenExisting))
            file.Write(first.Offset + RecordHeader.Bytes + 500, new byte[] { 1, 2, 3 });
        disk.Kill();

        var again = new LogFixture(disk);
        Assert.Contains(again.Damage, d => d.Segment == first.Segment && d.Reason == DamageReason.Payload);
        Assert.DoesNotContain(again.Records, r => LogFixture.IdOf(r.Payload) == 1000);
        Assert.Contains(again.Records, r => LogFixture.IdOf(r.Payload) == 1001);
    }

    [Fact]
    public void A_used_file_whose_first_records_are_all_bad_is_set_aside()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Reuse(log);
        var last = log.Append(LogFixture.Payload(1000, RecordBytes)).Segment;
        var path = LogFixture.Directory + "/" + SegmentHeader.FileName(last);
        using (var file = disk.Open(path, DiskOpenMode.OpenExisting))
        {
            var bytes = new byte[(64 << 10) - SegmentHeader.FirstRecordOffset];
            new Random(1).NextBytes(bytes);
            file.Write(SegmentHeader.FirstRecordOffset, bytes);
        }
        disk.Kill();
        Assert.Contains(new LogFixture(disk).Damage, d => d.Segment == last && d.Reason == DamageReason.Unreadable);
    }

    [Fact]
    public void An_interrupted_write_in_a_used_file_reaches_as_far_as_its_own_marks()
    {
        const ulong generation = 77;
        var bytes = new byte[32 << 10];
        new Random(5).NextBytes(bytes);
        bytes.AsSpan(SegmentHeader.FirstRecordOffset, 4096 - SegmentHeader.FirstRecordOffset).Clear();
        var header = new RecordHeader(RecordType.Data, 1, 100, generation, 1, 0);
        header.Write(bytes.AsSpan(SegmentHeader.FirstRecordOffset), SegmentHeader.FirstRecordOffset);
        // A torn record's header: the generation is there, the rest isn't.
        const int torn = 8192;
        header.Write(bytes.AsSpan(torn), torn + 8);

        var image = new SegmentImage(bytes, generation, 4096);
        Assert.True(image.MoveNext());
        Assert.False(image.MoveNext());
        Assert.Equal(torn + RecordHeader.Bytes, image.BadOffset + image.BadLength);
    }

    [Fact]
    public void The_file_of_a_poisoned_segment_is_never_used_again()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Fill(log, 0, 3);
        disk.BeforeOperation = (_, operation, path) =>
        {
            if (operation == "fdatasync") throw new DiskException(operation, path, DiskError.Io, 5);
        };
        var failed = log.Start(1, LogFixture.Payload(3, 10), Durability.Synced);
        log.Driver.PumpAll();
        disk.BeforeOperation = null;
        Assert.True(failed.IsFaulted);
        log.Time.Advance(log.Options.RetryDelay);
        Fill(log, 4, 1);
        log.Log.Delete(1);
        Assert.DoesNotContain(disk.List(LogFixture.Directory), name => name.EndsWith(".new", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void No_more_files_are_kept_than_the_limit_says(int limit)
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Fill(log, 0, 90);
        var spares = 0;
        foreach (var number in new uint[] { 1, 2 }) log.Log.Delete(number);
        Assert.Equal(2, Spares());
        log.Log.LimitSpares(limit);
        Assert.Equal(limit, Spares());
        log.Log.Delete(3);
        Assert.Equal(limit, Spares());
        log.Close();
        Assert.Equal(0, Spares());

        int Spares() => spares = disk.List(LogFixture.Directory).Count(n => n.EndsWith(".new", StringComparison.Ordinal));
    }

    /// <summary>Brings the log to where it writes into a file that was used before.</summary>
    private static void Reuse(LogFixture log)
    {
        Fill(log, 0, 30);
        var made = log.Log.Segments[^1].Number + 1;
        // The next one is made ahead: the spare serves the one after it.
        log.Log.Delete(1);
        for (var i = 30; log.Log.Segments[^1].Number <= made; i++) Fill(log, i, 1);
    }

    private static void Fill(LogFixture log, int firstId, int count)
    {
        for (var i = 0; i < count; i++) log.Append(LogFixture.Payload(firstId + i, RecordBytes));
    }

    private static SegmentHeader HeaderOf(IDisk disk, uint number)
    {
        using var file = disk.Open(LogFixture.Directory + "/" + SegmentHeader.FileName(number),
            DiskOpenMode.OpenExisting);
        var bytes = new byte[SegmentHeader.FirstRecordOffset];
        file.Read(0, bytes);
        Assert.True(SegmentHeader.TryRead(bytes, out var header, out _));
        return header.Value;
    }
}
