using Holdfast.Storage.Disk;

namespace Holdfast.Sim.Disks;

/// <summary>A disk in memory that remembers what was not synced, and can lose it.</summary>
/// <remarks>
/// <see cref="Cut"/> gives the disk as after a power cut: of each file, any subset of the sectors written since its
/// last SyncData; of each directory, a prefix of the creations, renames and deletions since its last SyncDirectory, as
/// journalling file systems keep them in order (each directory by itself). A file whose entry was never synced may be
/// gone even if its data was synced. Same seed, same disk.
/// Limits: files up to 2 GiB; not thread-safe; directories themselves are durable at once.
/// </remarks>
internal sealed class SimulatedDisk : IDisk
{
    private const string RootName = "";
    private readonly SimulatedDiskManners _options;
    private readonly SortedDictionary<string, SimulatedDirectory> _directories = new(StringComparer.Ordinal);
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);

    public SimulatedDisk(SimulatedDiskManners? options = null)
    {
        _options = options ?? new SimulatedDiskManners();
        _directories.Add(RootName, new SimulatedDirectory());
    }

    /// <summary>Operations so far: every call that could fail counts one.</summary>
    public long Operations { get; private set; }

    /// <summary>Called before each operation with its number, name and path; throws to make it fail.</summary>
    public Action<long, string, string>? BeforeOperation { get; set; }

    public long TotalBytes => _options.TotalBytes;

    public long FreeBytes
    {
        get
        {
            var used = 0L;
            foreach (var directory in _directories.Values)
            {
                foreach (var node in directory.Entries.Values) used += node.Length;
            }
            return Math.Max(0, _options.TotalBytes - used);
        }
    }

    public SimulatedDiskManners Options => _options;

    /// <summary>The disk as after a power cut now. This one stays as it is.</summary>
    public SimulatedDisk Cut(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var after = new SimulatedDisk(_options);
        var nodes = new Dictionary<SimulatedNode, SimulatedNode>();
        foreach (var (name, directory) in _directories)
        {
            after._directories[name] = directory.Cut(random, node =>
            {
                if (!nodes.TryGetValue(node, out var cut))
                {
                    nodes[node] = cut = node.Cut(random, _options.TearsInsideSectors);
                }
                return cut;
            });
        }
        return after;
    }

    /// <summary>The disk as after the process was killed: everything written is there, nothing is locked.</summary>
    public void Kill() => _locks.Clear();

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        Count("open", path);
        var (directory, name) = Split(path);
        if (mode == DiskOpenMode.CreateNew)
        {
            if (directory.Entries.ContainsKey(name)) throw new DiskException("open", path, DiskError.Exists, 17);
            var node = new SimulatedNode();
            directory.Create(name, node);
            return new SimulatedFile(this, path, node);
        }
        return directory.Entries.TryGetValue(name, out var found)
            ? new SimulatedFile(this, path, found)
            : throw NotFound("open", path);
    }

    public bool Exists(string path)
    {
        var (directory, name) = Split(path);
        return directory.Entries.ContainsKey(name) || _directories.ContainsKey(path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        Count("readdir", directory);
        return [.. Directory(directory).Entries.Keys];
    }

    public void CreateDirectory(string path)
    {
        Count("mkdir", path);
        _directories.TryAdd(path, new SimulatedDirectory());
    }

    public void Rename(string from, string to)
    {
        Count("rename", from);
        var (fromDirectory, fromName) = Split(from);
        var (toDirectory, toName) = Split(to);
        if (!fromDirectory.Entries.TryGetValue(fromName, out var node)) throw NotFound("rename", from);
        if (fromDirectory == toDirectory)
        {
            fromDirectory.Rename(fromName, toName);
            return;
        }
        toDirectory.Create(toName, node);
        fromDirectory.Delete(fromName);
    }

    public void Delete(string path)
    {
        Count("unlink", path);
        var (directory, name) = Split(path);
        if (!directory.Entries.ContainsKey(name)) throw NotFound("unlink", path);
        directory.Delete(name);
    }

    public void SyncDirectory(string directory)
    {
        Count("fsync", directory);
        if (!_options.IgnoresDirectorySync) Directory(directory).Sync();
    }

    public IDisposable Lock(string path)
    {
        Count("flock", path);
        var (directory, name) = Split(path);
        if (!directory.Entries.ContainsKey(name)) directory.Create(name, new SimulatedNode());
        return _locks.Add(path) ? new Held(this, path) : throw new DiskException("flock", path, DiskError.Locked, 11);
    }

    /// <summary>The file's bytes, for tests that look at or damage them.</summary>
    public SimulatedNode Node(string path)
    {
        var (directory, name) = Split(path);
        return directory.Entries.TryGetValue(name, out var node) ? node : throw NotFound("open", path);
    }

    internal void Count(string operation, string path)
    {
        BeforeOperation?.Invoke(Operations, operation, path);
        Operations++;
    }

    internal void Require(string operation, string path, long bytes)
    {
        if (bytes > 0 && bytes > FreeBytes) throw new DiskException(operation, path, DiskError.NoSpace, 28);
    }

    private SimulatedDirectory Directory(string path) =>
        _directories.TryGetValue(path, out var directory) ? directory : throw NotFound("open", path);

    private (SimulatedDirectory Directory, string Name) Split(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash < 0
            ? (_directories[RootName], path)
            : (Directory(path[..slash]), path[(slash + 1)..]);
    }

    private static DiskException NotFound(string operation, string path) =>
        new(operation, path, DiskError.NotFound, 2);

    private sealed class Held(SimulatedDisk disk, string path) : IDisposable
    {
        public void Dispose() => disk._locks.Remove(path);
    }
}
