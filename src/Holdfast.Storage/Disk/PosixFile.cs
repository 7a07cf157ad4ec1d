using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Storage.Disk;

/// <summary>An open file of <see cref="PosixDisk"/>. Reads and writes may run at the same time.</summary>
internal sealed unsafe class PosixFile(SafeFileHandle handle, string path) : IDiskFile
{
    /// <summary>Zeroes are written in pieces of this size.</summary>
    private const int ZeroBytes = 256 << 10;
    private const int SeekEnd = 2;
    private static readonly byte[] _zeroes = new byte[ZeroBytes];

    public string Path => path;

    public long Length
    {
        get
        {
            var length = Posix.LSeek(handle, 0, SeekEnd);
            return length >= 0 ? length : throw Posix.Failure("lseek", path);
        }
    }

    public int Read(long offset, Span<byte> buffer)
    {
        var done = 0;
        fixed (byte* start = buffer)
        {
            while (done < buffer.Length)
            {
                var n = Posix.PRead(handle, start + done, (nuint)(buffer.Length - done), offset + done);
                if (n == 0) break;
                if (n > 0) done += (int)n;
                else if (Marshal.GetLastPInvokeError() != Posix.Eintr) throw Posix.Failure("pread", path);
            }
        }
        return done;
    }

    public void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        var done = 0;
        fixed (byte* start = buffer)
        {
            while (done < buffer.Length)
            {
                var n = Posix.PWrite(handle, start + done, (nuint)(buffer.Length - done), offset + done);
                if (n > 0) done += (int)n;
                else if (n == 0) throw new DiskException("pwrite", path, DiskError.Io);
                else if (Marshal.GetLastPInvokeError() != Posix.Eintr) throw Posix.Failure("pwrite", path);
            }
        }
    }

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        if (buffers.Count == 1)
        {
            Write(offset, buffers[0].Span);
            return;
        }

        var pins = ArrayPool<MemoryHandle>.Shared.Rent(Math.Min(buffers.Count, Posix.BuffersMax));
        var vector = stackalloc Posix.Buffer[Math.Min(buffers.Count, Posix.BuffersMax)];
        try
        {
            for (var at = 0; at < buffers.Count;)
            {
                var count = 0;
                long bytes = 0;
                try
                {
                    for (; at < buffers.Count && count < Posix.BuffersMax; at++)
                    {
                        if (buffers[at].IsEmpty) continue;
                        pins[count] = buffers[at].Pin();
                        vector[count++] = new Posix.Buffer
                        {
                            Start = (byte*)pins[count - 1].Pointer, Length = (nuint)buffers[at].Length,
                        };
                        bytes += buffers[at].Length;
                    }
                    WriteAll(vector, count, offset);
                    offset += bytes;
                }
                finally
                {
                    for (var i = 0; i < count; i++) pins[i].Dispose();
                }
            }
        }
        finally
        {
            ArrayPool<MemoryHandle>.Shared.Return(pins, clearArray: true);
        }
    }

    public void Preallocate(long length)
    {
        var at = Length;
        if (length <= at) return;

        // Space first, so that a full disk is known before time is spent; then zeroes, since writing into extents that
        // are allocated but unwritten makes every fdatasync commit file system metadata (measured: half the speed).
        TryAllocate(at, length);
        WriteZeroes(at, length);
    }

    public void Reserve(long length)
    {
        var at = Length;
        if (length > at && !TryAllocate(at, length)) WriteZeroes(at, length);
    }

    /// <summary>False: the file system has no such call.</summary>
    private bool TryAllocate(long at, long length)
    {
        while (Posix.FAllocate(handle, 0, at, length - at) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Posix.Eintr) continue;
            if (errno is Posix.Eopnotsupp or Posix.Enosys or Posix.Einval) return false;
            throw Posix.Failure("fallocate", path);
        }
        return true;
    }

    private void WriteZeroes(long at, long length)
    {
        for (; at < length; at += ZeroBytes)
        {
            Write(at, _zeroes.AsSpan(0, (int)Math.Min(ZeroBytes, length - at)));
        }
    }

    public void Truncate(long length)
    {
        while (Posix.FTruncate(handle, length) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Posix.Eintr) throw Posix.Failure("ftruncate", path);
        }
    }

    public void SyncData()
    {
        // No retry, not even on EINTR: after a failure the kernel may have dropped the dirty pages, and the next call
        // would succeed over lost data.
        if (Posix.FDataSync(handle) != 0) throw Posix.Failure("fdatasync", path);
    }

    public void Dispose() => handle.Dispose();

    private void WriteAll(Posix.Buffer* vector, int count, long offset)
    {
        while (count > 0)
        {
            var n = Posix.PWriteV(handle, vector, count, offset);
            if (n < 0 && Marshal.GetLastPInvokeError() == Posix.Eintr) continue;
            if (n < 0) throw Posix.Failure("pwritev", path);
            if (n == 0) throw new DiskException("pwritev", path, DiskError.Io);

            offset += n;
            while (count > 0 && n >= (nint)vector->Length)
            {
                n -= (nint)vector->Length;
                vector++;
                count--;
            }
            if (count > 0)
            {
                vector->Start += n;
                vector->Length -= (nuint)n;
            }
        }
    }
}
