namespace Holdfast.Sim.Scenarios;

/// <summary>What is wrong with a scenario file, where, and what to do about it.</summary>
/// <param name="Line">From 1; 0: the file as a whole.</param>
/// <param name="Path">Such as <c>sites[2].targets.count</c>.</param>
internal sealed record ScenarioFault(int Line, string Path, string Problem, string? Suggestion = null)
{
    /// <summary>As compilers write it: <c>file:line: path: problem; suggestion</c>.</summary>
    public string Describe(string file) =>
        $"{file}:{Math.Max(1, Line)}: {(Path.Length > 0 ? Path + ": " : "")}{Problem}"
        + (Suggestion is null ? "" : "; " + Suggestion);
}
