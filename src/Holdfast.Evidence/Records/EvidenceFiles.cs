using System.Globalization;
using Holdfast.Storage.Disk;

namespace Holdfast.Evidence.Records;

/// <summary>Names and reads the journal's files: <c>evidence/YYYYMMDDTHHMMSS-NNNN.jsonl</c>, in order of time.
/// </summary>
internal sealed class EvidenceFiles(IDisk disk, string directory)
{
    public const string Extension = ".jsonl";
    public const string IndexExtension = ".idx";
    private const string TimeFormat = "yyyyMMdd'T'HHmmss";
    private const int NameChars = 20;
    private const int ChunkBytes = 256 * 1024;

    public string Directory => directory;
    public string PathOf(string name) => $"{directory}/{name}";

    /// <summary>A name that sorts after those of earlier times.</summary>
    public static string Name(DateTimeOffset at, int number) => string.Create(CultureInfo.InvariantCulture,
        $"{at.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}-{number:0000}{Extension}");

    public static bool TryReadName(string name, out DateTimeOffset at)
    {
        at = default;
        return name.EndsWith(Extension, StringComparison.Ordinal) && name.Length == NameChars + Extension.Length
            && DateTimeOffset.TryParseExact(name.AsSpan(0, 15), TimeFormat, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal, out at);
    }

    /// <summary>The journal's files, oldest first; none when there is no such directory.</summary>
    public IReadOnlyList<string> List()
    {
        try
        {
            return [.. disk.List(directory).Where(n => TryReadName(n, out _)).Order(StringComparer.Ordinal)];
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
            return [];
        }
    }

    public long BytesWithIndex(string name) => Bytes(PathOf(name)) + IndexBytes(name);

    /// <summary>0 when there is none.</summary>
    public long IndexBytes(string name)
    {
        var path = PathOf(Path.ChangeExtension(name, IndexExtension));
        return disk.Exists(path) ? Bytes(path) : 0;
    }

    private long Bytes(string path)
    {
        using var file = disk.Open(path, DiskOpenMode.OpenExisting);
        return file.Length;
    }

    /// <summary>Hands every whole line of a file to <paramref name="line"/>; stops when it returns false. A torn last
    /// line is handed out too, an over-long one is passed over.</summary>
    public void ReadLines(string name, LineReader line, CancellationToken abort)
    {
        using var file = disk.Open(PathOf(name), DiskOpenMode.OpenExisting);
        var buffer = new byte[ChunkBytes];
        var held = 0;
        var offset = 0L;
        var isSkipping = false;
        while (true)
        {
            abort.ThrowIfCancellationRequested();
            var read = file.Read(offset, buffer.AsSpan(held));
            offset += read;
            var data = buffer.AsSpan(0, held + read);
            int end;
            while ((end = data.IndexOf((byte)'\n')) >= 0)
            {
                if (!isSkipping && end > 0 && !line(data[..end]))
                    return;
                isSkipping = false;
                data = data[(end + 1)..];
            }
            if (read == 0)
            {
                if (!isSkipping && data.Length > 0)
                    line(data);
                return;
            }
            if (data.Length > EvidenceLine.BytesMax)
            {
                isSkipping = true;
                data = [];
            }
            data.CopyTo(buffer);
            held = data.Length;
        }
    }

    /// <summary>The file's index; made from the file, and kept when <paramref name="isClosed"/>, if there is none.
    /// </summary>
    public EvidenceIndex Index(string name, bool isClosed, CancellationToken abort)
    {
        if (isClosed && ReadIndex(name) is { } index)
            return index;
        var made = MakeIndex(name, abort);
        if (isClosed)
            TryWriteIndex(name, made);
        return made;
    }

    /// <summary>Best effort: without it the file is only slower to search.</summary>
    public bool TryWriteIndex(string name, EvidenceIndex index)
    {
        var path = PathOf(Path.ChangeExtension(name, IndexExtension));
        var temporary = path + ".new";
        try
        {
            if (disk.Exists(temporary))
                disk.Delete(temporary);
            using (var file = disk.Open(temporary, DiskOpenMode.CreateNew))
                file.Write(0, index.ToBytes());
            disk.Rename(temporary, path);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Delete(string name)
    {
        disk.Delete(PathOf(name));
        var index = PathOf(Path.ChangeExtension(name, IndexExtension));
        if (disk.Exists(index))
            disk.Delete(index);
    }

    private EvidenceIndex? ReadIndex(string name)
    {
        try
        {
            var path = PathOf(Path.ChangeExtension(name, IndexExtension));
            if (!disk.Exists(path))
                return null;
            using var file = disk.Open(path, DiskOpenMode.OpenExisting);
            if (file.Length > BloomFilter.BytesMax + 1024)
                return null;
            var bytes = new byte[file.Length];
            return file.Read(0, bytes) == bytes.Length ? EvidenceIndex.FromBytes(bytes) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private EvidenceIndex MakeIndex(string name, CancellationToken abort)
    {
        var filter = new BloomFilter(new byte[EvidenceJournal.FilterBytes]);
        var first = DateTimeOffset.MaxValue;
        var last = DateTimeOffset.UnixEpoch;
        ReadLines(name, bytes =>
        {
            if (EvidenceLine.Read(bytes) is not { } record)
                return true;
            EvidenceKeys.AddTo(filter, record);
            first = record.At < first ? record.At : first;
            last = record.At > last ? record.At : last;
            return true;
        }, abort);
        return new EvidenceIndex(filter.Fold(), first, last);
    }
}

/// <summary>Takes a line without its end; false stops the reading.</summary>
internal delegate bool LineReader(ReadOnlySpan<byte> line);
