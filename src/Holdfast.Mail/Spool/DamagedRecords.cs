using System.Buffers;
using System.Globalization;

using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Raw copies of messages that can't be read, for a person to look at; bounded in bytes.</summary>
/// <remarks>Promise: what <see cref="TryKeep"/> says is kept is whole and on stable storage under the name that it
/// gives. Else nothing was taken away: the message stays where it is.</remarks>
internal sealed class DamagedRecords(IDisk disk, Func<long> limit)
{
    public const string Directory = "damaged";
    private const string UnfinishedExtension = ".new";
    private readonly Lock _gate = new();
    private long _bytes;

    public void Open()
    {
        long bytes = 0;
        foreach (var name in disk.List(Directory))
        {
            var path = $"{Directory}/{name}";
            if (name.EndsWith(UnfinishedExtension, StringComparison.Ordinal))
            {
                disk.Delete(path);
                continue;
            }
            using var file = disk.Open(path, DiskOpenMode.OpenExisting);
            bytes += file.Length;
        }
        _bytes = bytes;
    }

    /// <summary>Copies what can be read of the record, and moves the body file here if the message has one.</summary>
    /// <param name="log">Where the record stands.</param>
    /// <param name="location">The message's record.</param>
    /// <param name="body">Id of a message with a body file; null when it has none.</param>
    /// <param name="words">Where to, or why not.</param>
    public bool TryKeep(ISegmentLog log, RecordLocation location, MessageId? body, out string words)
    {
        lock (_gate)
        {
            try
            {
                return TryKeepInTurn(log, location, body, out words);
            }
            catch (IOException e)
            {
                words = $"it stays in the log, since no copy could be made: {e.Message}";
                return false;
            }
        }
    }

    private bool TryKeepInTurn(ISegmentLog log, RecordLocation location, MessageId? body, out string words)
    {
        words = string.Create(CultureInfo.InvariantCulture,
            $"{Directory}/{location.Segment}-{location.Offset}.record");
        var isCopied = disk.Exists(words);
        var bodyBytes = body is { } id ? BodyBytes(id) : 0;
        if (_bytes + bodyBytes + (isCopied ? 0 : location.Length) > limit())
        {
            words = "it stays in the log, since DamagedBytesMax is reached";
            return false;
        }
        // One that a crash or another process left may not have its name on stable storage yet.
        if (isCopied)
            disk.SyncDirectory(Directory);
        else if (!TryCopy(log, location, words))
            words = "nothing of it is left to copy";
        if (body is { } moved && bodyBytes > 0)
        {
            var path = $"{Directory}/{moved}.body";
            disk.Rename(BodyFiles.PathOf(moved), path);
            disk.SyncDirectory(Directory);
            disk.SyncDirectory(BodyFiles.Directory);
            _bytes += bodyBytes;
            words += ", " + path;
        }
        return true;
    }

    /// <summary>False: the segment ends before the record.</summary>
    private bool TryCopy(ISegmentLog log, RecordLocation location, string path)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)location.Length);
        var unfinished = path + UnfinishedExtension;
        try
        {
            var length = log.ReadUnverified(location, 0, buffer.AsSpan(0, (int)location.Length));
            if (disk.Exists(unfinished))
                disk.Delete(unfinished);
            using (var file = disk.Open(unfinished, DiskOpenMode.CreateNew))
            {
                file.Write(0, buffer.AsSpan(0, length));
                file.SyncData();
            }
            disk.Rename(unfinished, path);
            disk.SyncDirectory(Directory);
            _bytes += length;
            return true;
        }
        catch (RecordDamagedException)
        {
            return false;
        }
        catch (DiskException)
        {
            // A copy whose sync failed proves nothing, and a second sync would not either: the next one begins anew.
            DeleteQuietly(unfinished);
            DeleteQuietly(path);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void DeleteQuietly(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (DiskException)
        {
            // It was not there, or the failure that led here is the one to report.
        }
    }

    /// <summary>0 when there is none (any more).</summary>
    private long BodyBytes(MessageId id)
    {
        try
        {
            using var file = disk.Open(BodyFiles.PathOf(id), DiskOpenMode.OpenExisting);
            return file.Length;
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
            return 0;
        }
    }
}
