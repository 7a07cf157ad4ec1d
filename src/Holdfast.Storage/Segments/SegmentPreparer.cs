using Holdfast.Storage.Disk;

namespace Holdfast.Storage.Segments;

/// <summary>Makes a segment file that can be written without allocating anything: space reserved, zeroed, header
/// written, file and directory entry synced.</summary>
/// <remarks>
/// The file carries a temporary name until its content is synced, so that a file called <c>.seg</c> always has a whole
/// header: a bad one is damage, never an interrupted creation.
/// Deleted segments of this process are kept for the next ones, a few: zeroing a new file costs as much of the disk as
/// the records that come into it, and more of the processor. Only the head of a used file is zeroed again; the rest is
/// told from records by the generation.
/// </remarks>
internal sealed class SegmentPreparer(IDisk disk, string directory, SegmentLogOptions options, TimeProvider time,
    Random random)
{
    public const string UnfinishedExtension = ".new";
    /// <summary>Zeroes are written and synced in pieces, so that a commit at the same time waits for one piece only.
    /// </summary>
    private const int PieceBytes = 16 << 20;
    /// <summary>What is zeroed of a used file: the header and where the first record, the opening, comes.</summary>
    private const int HeadBytes = 4096;
    private readonly Lock _gate = new();
    private readonly Queue<string> _spares = [];
    private int _sparesMax = options.SparesMax;

    /// <summary>Makes the segment, of a spare file when there is one.</summary>
    public Segment Create(uint number)
    {
        var path = Join(directory, SegmentHeader.FileName(number));
        var spare = TakeSpare();
        var unfinished = spare ?? path + UnfinishedExtension;
        var staleFrom = spare is not null && options.SegmentBytes > HeadBytes ? (uint)HeadBytes : 0;
        IDiskFile? file = null;
        var isNamed = false;
        try
        {
            file = spare is null ? MakeFile(unfinished) : disk.Open(spare, DiskOpenMode.OpenExisting);
            var header = new SegmentHeader(number, NextGeneration(), options.Node, time.GetUtcNow().UtcTicks,
                staleFrom);
            Span<byte> start = stackalloc byte[HeadBytes];
            start.Clear();
            header.Write(start);
            file.Write(0, spare is null ? start[..SegmentHeader.FirstRecordOffset] : start);
            file.SyncData();

            // A reopened handle carries the final path in its errors.
            file.Dispose();
            disk.Rename(unfinished, path);
            isNamed = true;
            disk.SyncDirectory(directory);
            file = disk.Open(path, DiskOpenMode.OpenExisting);
            var segment = new Segment(number, header.Generation, path, options.SegmentBytes)
            {
                StaleFrom = staleFrom, IsOurs = true,
            };
            segment.Attach(file);
            return segment;
        }
        catch (DiskException)
        {
            file?.Dispose();
            DeleteQuietly(isNamed ? path : unfinished);
            throw;
        }
    }

    /// <summary>Whether <see cref="Retire"/> may take a segment's file.</summary>
    public bool Wants(Segment segment)
    {
        if (!segment.IsOurs || segment.IsPoisoned || segment.Capacity != options.SegmentBytes) return false;
        lock (_gate) return _spares.Count < _sparesMax;
    }

    /// <summary>Takes a deleted segment's file out of the log, to be used again once that is durable.</summary>
    /// <returns>For <see cref="Keep"/>.</returns>
    public string Retire(Segment segment)
    {
        var spare = segment.Path + UnfinishedExtension;
        disk.Rename(segment.Path, spare);
        return spare;
    }

    /// <summary>The directory was synced: the retired file's old name can't come back, so it may be written.</summary>
    public void Keep(string spare)
    {
        lock (_gate)
        {
            if (_spares.Count < _sparesMax)
            {
                _spares.Enqueue(spare);
                return;
            }
        }
        DeleteQuietly(spare);
    }

    /// <summary>How many spare files are kept from now on; deletes those beyond it.</summary>
    public void LimitSpares(int max)
    {
        lock (_gate) _sparesMax = Math.Min(max, options.SparesMax);
        while (TakeSpare(max) is { } spare) DeleteQuietly(spare);
    }

    private string? TakeSpare(int leave = 0)
    {
        lock (_gate) return _spares.Count > leave ? _spares.Dequeue() : null;
    }

    private IDiskFile MakeFile(string path)
    {
        // Left by a crash in this very place: without this the log would begin its life failed.
        if (disk.Exists(path)) disk.Delete(path);
        var file = disk.Open(path, DiskOpenMode.CreateNew);
        try
        {
            for (long at = 0; at < options.SegmentBytes; at += PieceBytes)
            {
                file.Preallocate(Math.Min(at + PieceBytes, options.SegmentBytes));
                file.SyncData();
            }
        }
        catch (DiskException)
        {
            file.Dispose();
            throw;
        }
        return file;
    }

    /// <summary>Removes a file that nothing refers to. One that stays is removed at the next open.</summary>
    public void DeleteQuietly(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (DiskException)
        {
            // The failure that led here is the one to report.
        }
    }

    public static string Join(string directory, string name) =>
        directory.Length == 0 ? name : directory + "/" + name;

    private ulong NextGeneration()
    {
        lock (_gate)
        {
            ulong generation;
            do
            {
                generation = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            }
            while (generation == 0); // All zeroes is what unwritten space looks like.
            return generation;
        }
    }
}
