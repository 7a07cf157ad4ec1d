namespace Holdfast.Storage.Segments;

/// <summary>Why bytes of the log could not be used.</summary>
public enum DamageReason : byte
{
    /// <summary>Bytes between good records are no record: overwritten, flipped or never written.</summary>
    Unreadable = 0,
    /// <summary>A record's header is good and its payload is not.</summary>
    Payload = 1,
    /// <summary>The end of a closed segment is missing.</summary>
    MissingEnd = 2,
    /// <summary>Records that were never synced are missing from a segment whose sync failed.</summary>
    UnsyncedLost = 3,
    /// <summary>The file's header is gone; the file was renamed to <c>*.damaged</c>.</summary>
    Header = 4,
    /// <summary>The disk answered reads with errors; the bytes count as zeroes.</summary>
    ReadError = 5,
    /// <summary>Sequence numbers are missing although no bytes are bad.</summary>
    SequenceGap = 6,
    /// <summary>An append that was under way when the process or machine stopped; cut off. Not damage: no append
    /// that completed as Synced is lost by it.</summary>
    TornTail = 7,
}

/// <summary>What recovery could not use. Everything else was delivered.</summary>
/// <param name="Segment">Segment number.</param>
/// <param name="Offset">First bad byte.</param>
/// <param name="Length">Bad bytes.</param>
/// <param name="Reason">Why.</param>
/// <param name="RecordsLost">Records that are missing by their sequence numbers; 0 when not known.</param>
public readonly record struct DamageReport(
    uint Segment, long Offset, long Length, DamageReason Reason, long RecordsLost);
