namespace Holdfast.Storage.Segments;

/// <summary>Receives what recovery finds, in the order of the log, on the caller's thread of Open.</summary>
public interface ISegmentVisitor
{
    /// <summary>A verified record. The payload is only valid during the call.</summary>
    void Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload);

    /// <summary>Bytes that were not usable.</summary>
    void Damaged(DamageReport report);

    /// <summary>How far the scan is, after each segment.</summary>
    void Scanned(long doneBytes, long totalBytes)
    {
    }
}

/// <summary>Where a scan begins; records before it are taken as known.</summary>
public readonly record struct ScanStart(uint Segment, uint Offset)
{
    /// <summary>Everything.</summary>
    public static ScanStart Beginning => default;
}
