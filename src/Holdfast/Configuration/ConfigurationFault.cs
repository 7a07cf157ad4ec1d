using System.Globalization;

namespace Holdfast.Configuration;

/// <summary>One thing that is wrong with a configuration: where, what, and what to do about it.</summary>
/// <param name="Key">Path of the key with colons, for example <c>Holdfast:Topology:Sites:0:Region</c>; empty for the
/// file as a whole.</param>
/// <param name="Problem">A sentence without a full stop.</param>
/// <param name="Suggestion">What to do, or null where the problem says it all.</param>
internal sealed record ConfigurationFault(TextPosition At, string Key, string Problem, string? Suggestion = null)
{
    public static string Count(int faults) => faults == 1 ? "1 fault" : $"{faults} faults";

    /// <summary>One line, as compilers write them: <c>file:line:column: key: problem; suggestion</c>.</summary>
    public string Describe(string file)
    {
        var key = Key.Length > 0 ? Key + ": " : "";
        var suggestion = Suggestion is null ? "" : "; " + Suggestion;
        return OneLine($"{file}:{At.Line}:{At.Column}: {key}{Problem}{suggestion}");
    }

    /// <summary>Keys and values are the file's, so they may hold line ends and other controls: those are shown as JSON
    /// writes them.</summary>
    private static string OneLine(string text) => text.Any(char.IsControl)
        ? string.Concat(text.Select(c => !char.IsControl(c) ? c.ToString()
            : c == '\n' ? "\\n" : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")))
        : text;
}
