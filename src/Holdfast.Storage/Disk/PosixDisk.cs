using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Storage.Disk;

/// <summary>A directory of the real file system, through POSIX calls with every result checked.</summary>
/// <remarks>
/// Promise: what a call reports as done the kernel has confirmed; SyncData is fdatasync, SyncDirectory is fsync on the
/// directory's descriptor. Every failure is a <see cref="DiskException"/> with its errno.
/// Limits: 64-bit Linux. Files are created with mode 0600, directories with 0700: they hold people's mail.
/// </remarks>
public sealed class PosixDisk : IDisk, IDisposable
{
    private const uint FileMode = 0x180; // 0600
    private const uint DirectoryMode = 0x1C0; // 0700
    private readonly SafeFileHandle _root;
    private readonly string _rootPath;

    /// <summary>Opens the directory; creates it, and what leads to it, when missing.</summary>
    public PosixDisk(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _rootPath = Path.GetFullPath(root);
        MakeRoot(_rootPath);
        _root = OpenDirectory(_rootPath);
    }

    public long FreeBytes
    {
        get
        {
            var space = ReadSpace();
            return (long)(space.AvailableBlocks * space.FragmentSize);
        }
    }

    public long TotalBytes
    {
        get
        {
            var space = ReadSpace();
            return (long)(space.Blocks * space.FragmentSize);
        }
    }

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        var flags = Posix.ReadWrite | Posix.CloseOnExec | Posix.NoFollow;
        if (mode == DiskOpenMode.CreateNew) flags |= Posix.Create | Posix.Exclusive;
        return new PosixFile(OpenFile(path, flags), path);
    }

    public bool Exists(string path)
    {
        if (Posix.FAccessAt(_root, Checked(path), 0, 0) == 0) return true;
        return Marshal.GetLastPInvokeError() == Posix.Enoent ? false : throw Posix.Failure("access", path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            var names = new List<string>();
            foreach (var file in Directory.EnumerateFiles(Path.Combine(_rootPath, Checked(directory))))
            {
                names.Add(Path.GetFileName(file));
            }
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (DirectoryNotFoundException e)
        {
            throw new DiskException("readdir", directory, DiskError.NotFound, Posix.Enoent, e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DiskException("readdir", directory, DiskError.Permission, Posix.Eacces, e);
        }
        catch (IOException e) when (e is not DiskException)
        {
            throw new DiskException("readdir", directory, DiskError.Io, Posix.Eio, e);
        }
    }

    public void CreateDirectory(string path)
    {
        if (Posix.MkDirAt(_root, Checked(path), DirectoryMode) == 0) return;
        if (Marshal.GetLastPInvokeError() != Posix.Eexist) throw Posix.Failure("mkdir", path);
    }

    public void Rename(string from, string to)
    {
        if (Posix.RenameAt(_root, Checked(from), _root, Checked(to)) != 0) throw Posix.Failure("rename", from);
    }

    public void Delete(string path)
    {
        if (Posix.UnlinkAt(_root, Checked(path), 0) != 0) throw Posix.Failure("unlink", path);
    }

    public void SyncDirectory(string directory)
    {
        var relative = Checked(directory);
        using var handle = OpenFile(relative.Length == 0 ? "." : relative,
            Posix.ReadOnly | Posix.Directory | Posix.CloseOnExec);
        if (Posix.FSync(handle) != 0) throw Posix.Failure("fsync", directory);
    }

    public IDisposable Lock(string path)
    {
        var handle = OpenFile(path, Posix.ReadWrite | Posix.Create | Posix.CloseOnExec | Posix.NoFollow);
        while (Posix.FLock(handle, Posix.LockExclusive | Posix.LockNonBlocking) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Posix.Eintr) continue;
            handle.Dispose();
            throw errno == Posix.Eagain
                ? new DiskException("flock", path, DiskError.Locked, errno)
                : new DiskException("flock", path, Posix.Classify(errno), errno);
        }
        return handle; // The lock ends with the descriptor.
    }

    public void Dispose() => _root.Dispose();

    private SafeFileHandle OpenFile(string path, int flags)
    {
        while (true)
        {
            var descriptor = Posix.OpenAt(_root, Checked(path), flags, FileMode);
            if (descriptor >= 0) return new SafeFileHandle(descriptor, ownsHandle: true);
            if (Marshal.GetLastPInvokeError() != Posix.Eintr) throw Posix.Failure("open", path);
        }
    }

    private unsafe Posix.Space ReadSpace()
    {
        Posix.Space space;
        return Posix.FStatVfs(_root, &space) == 0 ? space : throw Posix.Failure("fstatvfs", "");
    }

    /// <summary>Paths come from our own code; this only catches a mistake before it leaves the root.</summary>
    private static string Checked(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return !path.StartsWith('/') && !path.Contains("..", StringComparison.Ordinal)
            ? path
            : throw new ArgumentException($"'{path}' leads out of the disk's root", nameof(path));
    }

    private static SafeFileHandle OpenDirectory(string path)
    {
        var descriptor = Posix.OpenAt(Posix.AtCurrentDirectory, path,
            Posix.ReadOnly | Posix.Directory | Posix.CloseOnExec, 0);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw Posix.Failure("open", path);
    }

    private static void MakeRoot(string path)
    {
        if (Directory.Exists(path)) return;
        var parent = Path.GetDirectoryName(path);
        if (parent is null) return;
        MakeRoot(parent);
        using var handle = OpenDirectory(parent);
        if (Posix.MkDirAt(handle, Path.GetFileName(path), DirectoryMode) != 0
            && Marshal.GetLastPInvokeError() != Posix.Eexist)
        {
            throw Posix.Failure("mkdir", path);
        }
        if (Posix.FSync(handle) != 0) throw Posix.Failure("fsync", parent);
    }
}
