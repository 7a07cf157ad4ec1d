using Holdfast.Evidence.Records;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Evidence.Records;

public class EvidenceJournalTests
{
    [Fact]
    public async Task Records_stand_in_the_file_as_lines_that_grep_finds()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Delivered, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a+b'c@x.example", "mail-eu",
            "250 2.0.0 <ok> \"fine\"");
        await f.Flush();
        Assert.Equal("{\"time\":\"2026-01-22T17:45:00Z\",\"kind\":\"Delivered\",\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\","
            + "\"recipient\":\"a+b'c@x.example\",\"site\":\"mail-eu\",\"reply\":\"250 2.0.0 <ok> \\\"fine\\\"\"}\n",
            f.All());
        Assert.Equal(["20260122T174500-0000.jsonl"], f.Names);
    }

    [Fact]
    public async Task Records_are_written_after_a_fifth_of_a_second_and_when_it_ends()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, "A1");
        for (var i = 0; i < 500 && f.Count("holdfast.evidence.records") == 0; i++)
        {
            f.Time.Advance(JournalKeep.FlushInterval);
            await Task.Yield();
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, TestContext.Current.CancellationToken);
        }
        Assert.Equal(1, f.Count("holdfast.evidence.records"));
        f.Add(EvidenceKind.Delivered, "A1");
        await f.Reopen();
        Assert.Equal(2, f.Count("holdfast.evidence.records"));
        Assert.Equal(2, f.All().Count(c => c == '\n'));
    }

    [Fact]
    public async Task What_comes_faster_than_it_is_written_is_dropped_and_counted_and_nobody_waits()
    {
        await using var f = new JournalFixture();
        f.Disk.BeforeOperation = (_, name, _) =>
        {
            if (name.Contains("write", StringComparison.Ordinal))
                Thread.Yield();
        };
        var record = new EvidenceRecord { At = JournalFixture.Start, Kind = EvidenceKind.Accepted };
        var total = 3 * EvidenceJournal.QueueMax;
        for (var i = 0; i < total; i++)
            f.Journal.Append(record);
        await f.Flush();
        f.Add(EvidenceKind.Stopped, null);
        await f.Flush();
        Assert.Equal(total + 1, f.Count("holdfast.evidence.records") + f.Count("holdfast.evidence.dropped"));
        Assert.Equal(f.Count("holdfast.evidence.records"), f.All().Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_full_disk_drops_and_counts_and_writing_goes_on_when_there_is_room()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, "A1");
        await f.Flush();
        f.Disk.BeforeOperation = (_, name, path) => throw new DiskException(name, path, DiskError.NoSpace, 28);
        for (var i = 0; i < 10; i++)
        {
            f.Add(EvidenceKind.Deferred, "A1");
            await f.Flush();
        }
        Assert.Equal(10, f.Count("holdfast.evidence.dropped"));
        f.Disk.BeforeOperation = null;
        f.Add(EvidenceKind.Delivered, "A1");
        await f.Flush();
        Assert.Equal(2, f.Count("holdfast.evidence.records"));
        Assert.Contains("Delivered", f.All(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_are_changed_by_age_and_by_size_and_each_closed_one_has_an_index()
    {
        await using var f = new JournalFixture();
        f.Options.KeepBytes = 16 << 20;
        f.Add(EvidenceKind.Accepted, "A1");
        await f.Flush();
        f.Time.Advance(TimeSpan.FromHours(1));
        f.Add(EvidenceKind.Accepted, "A2");
        await f.Flush();
        f.Add(EvidenceKind.Accepted, "A3");
        await f.Flush();
        Assert.Equal(2, f.Names.Count());
        var reason = new string('x', 900);
        for (var i = 0; i < 3000; i++)
            f.Add(EvidenceKind.Deferred, "A3", reason: reason);
        await f.Flush();
        Assert.InRange(f.Names.Count(), 3, 5);
        Assert.Equal(f.Names.Count(),
            f.Disk.List("evidence").Count(n => n.EndsWith(".idx", StringComparison.Ordinal)) + 1);
    }

    [Fact]
    public async Task The_oldest_files_go_by_age()
    {
        await using var f = new JournalFixture();
        f.Options.KeepFor = TimeSpan.FromHours(5);
        for (var i = 0; i < 10; i++)
        {
            f.Add(EvidenceKind.Accepted, $"A{i}");
            await f.Flush();
            f.Time.Advance(TimeSpan.FromHours(1));
        }
        f.Add(EvidenceKind.Accepted, "last");
        await f.Flush();
        var all = f.All();
        Assert.DoesNotContain("\"A3\"", all, StringComparison.Ordinal);
        Assert.Contains("\"A6\"", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evidence_goes_by_age_also_when_nothing_new_is_written()
    {
        await using var f = new JournalFixture();
        f.Options.KeepFor = TimeSpan.FromHours(5);
        f.Add(EvidenceKind.Accepted, "A1");
        await f.Flush();
        f.Time.Advance(TimeSpan.FromHours(1));
        await f.Flush();
        Assert.Single(f.Disk.List("evidence"), n => n.EndsWith(".idx", StringComparison.Ordinal));
        f.Time.Advance(TimeSpan.FromHours(4));
        await f.Flush();
        Assert.Single(f.Names);
        f.Time.Advance(TimeSpan.FromHours(2));
        await f.Flush();
        Assert.Empty(f.Disk.List("evidence"));
    }

    [Fact]
    public void Index_bytes_count_to_what_is_kept()
    {
        var disk = new Holdfast.Sim.Disks.SimulatedDisk();
        disk.CreateDirectory("evidence");
        for (var hour = 0; hour < 12; hour++)
        {
            var name = EvidenceFiles.Name(JournalFixture.Start.AddHours(hour), 0);
            foreach (var path in (string[])[name, Path.ChangeExtension(name, ".idx")])
            {
                using var file = disk.Open("evidence/" + path, DiskOpenMode.CreateNew);
                file.Write(0, new byte[1 << 20]);
            }
        }
        var retention = new JournalRetention(new EvidenceFiles(disk, "evidence"));
        retention.Apply(new JournalKeep(TimeSpan.FromDays(90), 16 << 20), 2 << 20, JournalFixture.Start.AddHours(12));
        Assert.Equal(7, retention.Files);
        Assert.Equal(14, disk.List("evidence").Count);
        Assert.Equal(14L << 20, retention.Bytes);
    }

    [Fact]
    public async Task The_oldest_files_go_by_bytes()
    {
        await using var f = new JournalFixture();
        f.Options.KeepBytes = 16 << 20;
        var reason = new string('x', 990);
        for (var batch = 0; batch < 30; batch++)
        {
            for (var i = 0; i < 1000; i++)
                f.Add(EvidenceKind.Deferred, $"B{batch}", reason: reason);
            await f.Flush();
            f.Time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.InRange(f.All().Length, 10 << 20, 16 << 20);
        Assert.Contains("\"B29\"", f.All(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"B0\"", f.All(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_begins_a_file_of_its_own_and_keeps_the_old_ones()
    {
        await using var f = new JournalFixture();
        f.Add(EvidenceKind.Accepted, "A1");
        await f.Reopen();
        f.Add(EvidenceKind.Delivered, "A1");
        await f.Flush();
        Assert.Equal(2, f.Names.Count());
        Assert.Equal(2, (await f.Find("A1")).Single().Steps.Count);
    }
}
