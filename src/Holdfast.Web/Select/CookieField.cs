namespace Holdfast.Web.Select;

/// <summary>A Cookie field without one cookie, the others as they came.</summary>
/// <remarks>It takes away what <see cref="CookieValues"/> would find, however often it stands there.</remarks>
internal static class CookieField
{
    /// <summary>Empty: nothing is left. The same text: it isn't in it.</summary>
    public static string Without(string field, string name)
    {
        if (!field.Contains(name, StringComparison.Ordinal))
            return field;
        var kept = new List<string>();
        var pairs = field.Split(';');
        foreach (var pair in pairs)
        {
            if (!Is(pair.AsSpan().Trim(' '), name))
                kept.Add(pair);
        }
        // What parted the first from the one before it goes with that one.
        return kept.Count == pairs.Length ? field
            : Is(pairs[0].AsSpan().Trim(' '), name) ? string.Join(';', kept).TrimStart(' ') : string.Join(';', kept);
    }

    private static bool Is(ReadOnlySpan<char> pair, string name) => pair.Length > name.Length
        && pair[name.Length] == '=' && pair.StartsWith(name, StringComparison.Ordinal);
}
