using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.SystemTests.Storage;

/// <summary>The POSIX disk on a real directory, and the segment log on it.</summary>
public sealed class PosixDiskTests : IDisposable, ISegmentVisitor
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), "holdfast-" + Path.GetRandomFileName());
    private readonly PosixDisk _disk;
    private readonly Dictionary<RecordLocation, byte[]> _found = [];

    public PosixDiskTests() => _disk = new PosixDisk(Path.Combine(_root, "deep", "er"));

    public void Dispose()
    {
        _disk.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void A_gathered_write_of_more_buffers_than_one_call_takes_reads_back()
    {
        using var file = _disk.Open("many", DiskOpenMode.CreateNew);
        var random = new Random(1);
        var buffers = new List<ReadOnlyMemory<byte>>();
        for (var i = 0; i < 3000; i++)
        {
            var buffer = new byte[random.Next(200)];
            random.NextBytes(buffer);
            buffers.Add(buffer);
        }
        file.Write(77, buffers);
        var expected = buffers.SelectMany(b => b.ToArray()).ToArray();
        var read = new byte[expected.Length + 10];
        Assert.Equal(expected.Length, file.Read(77, read));
        Assert.Equal(expected, read[..expected.Length]);
        file.SyncData();
        _disk.SyncDirectory("");
    }

    [Fact]
    public void Preallocated_space_reads_as_zeroes_and_keeps_what_was_there()
    {
        using var file = _disk.Open("space", DiskOpenMode.CreateNew);
        file.Write(0, "begin"u8);
        file.Preallocate(1_000_000);
        Assert.Equal(1_000_000, file.Length);
        var bytes = new byte[1_000_000];
        Assert.Equal(bytes.Length, file.Read(0, bytes));
        Assert.True(bytes.AsSpan().StartsWith("begin"u8));
        Assert.Equal(-1, bytes.AsSpan(5).IndexOfAnyExcept((byte)0));
        file.Truncate(3);
        Assert.Equal(3, file.Length);
    }

    [Fact]
    public void Each_failure_says_what_it_was()
    {
        Assert.Equal(DiskError.NotFound, Error(() => _disk.Open("none", DiskOpenMode.OpenExisting)));
        _disk.Open("a", DiskOpenMode.CreateNew).Dispose();
        Assert.Equal(DiskError.Exists, Error(() => _disk.Open("a", DiskOpenMode.CreateNew)));
        Assert.Equal(DiskError.NotFound, Error(() => _disk.Delete("none")));
        Assert.Equal(DiskError.NotFound, Error(() => _disk.Rename("none", "b")));
        Assert.Equal(DiskError.NotFound, Error(() => _disk.List("none")));
        Assert.Equal(DiskError.NotFound, Error(() => _disk.SyncDirectory("none")));
        Assert.Throws<ArgumentException>(() => _disk.Open("../out", DiskOpenMode.CreateNew));
        Assert.Throws<ArgumentException>(() => _disk.Open("/etc/passwd", DiskOpenMode.OpenExisting));
    }

    [Fact]
    public void Names_are_listed_renamed_and_deleted()
    {
        _disk.CreateDirectory("d");
        _disk.CreateDirectory("d");
        foreach (var name in new[] { "b", "a", "c" }) _disk.Open("d/" + name, DiskOpenMode.CreateNew).Dispose();
        _disk.Rename("d/c", "d/a");
        Assert.Equal(["a", "b"], _disk.List("d"));
        _disk.Delete("d/a");
        Assert.False(_disk.Exists("d/a"));
        Assert.True(_disk.Exists("d/b"));
        _disk.SyncDirectory("d");
        Assert.InRange(_disk.FreeBytes, 1, _disk.TotalBytes);
    }

    [Fact]
    public void A_lock_is_held_once_and_free_again_when_released()
    {
        using (_disk.Lock("lock"))
        {
            Assert.Equal(DiskError.Locked, Error(() => _disk.Lock("lock")));
        }
        _disk.Lock("lock").Dispose();
    }

    [Fact]
    public async Task A_log_on_the_real_disk_keeps_what_was_appended_by_many_at_once()
    {
        var options = new SegmentLogOptions { SegmentBytes = 1 << 20 };
        var written = new Dictionary<RecordLocation, byte[]>();
        await using (var log = Open(options))
        {
            await Task.WhenAll(Enumerable.Range(1, 20).Select(producer => Task.Run(async () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    var payload = new byte[producer * 300];
                    payload.AsSpan().Fill((byte)(producer + i));
                    var location = await log.AppendAsync(1, payload, ReadOnlyMemory<byte>.Empty, Durability.Synced);
                    lock (written) written.Add(location, payload);
                }
            })));
        }
        await using (Open(options))
        {
            Assert.Equal(written.Count, _found.Count);
            foreach (var (location, payload) in written) Assert.Equal(payload, _found[location]);
        }
    }

    private SegmentLog Open(SegmentLogOptions options) => SegmentLog.Open(_disk, "log", options, ScanStart.Beginning,
        this, TimeProvider.System, new Random(1), NullLogger.Instance);

    private static DiskError Error(Action act) => Assert.Throws<DiskException>(act).Error;

    private static DiskError Error(Func<IDisposable> act) => Assert.Throws<DiskException>(() => act()).Error;

    void ISegmentVisitor.Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload) =>
        _found.Add(location, payload.ToArray());

    void ISegmentVisitor.Damaged(DamageReport report) => Assert.Fail(report.ToString());
}
