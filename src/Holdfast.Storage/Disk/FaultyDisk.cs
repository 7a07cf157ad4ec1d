namespace Holdfast.Storage.Disk;

/// <summary>Passes everything on to another disk, but for the calls that were chosen to fail. For tests only.</summary>
/// <remarks>A call that fails does nothing on the inner disk, except that a failing write writes a part: that is what
/// a full disk does.</remarks>
public sealed class FaultyDisk(IDisk inner, params IReadOnlyList<DiskFault> faults) : IDisk
{
    private IReadOnlyList<DiskFault> _faults = faults;
    private long _failures;

    /// <summary>Replaced as a whole while the disk is in use; counting begins anew.</summary>
    public IReadOnlyList<DiskFault> Faults
    {
        get => Volatile.Read(ref _faults);
        set => Volatile.Write(ref _faults, value);
    }

    /// <summary>Calls that were made to fail so far, by these faults and those before.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    public long FreeBytes => inner.FreeBytes;
    public long TotalBytes => inner.TotalBytes;

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        Pass("open", path);
        return new FaultyFile(this, inner.Open(path, mode));
    }

    public bool Exists(string path) => inner.Exists(path);

    public IReadOnlyList<string> List(string directory)
    {
        Pass("readdir", directory);
        return inner.List(directory);
    }

    public void CreateDirectory(string path)
    {
        Pass("mkdir", path);
        inner.CreateDirectory(path);
    }

    public void Rename(string from, string to)
    {
        Pass("rename", from);
        inner.Rename(from, to);
    }

    public void Delete(string path)
    {
        Pass("unlink", path);
        inner.Delete(path);
    }

    public void SyncDirectory(string directory)
    {
        Pass("fsync", directory);
        inner.SyncDirectory(directory);
    }

    public IDisposable Lock(string path)
    {
        Pass("flock", path);
        return inner.Lock(path);
    }

    private void Pass(string operation, string path)
    {
        foreach (var fault in Faults)
        {
            if (!fault.Fails(operation, path)) continue;
            Interlocked.Increment(ref _failures);
            throw new DiskException(operation, path, Posix.Classify(fault.Errno), fault.Errno);
        }
    }

    private sealed class FaultyFile(FaultyDisk disk, IDiskFile inner) : IDiskFile
    {
        public string Path => inner.Path;
        public long Length => inner.Length;

        public int Read(long offset, Span<byte> buffer)
        {
            disk.Pass("pread", Path);
            return inner.Read(offset, buffer);
        }

        public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
        {
            ArgumentNullException.ThrowIfNull(buffers);
            try
            {
                disk.Pass("pwrite", Path);
            }
            catch (DiskException)
            {
                if (buffers.Count > 0) inner.Write(offset, buffers[0].Span[..(buffers[0].Length / 2)]);
                throw;
            }
            inner.Write(offset, buffers);
        }

        public void Write(long offset, ReadOnlySpan<byte> buffer)
        {
            try
            {
                disk.Pass("pwrite", Path);
            }
            catch (DiskException)
            {
                inner.Write(offset, buffer[..(buffer.Length / 2)]);
                throw;
            }
            inner.Write(offset, buffer);
        }

        public void Preallocate(long length)
        {
            disk.Pass("fallocate", Path);
            inner.Preallocate(length);
        }

        public void Reserve(long length)
        {
            disk.Pass("fallocate", Path);
            inner.Reserve(length);
        }

        public void Truncate(long length)
        {
            disk.Pass("ftruncate", Path);
            inner.Truncate(length);
        }

        public void SyncData()
        {
            disk.Pass("fdatasync", Path);
            inner.SyncData();
        }

        public void Dispose() => inner.Dispose();
    }
}
