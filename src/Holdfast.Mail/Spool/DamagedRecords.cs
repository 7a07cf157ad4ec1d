using System.Buffers;
using System.Globalization;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Raw copies of records that can't be read, for a person to look at; bounded in bytes.</summary>
internal sealed class DamagedRecords(IDisk disk, Func<long> limit)
{
    public const string Directory = "damaged";
    private long _bytes;

    public void Open()
    {
        long bytes = 0;
        foreach (var name in disk.List(Directory))
        {
            using var file = disk.Open($"{Directory}/{name}", DiskOpenMode.OpenExisting);
            bytes += file.Length;
        }
        _bytes = bytes;
    }

    /// <summary>Copies what can be read of the record. Returns where to, or why not.</summary>
    public string Keep(ISegmentLog log, RecordLocation location)
    {
        if (_bytes + location.Length > limit())
            return "not copied: DamagedBytesMax is reached";
        var path = string.Create(CultureInfo.InvariantCulture,
            $"{Directory}/{location.Segment}-{location.Offset}.record");
        var buffer = ArrayPool<byte>.Shared.Rent((int)location.Length);
        try
        {
            var length = log.ReadUnverified(location, 0, buffer.AsSpan(0, (int)location.Length));
            if (disk.Exists(path))
                return path;
            using var file = disk.Open(path, DiskOpenMode.CreateNew);
            file.Write(0, buffer.AsSpan(0, length));
            file.SyncData();
            disk.SyncDirectory(Directory);
            _bytes += length;
            return path;
        }
        catch (IOException e)
        {
            return $"not copied: {e.Message}";
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Moves a damaged body file here.</summary>
    public string KeepBody(MessageId id)
    {
        var path = $"{Directory}/{id}.body";
        try
        {
            disk.Rename(BodyFiles.PathOf(id), path);
            disk.SyncDirectory(Directory);
            disk.SyncDirectory(BodyFiles.Directory);
            return path;
        }
        catch (DiskException e)
        {
            return $"not kept: {e.Message}";
        }
    }
}
