using System.Globalization;

namespace Holdfast.SystemTests.Harness;

/// <summary>How a web target treats its callers. One line of words, so that a process can be told: <c>errors=0.3
/// status=503 slow=10 capacity=0.5 hole reset refuse spares=/health</c>; an empty line is a healthy target.</summary>
/// <param name="ErrorShare">0 to 1 of the requests are answered <paramref name="ErrorStatus"/> at once, without any work:
/// a target that fails fast draws those who look at answers only.</param>
/// <param name="Slowdown">Each request's work takes so many times as long; the capacity falls by as much.</param>
/// <param name="Capacity">This part of the workers is left. Nothing fails: requests wait.</param>
/// <param name="BlackHole">Takes connections and requests, and never answers.</param>
/// <param name="Reset">Every request's connection is reset.</param>
/// <param name="Refuse">Doesn't listen; what is under way is cut off.</param>
/// <param name="Spares">Paths that begin so are answered as ever: a health check that sees nothing. Null: none.</param>
internal sealed record WebFaults(double ErrorShare = 0, int ErrorStatus = 503, double Slowdown = 1, double Capacity = 1,
    bool BlackHole = false, bool Reset = false, bool Refuse = false, string? Spares = null)
{
    public static WebFaults None { get; } = new();

    /// <exception cref="FormatException">A word isn't one of those above, or its value is out of range.</exception>
    public static WebFaults Parse(string line)
    {
        var faults = None;
        foreach (var word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (name, value) = word.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? (word[..at], word[(at + 1)..])
                : (word, "");
            faults = name switch
            {
                "errors" => faults with { ErrorShare = Number(word, value, 0, 1) },
                "status" => faults with { ErrorStatus = (int)Number(word, value, 400, 599) },
                "slow" => faults with { Slowdown = Number(word, value, 0.01, 1000) },
                "capacity" => faults with { Capacity = Number(word, value, 0, 1) },
                "hole" when value.Length == 0 => faults with { BlackHole = true },
                "reset" when value.Length == 0 => faults with { Reset = true },
                "refuse" when value.Length == 0 => faults with { Refuse = true },
                "spares" when value.StartsWith('/') => faults with { Spares = value },
                _ => throw new FormatException($"no fault: {word}"),
            };
        }
        return faults;
    }

    private static double Number(string word, string value, double least, double most) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= least
            && number <= most ? number : throw new FormatException($"{word}: from {least} to {most}");
}
