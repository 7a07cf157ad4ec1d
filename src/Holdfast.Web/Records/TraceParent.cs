namespace Holdfast.Web.Records;

/// <summary>The trace that a request belongs to, by its <c>traceparent</c> field (W3C Trace Context §3.2).</summary>
internal static class TraceParent
{
    private const int IdChars = 32;
    private const int IdAt = 3;
    private const int Length = 55;

    /// <summary>Null: there is none, or it can't be read.</summary>
    public static string? TraceIdOf(string? field)
    {
        // version-traceid-parentid-flags; later versions may have more after that.
        if (field is not { Length: >= Length } || field[2] != '-' || field[35] != '-' || field[52] != '-'
            || field.StartsWith("ff", StringComparison.Ordinal) || (field.Length > Length && field[Length] != '-'))
        {
            return null;
        }
        var id = field.AsSpan(IdAt, IdChars);
        var any = false;
        foreach (var c in id)
        {
            if (!char.IsAsciiHexDigitLower(c))
                return null;
            any |= c != '0';
        }
        return any ? id.ToString() : null;
    }
}
