using System.Security.Cryptography;
using System.Text;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Keys;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>A file that is read in the background, with its last good copy kept in the data directory.</summary>
/// <remarks>
/// Promise: once a content was good, something good is served: a file that is gone, unreadable or faulty changes
/// nothing and is reported. One that lost all or more than half of its entries is taken only when the next look finds
/// it the same: it may be half written. With <c>keepCopy</c> the last good content also survives a restart.
/// </remarks>
internal sealed partial class WatchedFile<T>(
    string path, Func<ReadOnlyMemory<byte>, T> parse, Func<T, int> count, IFileSource files, IDisk? copies,
    ILogger logger) : IRefreshed
    where T : class
{
    private const string Folder = "receive";
    private readonly string _copy =
        $"{Folder}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..16]}";
    private FileStamp? _taken;
    private FileStamp? _doubted;
    private FileStamp? _faulty;
    private bool _reportedMissing;
    private bool _folderMade;

    /// <summary>The last good content; null when there never was one.</summary>
    public T? Current { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    public async Task RefreshAsync(CancellationToken abort)
    {
        var stamp = files.Stamp(path);
        if (stamp is null)
        {
            if (_reportedMissing)
                return;
            _reportedMissing = true;
            FileGone(path, Serving());
            return;
        }
        _reportedMissing = false;
        if (stamp == _taken || stamp == _faulty)
            return;
        try
        {
            var bytes = await files.ReadAsync(path, abort).ConfigureAwait(false);
            if (files.Stamp(path) != stamp)
                return; // being written: the next look decides
            var content = parse(bytes);
            if (Current is { } old && count(content) * 2L < count(old) && _doubted != stamp)
            {
                _doubted = stamp;
                var (before, after) = (count(old), count(content));
                FileShrank(path, before, after);
                return;
            }
            Current = content;
            _taken = stamp;
            KeepCopy(bytes);
            var entries = count(content);
            FileTaken(path, entries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException
            or CryptographicException)
        {
            if (e is FormatException or CryptographicException)
                _faulty = stamp;
            var serving = Serving();
            FileFaulty(path, e.Message, serving);
        }
    }

    private string Serving() => Current is not null || TryCopy() ? "the last good copy" : "nothing";

    private bool TryCopy()
    {
        if (copies is null)
            return false;
        try
        {
            using var file = copies.Open(_copy, DiskOpenMode.OpenExisting);
            var bytes = new byte[file.Length];
            file.Read(0, bytes);
            Current = parse(bytes);
            return true;
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
            return false;
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            CopyFailed(path, e.Message);
            return false;
        }
    }

    private void KeepCopy(byte[] bytes)
    {
        if (copies is null)
            return;
        try
        {
            var fresh = _copy + ".new";
            if (!_folderMade)
                MakeFolder(copies);
            if (copies.Exists(fresh))
                copies.Delete(fresh);
            using (var file = copies.Open(fresh, DiskOpenMode.CreateNew))
            {
                file.Write(0, bytes);
                file.SyncData();
            }
            copies.Rename(fresh, _copy);
            copies.SyncDirectory(Folder);
        }
        catch (IOException e)
        {
            CopyFailed(path, e.Message);
        }
    }

    private void MakeFolder(IDisk disk)
    {
        try
        {
            disk.CreateDirectory(Folder);
            disk.SyncDirectory("");
        }
        catch (DiskException e) when (e.Error == DiskError.Exists)
        {
            // made by an earlier run
        }
        _folderMade = true;
    }

    [LoggerMessage(EventId = 2040, Level = LogLevel.Information, Message = "Took {Path} over: {Count} entries")]
    private partial void FileTaken(string path, int count);

    [LoggerMessage(EventId = 2041, Level = LogLevel.Warning,
        Message = "{Path} can't be seen; {Serving} serves until it is back")]
    private partial void FileGone(string path, string serving);

    [LoggerMessage(EventId = 2042, Level = LogLevel.Warning,
        Message = "{Path} was not taken over: {Fault}; {Serving} serves on")]
    private partial void FileFaulty(string path, string fault, string serving);

    [LoggerMessage(EventId = 2043, Level = LogLevel.Warning,
        Message = "{Path} shrank from {Before} entries to {After}: taken over at the next look if it stays so")]
    private partial void FileShrank(string path, int before, int after);

    [LoggerMessage(EventId = 2044, Level = LogLevel.Warning,
        Message = "The copy of {Path} in the data directory could not be written or read: {Fault}")]
    private partial void CopyFailed(string path, string fault);
}
