namespace Holdfast.Configuration;

/// <summary>Finds what was probably meant by a name that doesn't exist.</summary>
internal static class NameGuess
{
    /// <summary>The nearest candidate, or null when none is near: at most a third of the letters (2 at least) differ,
    /// or one contains the other.</summary>
    public static string? Nearest(string wanted, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = Math.Max(2, wanted.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(wanted.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance < bestDistance)
            {
                bestDistance = distance;
                best = candidate;
            }
        }
        return best ?? candidates.FirstOrDefault(c => wanted.Length >= 4
            && (c.Contains(wanted, StringComparison.OrdinalIgnoreCase)
                || wanted.Contains(c, StringComparison.OrdinalIgnoreCase) && c.Length >= 4));
    }

    /// <summary>"did you mean X?", or the whole list when it is short, or null.</summary>
    public static string? Suggest(string wanted, IReadOnlyList<string> candidates)
    {
        if (Nearest(wanted, candidates) is { } nearest)
            return $"did you mean \"{nearest}\"?";
        return candidates.Count switch
        {
            0 => null,
            <= 12 => "known: " + string.Join(", ", candidates),
            _ => null,
        };
    }

    /// <summary>Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).</summary>
    internal static int Distance(string a, string b)
    {
        // Both are keys that a person typed; longer ones aren't near anything.
        if (a.Length > 128 || b.Length > 128)
            return int.MaxValue;
        var beforeLast = new int[b.Length + 1];
        var last = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                current[j] = Math.Min(Math.Min(current[j - 1], last[j]) + 1, last[j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], beforeLast[j - 2] + 1);
            }
            (beforeLast, last, current) = (last, current, beforeLast);
        }
        return last[b.Length];
    }
}
