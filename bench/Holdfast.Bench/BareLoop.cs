using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Holdfast.Storage.Disk;

namespace Holdfast.Bench;

/// <summary>The disk's limit: batches of equal records, each a gathered write into a preallocated, zeroed file and a
/// sync.</summary>
/// <remarks>
/// <see cref="Alone"/>: nobody waits; one thread writes and syncs. <see cref="Fed"/>: the same thread takes what so
/// many tasks left under a lock, and lets them go on on the pool when the sync has returned. That is the least any
/// group commit does; it has no checksums, headers, segments or recovery.
/// </remarks>
internal static class BareLoop
{
    private const long FileBytes = 64 << 20;
    private const string Name = "bare";

    public static SpoolResult Alone(IDisk disk, int batch, int size, TimeSpan length)
    {
        using var file = Create(disk);
        var buffers = Enumerable.Repeat(Record(size), batch).ToArray();
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        long at = 0, done = 0;
        while (watch.Elapsed < length)
        {
            if (at + ((long)batch * size) > FileBytes) at = 0;
            file.Write(at, buffers);
            file.SyncData();
            at += (long)batch * size;
            done += batch;
        }
        watch.Stop();
        cpu = Environment.CpuUsage.TotalTime - cpu;
        disk.Delete(Name);
        return new SpoolResult(done / watch.Elapsed.TotalSeconds, batch, cpu.TotalMicroseconds / done, 0);
    }

    public static async Task<SpoolResult> Fed(IDisk disk, int writers, int size, TimeSpan length)
    {
        using var file = Create(disk);
        var intake = new Intake();
        var record = Record(size);
        long syncs = 0, done = 0;
        var watch = Stopwatch.StartNew();
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var thread = new Thread(Commit) { Name = "bare loop" };
        thread.Start();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(Write)));
        watch.Stop();
        intake.End();
        thread.Join();
        cpu = Environment.CpuUsage.TotalTime - cpu;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        disk.Delete(Name);
        return new SpoolResult(done / watch.Elapsed.TotalSeconds, (double)done / syncs, cpu.TotalMicroseconds / done,
            (double)allocated / done);

        async Task Write()
        {
            var waiter = new Waiter();
            while (watch.Elapsed < length)
            {
                intake.Add(waiter);
                await waiter.Synced;
            }
        }

        void Commit()
        {
            var (batch, buffers) = (new List<Waiter>(), new List<ReadOnlyMemory<byte>>());
            long at = 0;
            while (intake.TryTake(ref batch))
            {
                while (buffers.Count < batch.Count) buffers.Add(record);
                buffers.RemoveRange(batch.Count, buffers.Count - batch.Count);
                if (at + ((long)batch.Count * size) > FileBytes) at = 0;
                file.Write(at, buffers);
                file.SyncData();
                at += (long)batch.Count * size;
                done += batch.Count;
                syncs++;
                foreach (var waiter in batch) waiter.GoOn();
                batch.Clear();
            }
        }
    }

    private static IDiskFile Create(IDisk disk)
    {
        var file = disk.Open(Name, DiskOpenMode.CreateNew);
        file.Preallocate(FileBytes);
        file.SyncData();
        disk.SyncDirectory("");
        return file;
    }

    private static ReadOnlyMemory<byte> Record(int size)
    {
        var record = new byte[size];
        new Random(3).NextBytes(record);
        return record;
    }

    private sealed class Intake
    {
        private readonly object _gate = new();
        private List<Waiter> _waiting = [];
        private bool _isEnded;

        public void Add(Waiter waiter)
        {
            lock (_gate)
            {
                _waiting.Add(waiter);
                if (_waiting.Count == 1) Monitor.Pulse(_gate);
            }
        }

        /// <summary>Swaps the empty list for those who wait. False: it is over.</summary>
        public bool TryTake(ref List<Waiter> empty)
        {
            lock (_gate)
            {
                while (_waiting.Count == 0)
                {
                    if (_isEnded) return false;
                    Monitor.Wait(_gate);
                }
                (_waiting, empty) = (empty, _waiting);
                return true;
            }
        }

        public void End()
        {
            lock (_gate)
            {
                _isEnded = true;
                Monitor.Pulse(_gate);
            }
        }
    }

    private sealed class Waiter : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

        public ValueTask Synced => new(this, _core.Version);
        public void GoOn() => _core.SetResult(true);

        public void GetResult(short token)
        {
            _core.GetResult(token);
            _core.Reset();
        }

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token,
            ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);
    }
}
