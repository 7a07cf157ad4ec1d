using System.Collections.Concurrent;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Storage.Segments;

/// <summary>The log on its own thread, over a disk that several threads may use.</summary>
public class ThreadedLogTests : ISegmentVisitor
{
    private readonly MemoryDisk _disk = new();
    private readonly Dictionary<RecordLocation, byte[]> _found = [];
    private ulong _lastSequence;
    private int _damaged;

    [Fact]
    public async Task Many_producers_share_the_log_read_what_they_wrote_and_all_is_found_again()
    {
        var written = new ConcurrentDictionary<RecordLocation, byte[]>();
        await using (var log = Open())
        {
            await Task.WhenAll(Enumerable.Range(0, 32).Select(producer => Task.Run(async () =>
            {
                for (var i = 0; i < 100; i++)
                {
                    var payload = LogFixture.Payload((producer * 1000) + i, (producer * 37) + (i * 11));
                    var location = await log.AppendAsync(1, payload.AsMemory(0, 3), payload.AsMemory(3),
                        i % 3 == 0 ? Durability.Lazy : Durability.Synced);
                    written[location] = payload;
                    var read = new byte[location.Length];
                    log.Read(location, read);
                    Assert.Equal(payload, read);
                }
                await log.SyncAsync();
            })));
        }
        await using (Open())
        {
            Assert.Equal(0, _damaged);
            Assert.Equal(written.Count, _found.Count);
            foreach (var (location, payload) in written) Assert.Equal(payload, _found[location]);
        }
    }

    [Fact]
    public async Task Producers_beyond_the_bound_wait_and_lose_nothing()
    {
        await using var log = Open(pendingMax: 2);
        var appends = Enumerable.Range(0, 200).Select(i =>
            log.AppendAsync(1, LogFixture.Payload(i, 20), ReadOnlyMemory<byte>.Empty, Durability.Synced).AsTask());
        var locations = await Task.WhenAll(appends);
        Assert.Equal(200, locations.Distinct().Count());
    }

    [Fact]
    public async Task A_caller_that_waits_on_the_thread_that_let_it_go_on_holds_up_nobody_for_good()
    {
        await using var log = Open();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(producer => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                await Append().ConfigureAwait(false);
                if (producer == 0) Append().GetAwaiter().GetResult();
            }
        }))).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Task Append() => log.AppendAsync(1, LogFixture.Payload(1, 20), ReadOnlyMemory<byte>.Empty, Durability.Synced)
            .AsTask();
    }

    [Fact]
    public async Task Closing_commits_what_was_taken_in()
    {
        var log = Open();
        var appends = Enumerable.Range(0, 50).Select(i =>
            log.AppendAsync(1, LogFixture.Payload(i, 20), ReadOnlyMemory<byte>.Empty, Durability.Lazy).AsTask())
            .ToArray();
        await log.DisposeAsync();
        await Task.WhenAll(appends);
        await using var again = Open();
        Assert.Equal(50, _found.Count);
    }

    private SegmentLog Open(int pendingMax = 64) => SegmentLog.Open(_disk, "log",
        new SegmentLogOptions { SegmentBytes = 64 << 10, PendingMax = pendingMax }, ScanStart.Beginning, this,
        TimeProvider.System, new Random(1), NullLogger.Instance);

    void ISegmentVisitor.Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload)
    {
        Assert.True(sequence > _lastSequence);
        _lastSequence = sequence;
        _found.Add(location, payload.ToArray());
    }

    void ISegmentVisitor.Damaged(DamageReport report) => _damaged++;

    /// <summary>A simulated disk behind one lock.</summary>
    private sealed class MemoryDisk : IDisk
    {
        private readonly Holdfast.Sim.Disks.SimulatedDisk _inner = new();
        private readonly Lock _gate = new();

        public long FreeBytes => Locked(() => _inner.FreeBytes);
        public long TotalBytes => _inner.TotalBytes;
        public IDiskFile Open(string path, DiskOpenMode mode) =>
            Locked(() => new MemoryFile(this, _inner.Open(path, mode)));
        public bool Exists(string path) => Locked(() => _inner.Exists(path));
        public IReadOnlyList<string> List(string directory) => Locked(() => _inner.List(directory));
        public void CreateDirectory(string path) => Locked(() => { _inner.CreateDirectory(path); return 0; });
        public void Rename(string from, string to) => Locked(() => { _inner.Rename(from, to); return 0; });
        public void Delete(string path) => Locked(() => { _inner.Delete(path); return 0; });
        public void SyncDirectory(string directory) => Locked(() => { _inner.SyncDirectory(directory); return 0; });
        public IDisposable Lock(string path) => Locked(() => _inner.Lock(path));

        private T Locked<T>(Func<T> call)
        {
            lock (_gate) return call();
        }

        private sealed class MemoryFile(MemoryDisk disk, IDiskFile inner) : IDiskFile
        {
            public string Path => inner.Path;
            public long Length => disk.Locked(() => inner.Length);

            public int Read(long offset, Span<byte> buffer)
            {
                lock (disk._gate) return inner.Read(offset, buffer);
            }

            public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers) =>
                disk.Locked(() => { inner.Write(offset, buffers); return 0; });

            public void Write(long offset, ReadOnlySpan<byte> buffer)
            {
                lock (disk._gate) inner.Write(offset, buffer);
            }

            public void Preallocate(long length) => disk.Locked(() => { inner.Preallocate(length); return 0; });
            public void Truncate(long length) => disk.Locked(() => { inner.Truncate(length); return 0; });
            public void SyncData() => disk.Locked(() => { inner.SyncData(); return 0; });
            public void Dispose() => inner.Dispose();
        }
    }
}
