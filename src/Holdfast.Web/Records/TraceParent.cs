namespace Holdfast.Web.Records;

/// <summary>The trace that a request belongs to, by its <c>traceparent</c> field (W3C Trace Context §3.2).</summary>
internal static class TraceParent
{
    public const int IdChars = 32;
    private const int IdAt = 3;
    private const int ParentAt = 36;
    private const int FlagsAt = 53;
    private const int Length = 55;

    /// <summary>Null: there is none, or it can't be read.</summary>
    public static string? TraceIdOf(string? field)
    {
        // version-traceid-parentid-flags; later versions may have more after that.
        if (field is not { Length: >= Length } || field[2] != '-' || field[35] != '-' || field[52] != '-'
            || !IsHex(field.AsSpan(0, 2)) || !IsHex(field.AsSpan(FlagsAt, 2))
            || field.StartsWith("ff", StringComparison.Ordinal)
            || (field.Length > Length && (field[Length] != '-' || field.StartsWith("00", StringComparison.Ordinal))))
        {
            return null;
        }
        var id = field.AsSpan(IdAt, IdChars);
        var parent = field.AsSpan(ParentAt, FlagsAt - ParentAt - 1);
        return IsHex(id) && id.ContainsAnyExcept('0') && IsHex(parent) && parent.ContainsAnyExcept('0')
            ? id.ToString() : null;
    }

    private static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigitLower(c))
                return false;
        }
        return true;
    }
}
