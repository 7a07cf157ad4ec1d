using System.Text;
using Holdfast.Configuration;
using Holdfast.Evidence.Records;

namespace Holdfast.Fuzz.Targets;

/// <summary>Files that operators write, and lines that we read back.</summary>
internal static class ConfigurationTargets
{
    private static readonly ConfigurationLoader Loader = new(Composition.BuildRules());

    public static int Load(ReadOnlySpan<byte> input)
    {
        var (snapshot, faults) = Loader.Load(input, "f.json");
        Promise.Holds(snapshot is null == faults.Count > 0, "there is a snapshot, or there are faults");
        foreach (var fault in faults)
        {
            Promise.Holds(fault.At is { Line: > 0, Column: > 0 } && fault.Problem.Length > 0,
                "a fault says where and what");
            Promise.Holds(!fault.Describe("f.json").AsSpan().ContainsAny('\r', '\n'), "a fault is one line");
        }
        return HashCode.Combine(snapshot is null, faults.Count > 0 ? string.Concat(faults[0].Problem.Take(12)) : "",
            Math.Min(faults.Count, 8));
    }

    /// <summary>A duration that was read, described and read again is the same, up to a thousand years.</summary>
    public static int Quantities(ReadOnlySpan<byte> input)
    {
        var text = Encoding.UTF8.GetString(input);
        var isDuration = Quantity.TryParseDuration(text, out var duration);
        if (isDuration)
        {
            var described = Quantity.Describe(duration);
            _ = Quantity.Roughly(duration);
            if (duration >= TimeSpan.Zero && duration.TotalDays < 365_000)
            {
                Promise.Holds(Quantity.TryParseDuration(described, out var again)
                    && (again - duration).Duration() < TimeSpan.FromMilliseconds(1), "a duration comes back");
            }
        }
        var isSize = Quantity.TryParseBytes(text, out var bytes);
        Promise.Holds(!isSize || (bytes >= 0 && Quantity.Bytes(bytes).Length > 0), "a size isn't negative");
        return HashCode.Combine(isDuration, isSize, text.Length / 4);
    }

    /// <summary>A line reads as a record or as none; a record that was read and written reads as the same.</summary>
    public static int EvidenceLine(ReadOnlySpan<byte> input)
    {
        if (Holdfast.Evidence.Records.EvidenceLine.Read(input) is not { } record)
            return 0;
        using var line = new EvidenceLine();
        var first = Again(line, record);
        var second = Again(line, first);
        Promise.Holds(first with { Took = null } == second with { Took = null }, "a record comes back");
        Promise.Holds(first.Took is null == second.Took is null, "a duration comes back");
        return HashCode.Combine(record.Kind, record.Took is null, record.NextAttemptAt is null,
            record.Recipient is null);
    }

    private static Storage.Journal.EvidenceRecord Again(EvidenceLine line, Storage.Journal.EvidenceRecord record)
    {
        var bytes = line.Write(record);
        Promise.Holds(bytes.Length < Holdfast.Evidence.Records.EvidenceLine.BytesMax && bytes[^1] == '\n'
            && bytes[..^1].IndexOf((byte)'\n') < 0, "a record is one bounded line");
        var back = Holdfast.Evidence.Records.EvidenceLine.Read(bytes[..^1]);
        Promise.Holds(back is not null, "what we write can be read");
        return back!;
    }
}
