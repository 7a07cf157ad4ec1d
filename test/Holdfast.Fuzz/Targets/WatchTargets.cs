using System.Text;
using Holdfast.Watch.Localise;
using Holdfast.Watch.Recorded;

namespace Holdfast.Fuzz.Targets;

/// <summary>Files of recorded counts.</summary>
internal static class WatchTargets
{
    public static int Series(ReadOnlySpan<byte> input)
    {
        var file = SeriesFile.Read(new StringReader(Encoding.UTF8.GetString(input)), null, out var fault);
        Promise.Holds(file is null != fault is null, "a file is read or has a fault");
        if (file is null)
            return HashCode.Combine(fault!.Problem.Length, fault.Line);
        Promise.Holds(file.Bin >= SeriesFile.BinMin && file.Bin <= SeriesFile.BinMax, "bins are 10 s to 1 h");
        foreach (var series in file.Series)
        {
            var last = DateTimeOffset.MinValue;
            foreach (var (start, count) in file.Bins(series, false))
            {
                Promise.Holds(start > last && count is >= 0 and < 1e15, "bins come in order, each once");
                last = start;
            }
        }
        return HashCode.Combine(file.Rows, file.Series.Count);
    }

    public static int Breakdown(ReadOnlySpan<byte> input)
    {
        var cube = BreakdownFile.Read(new StringReader(Encoding.UTF8.GetString(input)), out var fault);
        Promise.Holds(cube is null != fault is null, "a file is read or has a fault");
        if (cube is null)
            return HashCode.Combine(fault!.Problem.Length, fault.Line);
        var told = new Localiser(cube, new()).Explain();
        Promise.Holds(told.Explanations.All(e => e.Terms.Count is >= 1 and <= 4 && double.IsFinite(e.Nats)
            && double.IsFinite(e.Share) && e.Observed >= e.Expected), "what is told is beyond the expected");
        return HashCode.Combine(cube.Leaves, told.Explanations.Count);
    }
}
