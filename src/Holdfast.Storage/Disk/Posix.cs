using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Storage.Disk;

/// <summary>The POSIX calls we need, and how their errno is read. 64-bit Linux only (x64 and arm64).</summary>
internal static unsafe partial class Posix
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int CloseOnExec = 0x80000;
    public const int AtCurrentDirectory = -100;
    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;
    /// <summary>IOV_MAX of Linux: more buffers in one call are refused with EINVAL.</summary>
    public const int BuffersMax = 1024;

    public const int Enoent = 2;
    public const int Eintr = 4;
    public const int Eio = 5;
    public const int Eagain = 11;
    public const int Eacces = 13;
    public const int Eexist = 17;
    public const int Einval = 22;
    public const int Enospc = 28;
    public const int Erofs = 30;
    public const int Enosys = 38;
    public const int Eopnotsupp = 95;
    public const int Edquot = 122;
    private const int Eperm = 1;

    // asm/fcntl.h: arm64 has values of its own for these two.
    private static readonly bool _arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    public static readonly int Directory = _arm ? 0x4000 : 0x10000;
    public static readonly int NoFollow = _arm ? 0x8000 : 0x20000;

    public static DiskError Classify(int errno) => errno switch
    {
        Enospc or Edquot => DiskError.NoSpace,
        Enoent => DiskError.NotFound,
        Eexist => DiskError.Exists,
        Erofs => DiskError.ReadOnly,
        Eacces or Eperm => DiskError.Permission,
        _ => DiskError.Io,
    };

    public static DiskException Failure(string operation, string path)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new DiskException(operation, path, Classify(errno), errno);
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public byte* Start;
        public nuint Length;
    }

    /// <summary>struct statvfs; the tail is larger than any C library's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Space
    {
        public ulong BlockSize;
        public ulong FragmentSize;
        public ulong Blocks;
        public ulong FreeBlocks;
        public ulong AvailableBlocks;
        public ulong Files;
        public ulong FreeFiles;
        public ulong AvailableFiles;
        public ulong Id;
        public ulong Flags;
        public ulong NameMax;
        public fixed byte Spare[128];
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int OpenAt(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int OpenAt(SafeFileHandle directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint PRead(SafeFileHandle file, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint PWrite(SafeFileHandle file, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    public static partial nint PWriteV(SafeFileHandle file, Buffer* buffers, int count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int FAllocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int FTruncate(SafeFileHandle file, long length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long LSeek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int FLock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "fstatvfs", SetLastError = true)]
    public static partial int FStatVfs(SafeFileHandle file, Space* space);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int RenameAt(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory,
        string to);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UnlinkAt(SafeFileHandle directory, string path, int flags);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MkDirAt(SafeFileHandle directory, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "faccessat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int FAccessAt(SafeFileHandle directory, string path, int mode, int flags);
}
