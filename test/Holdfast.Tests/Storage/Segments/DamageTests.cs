using CsCheck;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

public class DamageTests
{
    private const int Records = 60;

    [Fact]
    public void A_flipped_bit_loses_the_record_it_hits_and_no_other_and_is_reported()
    {
        var template = Filled(out var locations);
        Gen.Select(Gen.Int[0, locations.Count - 1], Gen.Int[0, 31 + 400], Gen.Int[0, 7]).Sample((hit, offset, bit) =>
        {
            var disk = template();
            var location = locations[hit];
            var span = RecordHeader.Bytes + (int)location.Length;
            disk.Node(PathOf(location.Segment)).Flip((int)location.Offset + (offset % span), bit);

            var log = new LogFixture(disk);
            var expected = locations.Where((_, i) => i != hit);
            Assert.Equal(expected, log.Records.Select(r => r.Location));
            Assert.Contains(log.Damage, d => d.Segment == location.Segment && d.Offset <= location.Offset
                && d.Offset + d.Length >= location.Offset + span && d.RecordsLost == 1
                && d.Reason is DamageReason.Payload or DamageReason.Unreadable);
            Assert.Throws<RecordDamagedException>(() => log.Read(location));
            // Once reported, the log takes appends as ever.
            Assert.Equal(LogFixture.Payload(900, 50), log.Read(log.Append(LogFixture.Payload(900, 50))));
            log.Close();
        }, iter: 500);
    }

    [Fact]
    public void Bits_flipped_anywhere_never_stop_the_log_or_change_a_record()
    {
        var template = Filled(out var locations);
        Gen.Int[0, int.MaxValue].Sample(seed =>
        {
            var random = new Random(seed);
            var disk = template();
            var touched = new HashSet<int>();
            for (var i = random.Next(1, 200); i > 0; i--)
            {
                var segment = (uint)random.Next(1, (int)locations[^1].Segment + 1);
                var node = disk.Node(PathOf(segment));
                var at = random.Next(node.Length);
                node.Flip(at, random.Next(8));
                var hit = locations.FindIndex(l => l.Segment == segment && at >= l.Offset
                    && at < l.Offset + RecordHeader.Bytes + l.Length);
                if (hit >= 0) touched.Add(hit);
                if (at < SegmentHeader.FirstRecordOffset)
                {
                    // Both copies of the header may be hit: then the whole segment is set aside.
                    for (var j = 0; j < locations.Count; j++)
                    {
                        if (locations[j].Segment == segment) touched.Add(j);
                    }
                }
            }
            var log = new LogFixture(disk);
            var found = log.Records.Select(r => r.Location).ToHashSet();
            for (var i = 0; i < locations.Count; i++)
            {
                Assert.True(touched.Contains(i) || found.Contains(locations[i]), $"record {i} is lost");
            }
            foreach (var record in log.Records)
            {
                Assert.Equal(LogFixture.Payload(locations.IndexOf(record.Location), record.Payload.Length),
                    record.Payload);
            }
        }, iter: 300);
    }

