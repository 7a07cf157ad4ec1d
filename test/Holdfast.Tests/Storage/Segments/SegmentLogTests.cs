using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

public class SegmentLogTests
{
    [Fact]
    public void What_was_appended_is_read_back_and_found_again_at_open_in_order()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var locations = new List<RecordLocation>();
        for (var i = 0; i < 50; i++) locations.Add(log.Append(LogFixture.Payload(i, i * 40)));
        for (var i = 0; i < 50; i++) Assert.Equal(LogFixture.Payload(i, i * 40), log.Read(locations[i]));
        log.Close();

        var again = new LogFixture(disk);
        Assert.Empty(again.Damage);
        Assert.Equal(locations, again.Records.Select(r => r.Location));
        for (var i = 0; i < 50; i++) Assert.Equal(LogFixture.Payload(i, i * 40), again.Read(locations[i]));
    }

    [Fact]
    public void A_full_segment_is_followed_by_the_next()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var locations = new List<RecordLocation>();
        for (var i = 0; i < 100; i++) locations.Add(log.Append(LogFixture.Payload(i, 3000)));
        Assert.True(log.Log.Segments.Count > 4);
        Assert.Equal(Enumerable.Range(1, log.Log.Segments.Count).Select(n => (uint)n),
            log.Log.Segments.Select(s => s.Number));
        for (var i = 0; i < 100; i++) Assert.Equal(LogFixture.Payload(i, 3000), log.Read(locations[i]));

        disk.Kill();
        var again = new LogFixture(disk);
        Assert.Empty(again.Damage);
        Assert.Equal(locations, again.Records.Select(r => r.Location));
    }

    [Fact]
    public void The_largest_record_fits_and_one_byte_more_is_refused()
    {
        var log = new LogFixture(new SimulatedDisk());
        var max = (int)log.Options.RecordBytesMax;
        log.Append(LogFixture.Payload(0, 100));
        var location = log.Append(LogFixture.Payload(1, max));
        Assert.Equal(LogFixture.Payload(1, max), log.Read(location));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => log.Append(LogFixture.Payload(2, max + 1)));
    }

    [Fact]
    public async Task Many_pieces_make_one_record()
    {
        var log = new LogFixture(new SimulatedDisk());
        ReadOnlyMemory<byte>[] pieces = [.. Enumerable.Range(0, 40).Select(
            i => (ReadOnlyMemory<byte>)LogFixture.Payload(i, i * 50))];
        var append = log.Log.AppendAsync(3, "head"u8.ToArray(), pieces, Durability.Synced).AsTask();
        log.Driver.PumpAll();
        byte[] expected = [.. "head"u8, .. pieces.SelectMany(p => p.ToArray())];
        Assert.Equal(expected, log.Read(await append));
    }

    [Fact]
    public void Appends_that_wait_together_share_one_sync()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var syncs = 0;
        disk.BeforeOperation = (_, operation, _) => syncs += operation == "fdatasync" ? 1 : 0;
        var appends = Enumerable.Range(0, 20)
            .Select(i => log.Start(1, LogFixture.Payload(i, 100), Durability.Synced)).ToArray();
        log.Driver.PumpAll();
        Assert.All(appends, a => Assert.True(a.IsCompletedSuccessfully));
        Assert.Equal(1, syncs);
    }

    [Fact]
    public void A_lazy_append_is_synced_after_the_delay_and_not_before()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var syncs = 0;
        disk.BeforeOperation = (_, operation, _) => syncs += operation == "fdatasync" ? 1 : 0;
        log.Append(LogFixture.Payload(1, 10), Durability.Lazy);
        log.Time.Advance(log.Options.LazySyncDelay - TimeSpan.FromTicks(1));
        log.Driver.PumpAll();
        Assert.Equal(0, syncs);
        log.Time.Advance(TimeSpan.FromTicks(1));
        log.Driver.PumpAll();
        Assert.Equal(1, syncs);
    }

    [Fact]
    public void A_kill_while_a_segment_is_made_does_not_keep_the_next_start_from_writing()
    {
        var disk = new SimulatedDisk();
        new LogFixture(disk).Close();
        disk.Open(LogFixture.Directory + "/" + SegmentHeader.FileName(2) + ".new", DiskOpenMode.CreateNew).Dispose();
        var log = new LogFixture(disk);
        Assert.False(log.Log.IsFailed);
        log.Append(LogFixture.Payload(1, 10));
        Assert.DoesNotContain(disk.List(LogFixture.Directory), name => name.EndsWith(".new", StringComparison.Ordinal));
    }

    [Fact]
    public void A_second_log_on_the_same_directory_is_refused()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        Assert.Equal(DiskError.Locked, Assert.Throws<DiskException>(() => new LogFixture(disk)).Error);
        log.Close();
        new LogFixture(disk).Close();
    }

    [Fact]
    public void A_deleted_segment_is_gone_and_its_records_are_damage_free_history()
    {
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var first = log.Append(LogFixture.Payload(0, 3000));
        for (var i = 1; i < 60; i++) log.Append(LogFixture.Payload(i, 3000));
        log.Log.Delete(1);
        Assert.Throws<RecordDamagedException>(() => log.Read(first));
        Assert.Throws<ArgumentException>(() => log.Log.Delete(log.Log.Segments[^1].Number));
        disk.Kill();

        var again = new LogFixture(disk);
        Assert.Empty(again.Damage);
        Assert.DoesNotContain(again.Records, r => r.Location.Segment == 1);
        Assert.Equal(2u, again.Log.Segments[0].Number);
    }
}
