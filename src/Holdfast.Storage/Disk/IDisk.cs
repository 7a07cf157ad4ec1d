namespace Holdfast.Storage.Disk;

/// <summary>The few file operations that durable state is built from, each with its result checked.</summary>
/// <remarks>
/// Real form: POSIX calls through P/Invoke, since .NET has no directory sync and its flush ignores EROFS, EINVAL and
/// ENOTSUP. Simulated form (Holdfast.Sim): drops, tears and reorders whatever was not synced. All paths are relative
/// to the disk's root and use '/'. All failures are <see cref="DiskException"/>.
/// </remarks>
public interface IDisk
{
    /// <summary>Opens for reading and positioned writing.</summary>
    IDiskFile Open(string path, DiskOpenMode mode);
    bool Exists(string path);
    /// <summary>Names (not paths) of the files in a directory, in ordinal order.</summary>
    IReadOnlyList<string> List(string directory);
    void CreateDirectory(string path);
    /// <summary>Atomic replace; durable only after the directory is synced.</summary>
    void Rename(string from, string to);
    void Delete(string path);
    /// <summary>Makes creations, renames and deletions in the directory durable.</summary>
    void SyncDirectory(string directory);
    /// <summary>Takes an exclusive lock on a file (made when missing) until disposed: one writer a directory.
    /// </summary>
    /// <exception cref="DiskException">Locked: another process, or another part of this one, holds it.</exception>
    IDisposable Lock(string path);
    /// <summary>Bytes that an unprivileged writer can still use on this file system.</summary>
    long FreeBytes { get; }
    long TotalBytes { get; }
}

public enum DiskOpenMode { CreateNew, OpenExisting }

public interface IDiskFile : IDisposable
{
    string Path { get; }
    long Length { get; }
    /// <summary>Reads up to the span's length; fewer bytes only at the end of the file.</summary>
    int Read(long offset, Span<byte> buffer);
    /// <summary>Writes all of the buffers in order at the offset (pwritev); no partial success is hidden.</summary>
    void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers);
    void Write(long offset, ReadOnlySpan<byte> buffer);
    /// <summary>Reserves and zeroes blocks so that later writes inside need no allocation (posix_fallocate).</summary>
    void Preallocate(long length);
    /// <summary>Reserves blocks that are kept, not written; zeroes where there is no call for it.</summary>
    void Reserve(long length) => Preallocate(length);
    void Truncate(long length);
    /// <summary>fdatasync. A failure is final for this file: never retry it, never trust its unsynced bytes.</summary>
    void SyncData();
}

/// <summary>Which disk operation failed, on what, with which errno.</summary>
public sealed class DiskException : IOException
{
    public DiskException(string operation, string path, DiskError error, int errno = 0, Exception? inner = null)
        : base($"{operation} of '{path}' failed: {error} (errno {errno})", inner)
    {
        Operation = operation;
        Path = path;
        Error = error;
        Errno = errno;
    }

    public DiskException() : this("?", "?", DiskError.Io) { }
    public DiskException(string message) : this(message, "?", DiskError.Io) { }
    public DiskException(string message, Exception inner) : this(message, "?", DiskError.Io, 0, inner) { }

    public string Operation { get; }
    public string Path { get; }
    public DiskError Error { get; }
    public int Errno { get; }
}

/// <summary>What callers decide by.</summary>
public enum DiskError { Io, NoSpace, NotFound, Exists, ReadOnly, Permission, Locked }
