namespace Holdfast.Storage.Segments;

/// <summary>What a fuzzer calls: takes any bytes for a segment and walks them.</summary>
internal static class SegmentFuzz
{
    /// <summary>Reads header, records, openings and markers of the bytes, as recovery does. Never throws.</summary>
    /// <returns>Good records found.</returns>
    public static int Run(ReadOnlySpan<byte> bytes)
    {
        // The generation is a secret to an attacker; here it is taken from the bytes, so that records can be met.
        var generation = SegmentHeader.TryRead(bytes, out var header, out _) ? header.Value.Generation : 1;
        var image = new SegmentImage(bytes, generation);
        var ends = new List<SegmentEnd>();
        var good = 0;
        var covered = SegmentHeader.FirstRecordOffset;
        while (image.MoveNext())
        {
            Require(image.Offset >= covered + image.BadLength && image.End <= bytes.Length);
            covered = image.End;
            if (!image.PayloadIsGood) continue;
            good++;
            if (image.Header.Type == RecordType.Opening) OpeningRecord.TryRead(image.Payload, out _, ends);
            if (image.Header.Type == RecordType.Commit) BatchBuilder.TryReadMarker(image.Payload, out _);
            ends.Clear();
        }
        Require(image.BadLength == 0 || image.BadOffset + image.BadLength <= bytes.Length);
        return good;
    }

    private static void Require(bool holds)
    {
        if (!holds) throw new InvalidOperationException("the walk left the segment's bytes");
    }
}
