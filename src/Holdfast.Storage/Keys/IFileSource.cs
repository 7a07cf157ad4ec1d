namespace Holdfast.Storage.Keys;

/// <summary>How the files that an operator edits (domains, recipients, users, certificates) are read.</summary>
public interface IFileSource
{
    /// <summary>When and how long the file is; null when it can't be seen.</summary>
    FileStamp? Stamp(string path);

    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    Task<byte[]> ReadAsync(string path, CancellationToken abort);
}

/// <summary>What tells two contents of a file apart without reading them.</summary>
public readonly record struct FileStamp(DateTime WrittenAt, long Length);

/// <summary>What is looked at again and again for changes.</summary>
public interface IRefreshed
{
    /// <summary>Takes a change over, or keeps what it has and says why in the log.</summary>
    Task RefreshAsync(CancellationToken abort);
}

/// <summary>The machine's own files.</summary>
public sealed class LocalFiles : IFileSource
{
    /// <summary>More than this is not read: about ten million recipients.</summary>
    private const long LengthMax = 512L << 20;

    public FileStamp? Stamp(string path)
    {
        try
        {
            var file = new FileInfo(path);
            // A link's own time doesn't change when its target is replaced.
            if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
                file = target;
            return file.Exists ? new FileStamp(file.LastWriteTimeUtc, file.Length) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public async Task<byte[]> ReadAsync(string path, CancellationToken abort)
    {
        if (new FileInfo(path) is { Exists: true, Length: > LengthMax })
            throw new IOException($"'{path}' is longer than {LengthMax} bytes");
        return await File.ReadAllBytesAsync(path, abort).ConfigureAwait(false);
    }
}
