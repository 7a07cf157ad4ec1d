namespace Holdfast.Sim.Scenarios;

/// <summary>What was probably meant by a name that doesn't exist.</summary>
internal static class NearName
{
    private const int CharsMax = 64;

    /// <summary>"did you mean …?", or the list when it is short, or null.</summary>
    public static string? Suggest(string wanted, IReadOnlyList<string> known)
    {
        var best = Math.Max(2, wanted.Length / 3);
        string? near = null;
        foreach (var name in known)
        {
            var changes = Changes(wanted, name);
            if (changes <= best)
            {
                best = changes - 1;
                near = name;
            }
        }
        return near is not null ? $"did you mean \"{near}\"?"
            : known.Count is > 0 and <= 30 ? "known: " + string.Join(", ", known) : null;
    }

    /// <summary>Letters to insert, delete or replace (Levenshtein); capitals make no difference.</summary>
    public static int Changes(string a, string b)
    {
        if (a.Length > CharsMax || b.Length > CharsMax)
            return int.MaxValue;
        Span<int> row = stackalloc int[CharsMax + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]) ? 0 : 1;
                var least = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + change);
                diagonal = row[j];
                row[j] = least;
            }
        }
        return row[b.Length];
    }
}