    [Fact]
    public void One_bad_copy_of_the_header_costs_nothing()
    {
        var template = Filled(out var locations);
        foreach (var offset in new[] { 3, 20, SegmentHeader.CopyOffset + 5 })
        {
            var disk = template();
            disk.Node(PathOf(1)).Flip(offset, 3);
            Assert.Equal(locations, new LogFixture(disk).Records.Select(r => r.Location));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(63)]
    [InlineData(512)]
    public void A_file_without_a_whole_header_is_set_aside_and_reported(int length)
    {
        var disk = Filled(out var locations)();
        disk.Node(PathOf(1)).SetLength(length);
        if (length > 0) disk.Node(PathOf(1)).Flip(0, 0);
        var log = new LogFixture(disk);
        Assert.Equal(locations.Where(l => l.Segment > 1), log.Records.Select(r => r.Location));
        Assert.Contains(log.Damage, d => d.Segment == 1 && d.Reason == DamageReason.Header);
        Assert.Contains(SegmentHeader.FileName(1) + ".damaged", disk.List(LogFixture.Directory));
    }

    [Fact]
    public void A_segment_cut_short_anywhere_keeps_the_records_before_the_cut_and_says_what_is_missing()
    {
        var template = Filled(out var locations);
        var last = locations[^1].Segment;
        Gen.Select(Gen.Int[1, (int)last], Gen.Int[SegmentHeader.FirstRecordOffset, 64 << 10]).Sample((number, length) =>
        {
            var disk = template();
            var node = disk.Node(PathOf((uint)number));
            length = Math.Min(length, node.Length);
            node.SetLength(length);
            var log = new LogFixture(disk);
            var kept = locations.Where(l => l.Segment != number
                || l.Offset + RecordHeader.Bytes + l.Length <= length).ToList();
            Assert.Equal(kept, log.Records.Select(r => r.Location));
            if (kept.Count < locations.Count && number != last)
            {
                Assert.Contains(log.Damage, d => d.Segment == number && d.Reason is not DamageReason.TornTail);
            }
        }, iter: 300);
    }

    [Theory]
    [InlineData(SegmentHeader.FirstRecordOffset)]
    [InlineData(SegmentHeader.FirstRecordOffset + 1)]
    [InlineData(SegmentHeader.FirstRecordOffset + RecordHeader.Bytes - 1)]
    [InlineData(SegmentHeader.FirstRecordOffset + RecordHeader.Bytes)]
    public void A_segment_cut_before_its_first_record_is_damage_and_not_an_unused_one(int length)
    {
        var disk = Filled(out var locations)();
        disk.Node(PathOf(1)).SetLength(length);
        var log = new LogFixture(disk);
        Assert.Equal(locations.Where(l => l.Segment > 1), log.Records.Select(r => r.Location));
        Assert.Contains(log.Damage, d => d.Segment == 1 && d.Reason is not DamageReason.TornTail);
        log.Append(LogFixture.Payload(900, 50));
        log.Close();
        Assert.Contains(SegmentHeader.FileName(1), disk.List(LogFixture.Directory));
    }

    [Fact]
    public void Records_of_another_place_or_time_are_not_taken_for_records()
    {
        // A message may carry a copy of a segment; here the copied bytes stand in a payload whose header is damaged.
        var disk = new SimulatedDisk();
        var log = new LogFixture(disk);
        var first = log.Append(LogFixture.Payload(1, 300));
        var copy = disk.Node(PathOf(1)).Bytes[(int)first.Offset..(int)(first.Offset + 400)].ToArray();
        var carrier = log.Append(copy);
        log.Append(LogFixture.Payload(2, 300));
        log.Close();
        disk.Node(PathOf(1)).Flip((int)carrier.Offset + 2, 1);

        var again = new LogFixture(disk);
        Assert.Equal(2, again.Records.Count);
        Assert.Equal(LogFixture.Payload(2, 300), again.Records[1].Payload);
    }

    [Fact]
    public void A_segment_of_a_newer_format_stops_the_start_and_stays_untouched()
    {
        var disk = new SimulatedDisk();
        new LogFixture(disk).Close();
        Span<byte> header = stackalloc byte[SegmentHeader.FirstRecordOffset];
        var node = disk.Node(PathOf(1));
        new SegmentHeader(1, 5, 0, 0).Write(header);
        header[8] = 2;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(header[60..], Checksum.Of(header[..60]));
        header[..64].CopyTo(header[SegmentHeader.CopyOffset..]);
        node.Write(0, header);
        Assert.Contains("format 2", Assert.Throws<IOException>(() => new LogFixture(disk)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_can_be_walked_as_a_segment()
    {
        Gen.Byte.Array[0, 4096].Sample(bytes => { SegmentFuzz.Run(bytes); }, iter: 2000);
        var template = Filled(out _);
        Gen.Int[0, int.MaxValue].Sample(seed =>
        {
            var random = new Random(seed);
            var bytes = template().Node(PathOf(1)).Bytes.ToArray();
            for (var i = random.Next(20); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            SegmentFuzz.Run(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
        }, iter: 300);
    }

    private static string PathOf(uint number) => LogFixture.Directory + "/" + SegmentHeader.FileName(number);

    /// <summary>A maker of equal disks, each with a cleanly closed log over several segments.</summary>
    private static Func<SimulatedDisk> Filled(out List<RecordLocation> locations)
    {
        locations = [];
        var found = locations;
        Fill(found);
        return () => Fill([]);

        static SimulatedDisk Fill(List<RecordLocation> locations)
        {
            var disk = new SimulatedDisk();
            var log = new LogFixture(disk);
            for (var i = 0; i < Records; i++) locations.Add(log.Append(LogFixture.Payload(i, 100 + (i * 97 % 5000))));
            log.Close();
            return disk;
        }
    }
}
