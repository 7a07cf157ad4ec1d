namespace Holdfast.Mail.Queue;

/// <summary>Text, or a pattern in which * stands for any characters; in any case.</summary>
internal readonly struct WildcardPattern(string pattern)
{
    public bool Matches(ReadOnlySpan<char> text)
    {
        var p = pattern.AsSpan();
        // One step back to the latest star is enough: time is at most pattern × text, whatever is given.
        int at = 0, inPattern = 0, star = -1, fromStar = 0;
        while (at < text.Length)
        {
            if (inPattern < p.Length && p[inPattern] == '*')
            {
                star = inPattern++;
                fromStar = at;
            }
            else if (inPattern < p.Length && char.ToLowerInvariant(p[inPattern]) == char.ToLowerInvariant(text[at]))
            {
                inPattern++;
                at++;
            }
            else if (star >= 0)
            {
                inPattern = star + 1;
                at = ++fromStar;
            }
            else
            {
                return false;
            }
        }
        while (inPattern < p.Length && p[inPattern] == '*')
            inPattern++;
        return inPattern == p.Length;
    }
}
