using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

public class FailureTests
{
    private readonly SimulatedDisk _disk = new();

    [Theory]
    [InlineData("fdatasync", 5, DiskError.Io)]
    [InlineData("pwrite", 28, DiskError.NoSpace)]
    [InlineData("pwrite", 5, DiskError.Io)]
    public void A_failing_write_or_sync_fails_its_batch_and_the_next_append_goes_to_a_fresh_segment(
        string operation, int errno, DiskError error)
    {
        var faulty = new FaultyDisk(_disk);
        var log = new LogFixture(faulty);
        var before = log.Append(LogFixture.Payload(1, 100));
        faulty.Faults = [new DiskFault(operation, 0, 1, errno)];
        var failed = new[] { log.Start(1, LogFixture.Payload(2, 100), Durability.Synced),
            log.Start(1, LogFixture.Payload(3, 100), Durability.Lazy) };
        log.Driver.PumpAll();
        Assert.All(failed, f => Assert.Equal(error, Assert.IsType<DiskException>(f.Exception!.InnerException).Error));
        Assert.Equal([1u], log.Poisoned);
        Assert.True(log.Log.Segments[0].IsPoisoned);
        Assert.False(log.Log.IsFailed);

        var after = log.Append(LogFixture.Payload(4, 100));
        Assert.Equal(2u, after.Segment);
        Assert.Equal(LogFixture.Payload(1, 100), log.Read(before));
        _disk.Kill();

        // The failed batch may stand on the disk, yet it never comes back.
        var again = new LogFixture(_disk);
        Assert.Equal([before, after], again.Records.Select(r => r.Location));
        Assert.True(again.Log.Segments[0].IsPoisoned);
    }

    [Fact]
    public void A_lazy_append_whose_later_sync_fails_is_told_by_the_event_and_by_the_next_sync_request()
    {
        var faulty = new FaultyDisk(_disk);
        var log = new LogFixture(faulty);
        log.Append(LogFixture.Payload(1, 100), Durability.Lazy);
        faulty.Faults = [new DiskFault("fdatasync", 0, 1, 5)];
        log.Time.Advance(log.Options.LazySyncDelay);
        log.Driver.PumpAll();
        Assert.Equal([1u], log.Poisoned);
        var sync = log.Log.SyncAsync().AsTask();
        log.Driver.PumpAll();
        Assert.IsType<DiskException>(sync.Exception!.InnerException);
        var next = log.Log.SyncAsync().AsTask();
        log.Driver.PumpAll();
        Assert.True(next.IsCompletedSuccessfully);
    }

    [Fact]
    public void Without_space_for_a_segment_the_log_has_failed_until_there_is_and_asks_once_a_retry_delay()
    {
        var disk = new SimulatedDisk(new SimulatedDiskManners { TotalBytes = 200 << 10 });
        var log = new LogFixture(disk);
        DiskException? full = null;
        var written = 0;
        while (full is null)
        {
            var append = log.Start(1, LogFixture.Payload(written, 3000), Durability.Synced);
            log.Driver.PumpAll();
            if (append.IsFaulted) full = (DiskException)append.Exception!.InnerException!;
            else written++;
        }
        Assert.Equal(DiskError.NoSpace, full.Error);
        Assert.True(log.Log.IsFailed);
        Assert.Equal(DiskError.NoSpace, log.Log.Failure!.Error);

        log.Log.Delete(1);
        var early = log.Start(1, LogFixture.Payload(1, 10), Durability.Synced);
        log.Driver.PumpAll();
        Assert.True(early.IsFaulted);
        log.Time.Advance(log.Options.RetryDelay);
        log.Append(LogFixture.Payload(1, 10));
        Assert.False(log.Log.IsFailed);
    }

    [Fact]
    public void A_log_opens_on_a_full_disk_delivers_what_it_holds_and_reads()
    {
        var manners = new SimulatedDiskManners();
        var disk = new SimulatedDisk(manners);
        var log = new LogFixture(disk);
        var location = log.Append(LogFixture.Payload(1, 100));
        disk.Kill();
        manners.TotalBytes = 1000;
        var again = new LogFixture(disk);
        Assert.True(again.Log.IsFailed);
        Assert.Equal(location, Assert.Single(again.Records).Location);
        Assert.Equal(LogFixture.Payload(1, 100), again.Read(location));
        Assert.Throws<ArgumentException>(() => again.Log.Delete(1)); // The newest stays.
    }

    [Fact]
    public void A_part_of_a_segment_that_cannot_be_read_is_reported_and_the_rest_delivered()
    {
        var log = new LogFixture(_disk);
        var locations = Enumerable.Range(0, 10).Select(i => log.Append(LogFixture.Payload(i, 3000))).ToList();
        log.Close();
        // The whole-file read fails, then the third piece of 4 KiB.
        _disk.BeforeOperation = Fail("pread", 1, 4);
        var again = new LogFixture(_disk);
        Assert.Contains(again.Damage, d => d.Reason == DamageReason.ReadError);
        Assert.True(again.Records.Count is >= 7 and < 10);
        _disk.BeforeOperation = null;
        again.Close();

        // It could be read after all: nothing was cut meanwhile.
        Assert.Equal(locations, new LogFixture(_disk).Records.Select(r => r.Location));
    }

    [Fact]
    public void Appends_after_closing_are_refused()
    {
        var log = new LogFixture(_disk);
        log.Close();
        Assert.IsType<ObjectDisposedException>(
            log.Start(1, LogFixture.Payload(1, 1), Durability.Lazy).Exception!.InnerException);
    }

    [Fact]
    public void Fault_plans_are_read_from_text()
    {
        Assert.True(DiskFault.TryParse("fdatasync:10:2:5; pwrite:0:1:28:segments", out var faults));
        Assert.Equal(new DiskFault("pwrite", 0, 1, 28, "segments"), faults[1]);
        Assert.False(DiskFault.TryParse("fdatasync:x:2:5", out _));
        Assert.False(DiskFault.TryParse("fdatasync", out _));
    }

    private static Action<long, string, string> Fail(string failing, params int[] calls)
    {
        var call = -1;
        return (_, operation, path) =>
        {
            if (operation != failing || !calls.Contains(++call)) return;
            throw new DiskException(operation, path, DiskError.Io, 5);
        };
    }
}
