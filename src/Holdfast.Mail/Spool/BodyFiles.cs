using System.Globalization;

using Holdfast.Storage.Disk;

namespace Holdfast.Mail.Spool;

/// <summary>Runs disk work off the caller's thread; inline in simulation.</summary>
internal delegate Task Offload(Action work);

/// <summary>Contents too large for the log, each in a file of its own named after its message.</summary>
/// <remarks>
/// Promise: once <see cref="Seal"/> returns, bytes and directory entry are on stable storage; only then is the envelope
/// record written. While it is received a body is <c>N.part</c>; a part, or a body whose message doesn't wait, is an
/// orphan of a crash and swept at start.
/// </remarks>
internal sealed class BodyFiles(IDisk disk)
{
    public const string Directory = "bodies";
    private const string Extension = ".body";
    private long _nextPart;

    public static string PathOf(MessageId id) => $"{Directory}/{id}{Extension}";

    public BodyWriter Create()
    {
        while (true)
        {
            var number = Interlocked.Increment(ref _nextPart);
            var path = string.Create(CultureInfo.InvariantCulture, $"{Directory}/{number}.part");
            try
            {
                return new BodyWriter(path, disk.Open(path, DiskOpenMode.CreateNew));
            }
            catch (DiskException e) when (e.Error == DiskError.Exists)
            {
                // A part that the sweep could not delete: take the next number.
            }
        }
    }

    /// <summary>Makes the written bytes and their name durable.</summary>
    public void Seal(BodyWriter body, MessageId id)
    {
        // Named first: a journalling file system then writes name and bytes with one commit, and the directory's sync
        // finds its work done. A file with a name and without its bytes is an orphan, since no envelope names it yet.
        var path = PathOf(id);
        disk.Rename(body.Path, path);
        body.Path = path;
        body.File.SyncData();
        body.Close();
        disk.SyncDirectory(Directory);
    }

    public IDiskFile Open(MessageId id) => disk.Open(PathOf(id), DiskOpenMode.OpenExisting);

    public void Delete(MessageId id) => DeletePath(PathOf(id));

    /// <summary>Deletes what is there; what isn't is no fault.</summary>
    public void DeletePath(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
        }
    }

    /// <summary>Deletes what no waiting message owns. Returns how many files went.</summary>
    public int Sweep(Func<MessageId, bool> waits)
    {
        var swept = 0;
        foreach (var name in disk.List(Directory))
        {
            if (name.EndsWith(Extension, StringComparison.Ordinal)
                && MessageId.TryParse(name[..^Extension.Length], out var id) && waits(id))
                continue;
            DeletePath($"{Directory}/{name}");
            swept++;
        }
        return swept;
    }
}

/// <summary>One body file being written.</summary>
internal sealed class BodyWriter(string path, IDiskFile file)
{
    private BodyChecksum _checksum = new();
    private bool _isClosed;

    public string Path { get; set; } = path;
    public IDiskFile File => file;
    public long Length { get; private set; }
    public uint Checksum => _checksum.Value;

    public void Write(ContentChunks chunks)
    {
        file.Write(Length, chunks);
        for (var i = 0; i < chunks.Count; i++)
            _checksum.Add(chunks[i].Span);
        Length += chunks.Length;
    }

    public void Close()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        file.Dispose();
    }
}
