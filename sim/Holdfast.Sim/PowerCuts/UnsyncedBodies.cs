using Holdfast.Storage.Disk;

namespace Holdfast.Sim.PowerCuts;

/// <summary>A disk whose users forgot to sync body files.</summary>
internal sealed class UnsyncedBodies(IDisk disk) : IDisk
{
    public long FreeBytes => disk.FreeBytes;
    public long TotalBytes => disk.TotalBytes;

    public IDiskFile Open(string path, DiskOpenMode mode) => path.StartsWith("bodies/", StringComparison.Ordinal)
        ? new UnsyncedFile(disk.Open(path, mode)) : disk.Open(path, mode);

    public bool Exists(string path) => disk.Exists(path);
    public IReadOnlyList<string> List(string directory) => disk.List(directory);
    public void CreateDirectory(string path) => disk.CreateDirectory(path);
    public void Rename(string from, string to) => disk.Rename(from, to);
    public void Delete(string path) => disk.Delete(path);
    public void SyncDirectory(string directory) => disk.SyncDirectory(directory);
    public IDisposable Lock(string path) => disk.Lock(path);

    private sealed class UnsyncedFile(IDiskFile file) : IDiskFile
    {
        public string Path => file.Path;
        public long Length => file.Length;
        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);
        public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => file.Write(offset, buffers);
        public void Write(long offset, ReadOnlySpan<byte> buffer) => file.Write(offset, buffer);
        public void Preallocate(long length) => file.Preallocate(length);
        public void Truncate(long length) => file.Truncate(length);
        public void SyncData() { }
        public void Dispose() => file.Dispose();
    }
}
