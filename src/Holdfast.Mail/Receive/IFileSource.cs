namespace Holdfast.Mail.Receive;

/// <summary>How the files that an operator edits (domains, recipients, users, certificates) are read.</summary>
internal interface IFileSource
{
    /// <summary>When and how long the file is; null when it can't be seen.</summary>
    FileStamp? Stamp(string path);

    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    Task<byte[]> ReadAsync(string path, CancellationToken abort);
}

internal readonly record struct FileStamp(DateTime WrittenAt, long Length);

/// <summary>The machine's own files.</summary>
internal sealed class LocalFiles : IFileSource
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
