using System.Text.RegularExpressions;

namespace Holdfast.SystemTests.Harness;

/// <summary>Messages that a target took more than once, and whether the evidence says why.</summary>
internal static partial class Duplicates
{
    public static List<string> Of(IEnumerable<string> acknowledged, ScriptedTarget na, ScriptedTarget eu) =>
        [.. acknowledged.Where(m => na.Copies(m) + eu.Copies(m) > 1)];

    /// <summary>Duplicates of messages for which no unknown outcome is on record.</summary>
    public static List<string> Unexplained(Gateway gateway, IEnumerable<string> acknowledged, ScriptedTarget na,
        ScriptedTarget eu)
    {
        var unknown = UnknownOutcomes(gateway.DataDirectory);
        return [.. Of(acknowledged, na, eu)
            .Where(m => !unknown.Contains($"r{m.Split('-')[1]}@{m.Split('-')[0]}.test"))];
    }

    /// <summary>Recipients that the evidence says had an unknown outcome.</summary>
    public static HashSet<string> UnknownOutcomes(string dataDirectory)
    {
        var found = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in Directory.GetFiles(Path.Combine(dataDirectory, "evidence"), "*.jsonl"))
        {
            foreach (var line in File.ReadLines(file))
            {
                if (!line.Contains("OutcomeUnknown", StringComparison.OrdinalIgnoreCase))
                    continue;
                foreach (Match match in Recipient().Matches(line))
                    found.Add(match.Value);
            }
        }
        return found;
    }

    /// <summary>What the evidence says of some of the messages, for the text of a failure.</summary>
    public static string Evidence(string dataDirectory, IReadOnlyCollection<string> markers)
    {
        var wanted = markers.Take(3).Select(m => $"\"r{m.Split('-')[1]}@{m.Split('-')[0]}.test\"").ToList();
        return string.Join('\n', Directory.GetFiles(Path.Combine(dataDirectory, "evidence"), "*.jsonl").Order()
            .SelectMany(File.ReadLines).Where(l => wanted.Exists(w => l.Contains(w, StringComparison.Ordinal))).Take(40));
    }

    [GeneratedRegex(@"r\d+@[a-z0-9]+\.test")]
    private static partial Regex Recipient();
}
