using Holdfast.Storage.Disk;

namespace Holdfast.Storage.Segments;

/// <summary>Makes a segment file that can be written without allocating anything: space reserved, zeroed, header
/// written, file and directory entry synced.</summary>
/// <remarks>The file carries a temporary name until its content is synced, so that a file called <c>.seg</c> always has
/// a whole header: a bad one is damage, never an interrupted creation.</remarks>
internal sealed class SegmentPreparer(IDisk disk, string directory, SegmentLogOptions options, TimeProvider time,
    Random random)
{
    public const string UnfinishedExtension = ".new";
    /// <summary>Zeroes are written and synced in pieces, so that a commit at the same time waits for one piece only.
    /// </summary>
    private const int PieceBytes = 16 << 20;
    private readonly Lock _gate = new();

    public Segment Create(uint number)
    {
        var name = SegmentHeader.FileName(number);
        var path = Join(directory, name);
        var unfinished = path + UnfinishedExtension;
        IDiskFile? file = null;
        var isNamed = false;
        try
        {
            // Left by a crash in this very place: without this the log would begin its life failed.
            if (disk.Exists(unfinished)) disk.Delete(unfinished);
            file = disk.Open(unfinished, DiskOpenMode.CreateNew);
            for (long at = 0; at < options.SegmentBytes; at += PieceBytes)
            {
                file.Preallocate(Math.Min(at + PieceBytes, options.SegmentBytes));
                file.SyncData();
            }

            var header = new SegmentHeader(number, NextGeneration(), options.Node, time.GetUtcNow().UtcTicks);
            Span<byte> start = stackalloc byte[SegmentHeader.FirstRecordOffset];
            header.Write(start);
            file.Write(0, start);
            file.SyncData();

            // A reopened handle carries the final path in its errors.
            file.Dispose();
            disk.Rename(unfinished, path);
            isNamed = true;
            disk.SyncDirectory(directory);
            file = disk.Open(path, DiskOpenMode.OpenExisting);
            var segment = new Segment(number, header.Generation, path, options.SegmentBytes);
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
