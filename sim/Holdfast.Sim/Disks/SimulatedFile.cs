using Holdfast.Storage.Disk;

namespace Holdfast.Sim.Disks;

/// <summary>An open file of <see cref="SimulatedDisk"/>.</summary>
internal sealed class SimulatedFile(SimulatedDisk disk, string path, SimulatedNode node) : IDiskFile
{
    private bool _isDisposed;

    public string Path => path;
    public long Length => node.Length;

    public int Read(long offset, Span<byte> buffer)
    {
        Begin("pread");
        return node.Read(offset, buffer);
    }

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        var all = new byte[buffers.Sum(b => b.Length)];
        var at = 0;
        foreach (var buffer in buffers)
        {
            buffer.Span.CopyTo(all.AsSpan(at));
            at += buffer.Length;
        }
        Write(offset, all);
    }

    public void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        try
        {
            Begin("pwrite");
        }
        catch (DiskException)
        {
            // A write that fails may have written a part.
            node.Write(offset, buffer[..(buffer.Length / 2)]);
            throw;
        }
        disk.Require("pwrite", path, offset + buffer.Length - node.Length);
        node.Write(offset, buffer);
    }

    public void Preallocate(long length)
    {
        Begin("fallocate");
        if (length <= node.Length) return;
        disk.Require("fallocate", path, length - node.Length);
        node.SetLength(length);
    }

    public void Truncate(long length)
    {
        Begin("ftruncate");
        node.SetLength(length);
    }

    public void SyncData()
    {
        try
        {
            Begin("fdatasync");
        }
        catch (DiskException)
        {
            node.LoseUnsynced();
            throw;
        }
        if (!disk.Options.IgnoresDataSync) node.Sync();
    }

    public void Dispose() => _isDisposed = true;

    private void Begin(string operation)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        disk.Count(operation, path);
    }
}
