using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Web.Records;

/// <summary>Makes trace ids for requests that come without one (W3C Trace Context §4.2).</summary>
/// <remarks>SplitMix64 (Steele, Lea and Flood 2014) from four seeds drawn once: no two ids of a run are alike, and no
/// request waits for another's. Who knows some ids can work others out: they are names, not secrets.</remarks>
internal sealed class TraceIds(Random random)
{
    private const ulong Step = 0x9E37_79B9_7F4A_7C15;
    private readonly ulong _high = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
    private readonly ulong _low = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
    private readonly ulong _parent = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
    private long _made = random.NextInt64();

    /// <summary>Gives the request a <c>traceparent</c> unless it has one that can be read.</summary>
    /// <param name="headers">Of the request.</param>
    /// <param name="isRecorded">Who gets it is asked to record too.</param>
    public void Mark(IHeaderDictionary headers, bool isRecorded)
    {
        if (TraceParent.TraceIdOf(headers.TraceParent) is not null)
            return;
        headers.TraceParent = Make(isRecorded);
        // It went with the one that couldn't be read.
        headers.TraceState = default;
    }

    internal string Make(bool isRecorded)
    {
        var at = (ulong)Interlocked.Increment(ref _made) * Step;
        // An id of zeros alone is none, nor is such a parent.
        var (low, parent) = (Mixed(_low + at) | 1, Mixed(_parent + at) | 1);
        return string.Create(CultureInfo.InvariantCulture, stackalloc char[64],
            $"00-{Mixed(_high + at):x16}{low:x16}-{parent:x16}-{(isRecorded ? 1 : 0):x2}");
    }

    private static ulong Mixed(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }
}
