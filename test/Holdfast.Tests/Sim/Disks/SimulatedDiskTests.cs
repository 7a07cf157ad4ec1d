using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;

namespace Holdfast.Tests.Sim.Disks;

public class SimulatedDiskTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void What_was_synced_with_its_entry_survives_every_cut()
    {
        using var file = _disk.Open("a", DiskOpenMode.CreateNew);
        file.Write(0, "kept"u8);
        file.SyncData();
        _disk.SyncDirectory("");
        file.Write(4, "lost?"u8);
        for (var seed = 0; seed < 50; seed++)
        {
            Assert.True(_disk.Cut(new Random(seed)).Node("a").Bytes.StartsWith("kept"u8));
        }
    }

    [Fact]
    public void A_file_whose_entry_was_not_synced_may_be_gone_although_its_data_was()
    {
        using var file = _disk.Open("a", DiskOpenMode.CreateNew);
        file.Write(0, "data"u8);
        file.SyncData();
        var kept = Enumerable.Range(0, 100).Count(seed => _disk.Cut(new Random(seed)).Exists("a"));
        Assert.InRange(kept, 10, 90);
    }

    [Fact]
    public void Unsynced_sectors_survive_in_any_combination()
    {
        using var file = _disk.Open("a", DiskOpenMode.CreateNew);
        file.Preallocate(4 * SimulatedNode.SectorBytes);
        file.SyncData();
        _disk.SyncDirectory("");
        file.Write(0, Enumerable.Repeat((byte)1, 4 * SimulatedNode.SectorBytes).ToArray());
        var seen = new HashSet<string>();
        for (var seed = 0; seed < 2000; seed++)
        {
            var bytes = _disk.Cut(new Random(seed)).Node("a").Bytes;
            seen.Add($"{bytes[0]}{bytes[512]}{bytes[1024]}{bytes[1536]}");
        }
        Assert.Equal(16, seen.Count);
    }

    [Fact]
    public void A_rename_that_was_not_synced_leaves_one_of_the_two_names()
    {
        _disk.Open("a", DiskOpenMode.CreateNew).Dispose();
        _disk.SyncDirectory("");
        _disk.Rename("a", "b");
        for (var seed = 0; seed < 50; seed++)
        {
            var after = _disk.Cut(new Random(seed));
            Assert.True(after.Exists("a") ^ after.Exists("b"));
        }
    }

    [Fact]
    public void The_same_seed_cuts_the_same_way()
    {
        using var file = _disk.Open("a", DiskOpenMode.CreateNew);
        file.Write(0, new byte[5000]);
        file.Write(700, "something"u8);
        _disk.SyncDirectory("");
        Assert.True(_disk.Cut(new Random(7)).Node("a").Bytes.SequenceEqual(_disk.Cut(new Random(7)).Node("a").Bytes));
    }

    [Fact]
    public void After_a_failed_sync_a_later_one_does_not_bring_the_bytes_to_the_disk()
    {
        using var file = _disk.Open("a", DiskOpenMode.CreateNew);
        file.SyncData();
        _disk.SyncDirectory("");
        file.Write(0, "lost"u8);
        _disk.BeforeOperation = (_, operation, path) => throw new DiskException(operation, path, DiskError.Io, 5);
        Assert.Throws<DiskException>(file.SyncData);
        _disk.BeforeOperation = null;
        file.SyncData();
        Assert.Equal(0, _disk.Cut(new Random(1)).Node("a").Length);
    }

    [Fact]
    public void Space_runs_out_at_the_byte()
    {
        var disk = new SimulatedDisk(new SimulatedDiskManners { TotalBytes = 100 });
        using var file = disk.Open("a", DiskOpenMode.CreateNew);
        file.Write(0, new byte[100]);
        Assert.Equal(0, disk.FreeBytes);
        Assert.Equal(DiskError.NoSpace, Assert.Throws<DiskException>(() => file.Write(100, new byte[1])).Error);
        disk.Delete("a");
        Assert.Equal(100, disk.FreeBytes);
    }
}
