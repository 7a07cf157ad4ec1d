using System.Buffers;
using System.Text;
using Holdfast.Evidence.Records;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Evidence.Records;

public sealed class RecordJournalTests
{
    private sealed class Counts : IJournalMetrics
    {
        private long _written;
        private long _dropped;
        public long Known => Interlocked.Read(ref _written) + Interlocked.Read(ref _dropped);
        public long Lost => Interlocked.Read(ref _dropped);
        public void Written(int records) => Interlocked.Add(ref _written, records);
        public void Dropped(long records, string why) => Interlocked.Add(ref _dropped, records);
        public void Kept(long bytes, int files) { }
    }

    private static RecordJournal<string> Open(IDisk disk, Counts counts, TimeProvider time, int queueMax = 100) =>
        new(disk, "access", "lines", queueMax, () => new JournalKeep(TimeSpan.FromDays(1), 16 << 20),
            static (record, line) => line.Write(Encoding.UTF8.GetBytes(record + "\n")), time, counts,
            NullLogger.Instance);

    [Fact]
    public async Task Lines_stand_in_a_directory_of_their_own_without_an_index()
    {
        var disk = new SimulatedDisk();
        await using (var journal = Open(disk, new Counts(), new FakeTimeProvider()))
            journal.Append("one");
        var name = Assert.Single(disk.List("access"));
        Assert.EndsWith(".jsonl", name, StringComparison.Ordinal);
        using var file = disk.Open("access/" + name, DiskOpenMode.OpenExisting);
        Assert.Equal(4, file.Length);
    }

    [Fact]
    public async Task Who_appends_does_not_wait_for_a_disk_that_stands_still()
    {
        var disk = new SimulatedDisk();
        var counts = new Counts();
        using var goesOn = new ManualResetEventSlim();
        using var stands = new ManualResetEventSlim();
        disk.BeforeOperation = (_, _, _) =>
        {
            stands.Set();
            goesOn.Wait(TestContext.Current.CancellationToken);
        };
        var journal = Open(disk, counts, TimeProvider.System);
        journal.Append("the writer waits with this one");
        Assert.True(stands.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        // The disk is held all this time: these return nevertheless, or this never ends.
        for (var i = 0; i < 10_000; i++)
            journal.Append("line");
        goesOn.Set();
        await journal.DisposeAsync();
        Assert.Equal(10_001, counts.Known);
        Assert.InRange(counts.Lost, 9_800, 10_000);
    }
}
