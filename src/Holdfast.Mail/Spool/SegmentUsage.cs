namespace Holdfast.Mail.Spool;

/// <summary>What still needs each segment: live records, marks of ended messages, and copies that came from it.
/// </summary>
/// <remarks>
/// A segment may be deleted when nothing live stands in it and deleting it cannot raise the dead in a later full scan:
/// no Done in it speaks of a message with a copy in another segment that exists, and no segment exists from which
/// messages were moved into it. Not thread-safe: MailSpool's lock guards it.
/// </remarks>
internal sealed class SegmentUsage
{
    /// <summary>Header and padding that the log adds to a record, about.</summary>
    private const int RecordOverhead = 36;

    private readonly Dictionary<uint, Use> _uses = [];
    private Use? _last;

    public sealed class Use(uint segment)
    {
        public uint Segment => segment;
        public long LiveBytes { get; set; }
        public int LiveRecords { get; set; }
        /// <summary>Done records in this segment: those whose message stood in another one, and, until it is closed
        /// in good order, those whose message stands in the same one.</summary>
        public List<DoneRecord> Tombstones { get; } = [];
        /// <summary>Segments from which messages were moved here.</summary>
        public HashSet<uint> MovedFrom { get; } = [];
    }

    public IEnumerable<Use> All => _uses.Values;

    public Use? Find(uint segment) => _uses.GetValueOrDefault(segment);

    public void Live(uint segment, uint payloadBytes)
    {
        var use = Of(segment);
        use.LiveBytes += payloadBytes + RecordOverhead;
        use.LiveRecords++;
    }

    public void Dead(uint segment, uint payloadBytes)
    {
        var use = Of(segment);
        use.LiveBytes -= payloadBytes + RecordOverhead;
        use.LiveRecords--;
    }

    /// <summary>A Done record was written to a segment.</summary>
    public void Ended(uint segment, DoneRecord done)
    {
        Of(segment).Tombstones.Add(done);
    }

    public void Moved(uint from, uint to)
    {
        if (from != to)
            Of(to).MovedFrom.Add(from);
    }

    /// <summary>Forgets marks whose segments are gone, then tells whether the segment can go.</summary>
    public bool CanDelete(uint segment, HashSet<uint> existing)
    {
        if (!_uses.TryGetValue(segment, out var use))
            return true;
        if (use.LiveRecords > 0)
            return false;
        Prune(use, existing);
        return use.Tombstones.Count == 0 && use.MovedFrom.Count == 0;
    }

    /// <summary>Forgets what a segment closed in good order no longer needs.</summary>
    public static void Prune(Use use, HashSet<uint> existing)
    {
        use.Tombstones.RemoveAll(done => done.HomeSegment == use.Segment || !existing.Contains(done.HomeSegment));
        use.MovedFrom.RemoveWhere(segment => !existing.Contains(segment));
    }

    public void Forget(uint segment)
    {
        _uses.Remove(segment);
        _last = null;
    }

    public void Clear()
    {
        _uses.Clear();
        _last = null;
    }

    private Use Of(uint segment)
    {
        if (_last is { } last && last.Segment == segment)
            return last;
        if (!_uses.TryGetValue(segment, out var use))
            _uses[segment] = use = new Use(segment);
        return _last = use;
    }
}
