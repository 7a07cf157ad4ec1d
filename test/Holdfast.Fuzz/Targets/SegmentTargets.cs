using Holdfast.Storage.Segments;

namespace Holdfast.Fuzz.Targets;

/// <summary>Builds a segment by the input's orders, true records and lies with fitting checksums, and walks it as
/// recovery does.</summary>
internal static class SegmentTargets
{
    private const int ImageBytes = 16 << 10;
    private const ulong Generation = 7;

    public static int Walk(ReadOnlySpan<byte> input)
    {
        var image = new byte[ImageBytes];
        new SegmentHeader(1, Generation, 1, 0).Write(image);
        var pieces = new Pieces(input);
        var at = (long)SegmentHeader.FirstRecordOffset;
        ulong sequence = 0;
        var written = 0;
        var isTrue = true;
        while (!pieces.IsEmpty && at < ImageBytes - 1024)
        {
            var order = pieces.Byte();
            if ((order & 7) == 7)
            {
                // Octets that are no record: whatever the input says.
                var junk = pieces.Take(pieces.Byte());
                junk.CopyTo(image.AsSpan((int)at));
                isTrue &= junk.IsEmpty;
                at += junk.Length;
                continue;
            }
            at = RecordHeader.Align(at);
            var isLie = (order & 7) == 6;
            var type = (RecordType)(1 + ((order >> 3) % 3));
            var step = isLie ? pieces.Byte() - 2L : type == RecordType.Data ? 1 + (order >> 5) : order >> 5;
            sequence = (ulong)((long)sequence + step);
            var payload = pieces.Take(pieces.Byte());
            var length = isLie ? pieces.UInt32() : (uint)payload.Length;
            new RecordHeader(type, pieces.Byte(), length, Generation, sequence, Checksum.Of(payload))
                .Write(image.AsSpan((int)at), (uint)at);
            payload.CopyTo(image.AsSpan((int)at + RecordHeader.Bytes));
            at += RecordHeader.Bytes + payload.Length;
            written++;
            isTrue &= !isLie;
        }
        var good = SegmentFuzz.Run(image);
        Promise.Holds(!isTrue || good == written, "every record of a whole segment is found");
        SegmentFuzz.Run(image.AsSpan(0, (int)at));
        SegmentFuzz.Run(input);
        return HashCode.Combine(isTrue, good, written);
    }
}
