namespace Holdfast.Watch.Recorded;

/// <summary>What is wrong with a file of recorded counts, and where.</summary>
/// <param name="Line">From 1; 0 where it is about the whole file.</param>
public sealed record FileFault(long Line, string Problem)
{
    /// <summary>In words, with nothing of the file's own bytes but what a terminal may show.</summary>
    public string Describe(string file) => Line > 0 ? $"{file}:{Line}: {Problem}" : $"{file}: {Problem}";

    internal static string Shorten(ReadOnlySpan<char> text)
    {
        var shown = new string(text[..Math.Min(text.Length, 40)]);
        return string.Concat(shown.Select(c => char.IsControl(c) ? '?' : c)) + (text.Length > 40 ? "…" : "");
    }
}
