using System.Runtime.CompilerServices;
using System.Text;
using Holdfast.Evidence.Records;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Views;

/// <summary>Finds the whole life of a message, also after it was delivered, from the evidence files alone.</summary>
/// <remarks>
/// Works beside the running server and on a directory that no server uses. Each file's index is asked first, so that
/// most of many GiB are not read; a missing index is made. Bounded: at most <see cref="TraceQuery.Limit"/> messages,
/// each of at most <see cref="RecordsMax"/> records. A file that is deleted while it is read is passed over.
/// </remarks>
public sealed class MessageTrace
{
    /// <summary>Most records of one story; the first and the newest ones are shown.</summary>
    public const int RecordsMax = 2000;
    /// <summary>Most messages that one query returns.</summary>
    public const int LimitMax = 1000;
    private readonly EvidenceFiles _files;
    private readonly EvidenceJournal? _journal;

    /// <param name="disk">Its root is the data directory.</param>
    /// <param name="journal">The running one, so that what it still holds is seen too; null offline.</param>
    public MessageTrace(IDisk disk, EvidenceJournal? journal = null)
    {
        _files = new EvidenceFiles(disk, EvidenceJournal.DirectoryName);
        _journal = journal;
    }

    /// <summary>Stories, newest message first.</summary>
    public async IAsyncEnumerable<MessageStory> FindAsync(TraceQuery query,
        [EnumeratorCancellation] CancellationToken abort)
    {
        if (_journal is not null)
            await _journal.FlushAsync(abort).ConfigureAwait(false);
        // Off the caller's thread: this reads files.
        var stories = await Task.Run(() => Find(query, abort), abort).ConfigureAwait(false);
        foreach (var story in stories)
            yield return story;
    }

    private List<MessageStory> Find(TraceQuery query, CancellationToken abort)
    {
        var limit = Math.Clamp(query.Limit, 1, LimitMax);
        var key = EvidenceKeys.Normal(query.IdOrAddress);
        var files = _files.List();
        var stories = new Dictionary<string, StoryDraft>(StringComparer.OrdinalIgnoreCase);
        var loose = new List<EvidenceRecord>();
        if (EvidenceKeys.IsId(key))
            stories[FixId(key)] = new StoryDraft();
        else
            FindIds(query, key, files, limit, stories, loose, abort);
        Collect(files, stories, query, abort);
        var told = stories.Where(s => s.Value.Records.Count > 0)
            .Select(s => StoryTeller.Tell(s.Key, s.Value.Records, s.Value.IsCut));
        // What never got an id: a story each.
        return [.. told.Concat(loose.Select(r => StoryTeller.Tell(null, [r], isCut: false)))
            .OrderByDescending(s => s.FirstAt).Take(limit)];
    }

    /// <summary>Messages that name an address, from the newest file back, until there are enough.</summary>
    private void FindIds(TraceQuery query, string address, IReadOnlyList<string> files, int limit,
        Dictionary<string, StoryDraft> stories, List<EvidenceRecord> loose, CancellationToken abort)
    {
        var hash = EvidenceKeys.Hash(address);
        for (var i = files.Count - 1; i >= 0 && stories.Count + loose.Count < limit; i--)
        {
            var inFile = new Dictionary<string, DateTimeOffset>(StringComparer.OrdinalIgnoreCase);
            var looseInFile = new List<EvidenceRecord>();
            Read(files, i, [hash], query, [address], record =>
            {
                if (!EvidenceKeys.Mentions(record, address) || !IsIn(query, record.At))
                    return;
                if (record.MessageId is { } id)
                    inFile.TryAdd(id, record.At);
                else
                    looseInFile.Add(record);
                if (inFile.Count > 4 * LimitMax)
                    TrimToNewest(inFile, limit);
                if (looseInFile.Count > 4 * LimitMax)
                    looseInFile.RemoveRange(0, looseInFile.Count - LimitMax);
            }, abort);
            TrimToNewest(inFile, limit);
            foreach (var id in inFile.Keys)
                stories.TryAdd(id, new StoryDraft());
            loose.AddRange(looseInFile.TakeLast(limit));
        }
    }

