using System.Globalization;
using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging;

namespace Holdfast.Storage.Segments;

/// <summary>Reads what is on the disk when a log opens: delivers every record that verifies, in order, and settles
/// where each segment ends.</summary>
/// <remarks>
/// A segment's end is known from the opening record of a later one; only the last written segment has none: there the
/// log ends with the last record that verifies, and what follows is cut. Bad bytes before what is known to be synced
/// are damage; bad bytes after it are a write that was under way. No bytes whatever make this throw; a segment of a
/// newer format does, since guessing at it could lose mail.
/// </remarks>
internal sealed partial class SegmentRecovery(
    IDisk disk, string directory, ScanStart start, ISegmentVisitor visitor, SegmentMetrics? metrics, ILogger logger)
{
    private const string DamagedExtension = ".damaged";
    private const int ReadPieceBytes = 1 << 20;
    private const int RetryPieceBytes = 4096;
    /// <summary>An interrupted opening leaves no more than this behind the header.</summary>
    private const int OpeningAreaBytes = 2048;
    private readonly Dictionary<uint, SegmentEnd> _ends = [];
    private readonly List<Segment> _found = [];
    private readonly List<(long Offset, long Length, DamageReason Reason, long Lost)> _bad = [];
    private byte[] _image = [];

    public IReadOnlyList<Segment> Segments => _found;
    /// <summary>Files that hold nothing; to be deleted once a newer segment exists.</summary>
    public List<string> Unused { get; } = [];
    public uint NextNumber { get; private set; } = 1;
    public ulong LastSequence { get; private set; }
    public Segment? Last { get; private set; }

    public void Run()
    {
        NextNumber = Math.Max(start.Segment, 1);
        foreach (var name in disk.List(directory)) Take(name);

        // Unused ones, prepared ahead, may follow the last written one.
        _found.RemoveAll(segment => !HoldsRecords(segment));
        long total = 0, done = 0;
        foreach (var segment in _found) total += segment.Capacity;
        Last = _found.Count > 0 ? _found[^1] : null;
        foreach (var segment in _found)
        {
            Scan(segment, segment == Last);
            segment.IsClosed = true;
            done += segment.Capacity;
            visitor.Scanned(done, total);
        }
        _image = [];
    }

    private void Take(string name)
    {
        var path = SegmentPreparer.Join(directory, name);
        if (name.EndsWith(SegmentPreparer.UnfinishedExtension, StringComparison.Ordinal))
        {
            Unused.Add(path);
            var finished = name.AsSpan(0, name.Length - SegmentPreparer.UnfinishedExtension.Length);
            // Its name is taken until it is deleted, which waits for a fresh segment.
            if (SegmentHeader.TryParseFileName(finished, out var taken)) NextNumber = Math.Max(NextNumber, taken + 1);
            return;
        }
        var stem = name.IndexOf(DamagedExtension, StringComparison.Ordinal);
        if (!SegmentHeader.TryParseFileName(stem > 0 ? name.AsSpan(0, stem) : name, out var number)) return;
        NextNumber = Math.Max(NextNumber, number + 1);
        if (stem > 0) return;

        var file = disk.Open(path, DiskOpenMode.OpenExisting);
        Span<byte> beginning = stackalloc byte[
            SegmentHeader.FirstRecordOffset + RecordHeader.Bytes + OpeningRecord.BytesMax];
        try
        {
            beginning = ReadBeginning(file, beginning, number);
        }
        catch (DiskException e)
        {
            // Perhaps it can be read another time: it stays as it is.
            ReadFailed(e, number);
            Report(new DamageReport(number, 0, file.Length, DamageReason.ReadError, 0));
            file.Dispose();
            return;
        }
        if (!SegmentHeader.TryRead(beginning, out var header, out var version) || header.Value.Number != number)
        {
            var length = file.Length;
            file.Dispose();
            if (version > SegmentHeader.Version)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture,
                    $"'{path}' has format {version}; this build reads up to {SegmentHeader.Version}"));
            }
            SetAside(path);
            Report(new DamageReport(number, 0, length, DamageReason.Header, 0));
            return;
        }

        var segment = new Segment(number, header.Value.Generation, path, file.Length)
        {
            StaleFrom = header.Value.StaleFrom,
        };
        segment.Attach(file);
        ReadOpening(segment, beginning);
        _found.Add(segment);
    }

    /// <summary>Once more before it is judged: a header that was garbled on the way would set the segment aside.
    /// </summary>
    private static Span<byte> ReadBeginning(IDiskFile file, Span<byte> to, uint number)
    {
        try
        {
            var read = to[..file.Read(0, to)];
            if (SegmentHeader.TryRead(read, out var header, out _) && header.Value.Number == number) return read;
        }
        catch (DiskException)
        {
            // The second failure is the one that is reported.
        }
        return to[..file.Read(0, to)];
    }

    private void ReadOpening(Segment segment, ReadOnlySpan<byte> beginning)
    {
        var image = new SegmentImage(beginning, segment.Generation);
        var ends = new List<SegmentEnd>();
        if (!image.MoveNext() || image.Header.Type != RecordType.Opening || !image.PayloadIsGood
            || !OpeningRecord.TryRead(image.Payload, out var firstSequence, ends))
        {
            return;
        }
        segment.FirstSequence = firstSequence;
        LastSequence = Math.Max(LastSequence, firstSequence - 1);
        foreach (var end in ends) _ends[end.Number] = end; // Segments come in order: the latest word counts.
    }

    /// <summary>False for a segment that was never used, which is then put on its way out.</summary>
    private bool HoldsRecords(Segment segment)
    {
        if (segment.FirstSequence > 0) return true;
        // A later segment says that there was something: then it is missing, and the scan tells so.
        if (_ends.TryGetValue(segment.Number, out var end) && end.WrittenEnd > SegmentHeader.FirstRecordOffset)
        {
            return true;
        }
        var bytes = Load(segment, out var hasErrors);
        if (hasErrors) return true;
        var image = new SegmentImage(bytes, segment.Generation, segment.StaleFrom);
        while (image.MoveNext())
        {
            if (image.PayloadIsGood) return true;
        }

        // A file that was used before tells by its first bytes alone, which were zeroed again.
        if (segment.StaleFrom > 0 && segment.StaleFrom < bytes.Length) bytes = bytes[..(int)segment.StaleFrom];
        var used = bytes.Length > SegmentHeader.FirstRecordOffset
            ? bytes[SegmentHeader.FirstRecordOffset..].LastIndexOfAnyExcept((byte)0) + 1
            : 0;
        segment.Dispose();
        if (used > OpeningAreaBytes)
        {
            SetAside(segment.Path);
            Report(new DamageReport(segment.Number, SegmentHeader.FirstRecordOffset, used, DamageReason.Unreadable,
                0));
            return false;
        }
        // Prepared ahead, or interrupted at its first record: nothing was completed in it.
        Unused.Add(segment.Path);
        if (used > 0)
        {
            Report(new DamageReport(segment.Number, SegmentHeader.FirstRecordOffset, used, DamageReason.TornTail, 0));
        }
        return false;
    }

    private void Scan(Segment segment, bool isLast)
    {
        var hasEnd = _ends.TryGetValue(segment.Number, out var end);
        if (hasEnd && !isLast && segment.Number < start.Segment)
        {
            Take(segment, end);
            return;
        }

        var bytes = Load(segment, out var hasReadErrors);
        if (hasEnd && end.WrittenEnd < bytes.Length) bytes = bytes[..(int)end.WrittenEnd];
        _bad.Clear();
        var image = new SegmentImage(bytes, segment.Generation, hasEnd ? 0 : segment.StaleFrom);
        var good = (long)SegmentHeader.FirstRecordOffset;
        long proven = 0;
        var expected = segment.FirstSequence;
        while (image.MoveNext())
        {
            var header = image.Header;
            var isGood = image.PayloadIsGood;
            var lost = Missing(ref expected, header);
            if (image.BadLength > 0) _bad.Add((image.BadOffset, image.BadLength, DamageReason.Unreadable, lost));
            else if (lost > 0) _bad.Add((image.Offset, 0, DamageReason.SequenceGap, lost));

            LastSequence = Math.Max(LastSequence, header.Sequence);
            if (!isGood)
            {
                _bad.Add((image.Offset, image.End - image.Offset, DamageReason.Payload,
                    header.Type == RecordType.Data ? 1 : 0));
                continue;
            }
            good = image.End;
            if (header.Type == RecordType.Data) Deliver(segment, image);
            else if (header.Type == RecordType.Commit && BatchBuilder.TryReadMarker(image.Payload, out var synced))
            {
                proven = Math.Max(proven, synced);
            }
        }
        if (image.BadLength > 0) _bad.Add((image.BadOffset, image.BadLength, DamageReason.Unreadable, 0));

        if (hasEnd)
        {
            proven = end.SyncedEnd;
            if (good < end.WrittenEnd && (_bad.Count == 0 || _bad[^1].Offset < good))
            {
                _bad.Add((good, end.WrittenEnd - good, DamageReason.MissingEnd, 0));
            }
        }
        else if (!isLast)
        {
            proven = long.MaxValue;
        }
        ReportBad(segment.Number, proven, isLast);
        if (!hasEnd)
        {
            // Where reading failed there may be more another time.
            var written = hasReadErrors ? bytes.Length : good;
            end = new SegmentEnd(segment.Number, (uint)written, (uint)FirstHole(proven, good), false);
        }
        Take(segment, end);
        if (!isLast || hasReadErrors) return;
        Settle(segment, bytes, (int)Math.Clamp(proven, SegmentHeader.FirstRecordOffset, good));
    }

    /// <summary>Where the part begins that an interrupted write left incomplete.</summary>
    private long FirstHole(long proven, long good)
    {
        foreach (var (offset, _, _, _) in _bad)
        {
            if (offset >= proven && offset < good) return offset;
        }
        return good;
    }

    private static long Missing(ref ulong expected, in RecordHeader header)
    {
        // Markers carry the number of the last record before them.
        var next = header.Type == RecordType.Data ? header.Sequence : header.Sequence + 1;
        var lost = expected > 0 && next > expected ? (long)(next - expected) : 0;
        expected = header.Sequence + 1;
        return lost;
    }

    private void Deliver(Segment segment, in SegmentImage image)
    {
        if (segment.Number < start.Segment || (segment.Number == start.Segment && image.Offset < start.Offset)) return;
        visitor.Record(new RecordLocation(segment.Number, (uint)image.Offset, image.Header.Length), image.Header.Kind,
            image.Header.Sequence, image.Payload);
    }

    private void ReportBad(uint number, long proven, bool isLast)
    {
        foreach (var (offset, length, reason, lost) in _bad)
        {
            if (number < start.Segment || (number == start.Segment && offset + length <= start.Offset)) continue;
            var actual = offset < proven ? reason : isLast ? DamageReason.TornTail : DamageReason.UnsyncedLost;
            Report(new DamageReport(number, offset, length, actual, lost));
        }
    }

    private static void Take(Segment segment, in SegmentEnd end)
    {
        segment.WrittenEnd = end.WrittenEnd;
        segment.SyncedEnd = end.SyncedEnd;
        segment.IsPoisoned = end.IsPoisoned;
    }

    /// <summary>Makes the end that was found last: what was read becomes durable, what follows it goes.</summary>
    /// <remarks>After a kill, what was read may be in the kernel's memory only; and if a sync had failed before, the
    /// kernel may count it as clean, so that another sync would succeed over bytes that never reach the disk. Writing
    /// them again makes the sync mean them.</remarks>
    private void Settle(Segment segment, ReadOnlySpan<byte> bytes, int proven)
    {
        try
        {
            var file = segment.File(disk);
            var end = (int)segment.WrittenEnd;
            if (bytes.Length > end) file.Truncate(end);
            file.Write(proven, bytes[proven..end]);
            file.SyncData();
        }
        catch (DiskException e)
        {
            metrics?.Failed(e);
            NotSettled(e, segment.Number);
            segment.IsPoisoned = true;
            segment.SyncedEnd = SegmentHeader.FirstRecordOffset;
        }
    }

    /// <summary>The file's bytes; stretches that can't be read count as zeroes.</summary>
    private ReadOnlySpan<byte> Load(Segment segment, out bool hasErrors)
    {
        hasErrors = false;
        var file = segment.File(disk);
        var length = (int)Math.Min(file.Length, int.MaxValue - RecordHeader.Alignment);
        if (_image.Length < length) _image = GC.AllocateUninitializedArray<byte>(length);
        for (var at = 0; at < length;)
        {
            var piece = _image.AsSpan(at, Math.Min(ReadPieceBytes, length - at));
            try
            {
                var n = file.Read(at, piece);
                piece[n..].Clear();
            }
            catch (DiskException e)
            {
                ReadFailed(e, segment.Number);
                hasErrors = true;
                ReadInPieces(segment, file, at, piece);
            }
            at += piece.Length;
        }
        return _image.AsSpan(0, length);
    }

    private void ReadInPieces(Segment segment, IDiskFile file, long offset, Span<byte> to)
    {
        for (var at = 0; at < to.Length; at += RetryPieceBytes)
        {
            var piece = to.Slice(at, Math.Min(RetryPieceBytes, to.Length - at));
            try
            {
                piece[file.Read(offset + at, piece)..].Clear();
            }
            catch (DiskException)
            {
                piece.Clear();
                Report(new DamageReport(segment.Number, offset + at, piece.Length, DamageReason.ReadError, 0));
            }
        }
    }

    private void SetAside(string path)
    {
        try
        {
            var to = path + DamagedExtension;
            for (var i = 2; disk.Exists(to); i++)
            {
                to = string.Create(CultureInfo.InvariantCulture, $"{path}{DamagedExtension}{i}");
            }
            disk.Rename(path, to);
            disk.SyncDirectory(directory);
        }
        catch (DiskException e)
        {
            NotSetAside(e, path); // It stays where it is and is looked at again at the next start.
        }
    }

    private void Report(in DamageReport report)
    {
        if (report.Reason == DamageReason.TornTail)
        {
            TailCut(report.Segment, report.Offset, report.Length);
        }
        else
        {
            metrics?.Damaged(report);
            DamageFound(report.Segment, report.Offset, report.Length, report.Reason, report.RecordsLost);
        }
        visitor.Damaged(report);
    }

    [LoggerMessage(EventId = 3010, Level = LogLevel.Error,
        Message = "Segment {Segment} is damaged at {Offset}, {Length} bytes: {Reason}; {RecordsLost} records missing")]
    private partial void DamageFound(uint segment, long offset, long length, DamageReason reason, long recordsLost);

    [LoggerMessage(EventId = 3011, Level = LogLevel.Information,
        Message = "Segment {Segment}: {Length} bytes at {Offset} of an interrupted write were cut")]
    private partial void TailCut(uint segment, long offset, long length);

    [LoggerMessage(EventId = 3012, Level = LogLevel.Error, Message = "Segment {Segment} can't be read")]
    private partial void ReadFailed(Exception error, uint segment);

    [LoggerMessage(EventId = 3013, Level = LogLevel.Warning,
        Message = "'{Path}' is damaged and could not be set aside")]
    private partial void NotSetAside(Exception error, string path);

    [LoggerMessage(EventId = 3014, Level = LogLevel.Error,
        Message = "The end of segment {Segment} could not be made durable; its records must be copied")]
    private partial void NotSettled(Exception error, uint segment);
}