    private void Collect(IReadOnlyList<string> files, Dictionary<string, StoryDraft> stories, TraceQuery query,
        CancellationToken abort)
    {
        var hashes = stories.Keys.Select(EvidenceKeys.Hash).ToArray();
        var needles = stories.Count <= 8 ? stories.Keys.ToArray() : [];
        for (var i = 0; i < files.Count && stories.Count > 0; i++)
        {
            Read(files, i, hashes, EvidenceKeys.IsId(query.IdOrAddress) ? query : null, needles, record =>
            {
                if (record.MessageId is { } id && stories.TryGetValue(id, out var draft))
                    draft.Add(record);
            }, abort);
        }
    }

    /// <param name="window">Only files that reach into it; null: all.</param>
    /// <param name="needles">A line that contains none of them can't matter; empty: every line is read.</param>
    private void Read(IReadOnlyList<string> files, int index, ulong[] hashes, TraceQuery? window, string[] needles,
        Action<EvidenceRecord> take, CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        var name = files[index];
        try
        {
            // The newest file may still grow: it has no index, and one made now would be wrong soon.
            if (index < files.Count - 1)
            {
                var known = _files.Index(name, isClosed: true, abort);
                if (!Array.Exists(hashes, known.Filter.MayHold)
                    || (window is not null && (known.Last < window.Since || known.First > window.Until)))
                {
                    return;
                }
            }
            var lineFilter = new LineFilter(needles);
            _files.ReadLines(name, line =>
            {
                if (lineFilter.MayMatch(line) && EvidenceLine.Read(line) is { } record)
                    take(record);
                return true;
            }, abort);
        }
        catch (DiskException e) when (e.Error == DiskError.NotFound)
        {
            // Its time had come.
        }
    }

    private static bool IsIn(TraceQuery query, DateTimeOffset at) =>
        !(at < query.Since) && !(at > query.Until);

    private static void TrimToNewest(Dictionary<string, DateTimeOffset> ids, int limit)
    {
        if (ids.Count <= limit)
            return;
        foreach (var (id, _) in ids.OrderByDescending(p => p.Value).Skip(limit).ToList())
            ids.Remove(id);
    }

    /// <summary>People read O for 0 and I or L for 1 in ids: base 32 has neither.</summary>
    private static string FixId(string id) => id.Length != 26 ? id
        : id.Replace('O', '0').Replace('I', '1').Replace('L', '1');

    private sealed class StoryDraft
    {
        public List<EvidenceRecord> Records { get; } = [];
        public bool IsCut { get; private set; }

        public void Add(EvidenceRecord record)
        {
            Records.Add(record);
            if (Records.Count <= RecordsMax)
                return;
            // The beginning and the newest part tell most.
            Records.RemoveRange(RecordsMax / 4, RecordsMax / 4);
            IsCut = true;
        }
    }

    /// <summary>Cheap look at the raw bytes before a line is parsed.</summary>
    private sealed class LineFilter
    {
        private readonly byte[][] _needles;
        private readonly byte[] _lower = new byte[EvidenceLine.BytesMax];
        private readonly bool _isOff;

        public LineFilter(string[] needles)
        {
            // Other than plain ASCII may stand escaped in the line.
            _isOff = needles.Length == 0
                || Array.Exists(needles, n => n.Any(c => !char.IsAscii(c) || c is '"' or '\\' || char.IsControl(c)));
            _needles = [.. needles.Select(n => Encoding.UTF8.GetBytes(n.ToLowerInvariant()))];
        }

        public bool MayMatch(ReadOnlySpan<byte> line)
        {
            if (_isOff || line.Length > _lower.Length)
                return true;
            var lower = _lower.AsSpan(0, line.Length);
            for (var i = 0; i < line.Length; i++)
            {
                var b = line[i];
                lower[i] = (uint)(b - 'A') <= 'Z' - 'A' ? (byte)(b | 0x20) : b;
            }
            foreach (var needle in _needles)
            {
                if (lower.IndexOf(needle) >= 0)
                    return true;
            }
            return false;
        }
    }
}
