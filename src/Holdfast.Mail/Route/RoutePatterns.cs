using System.Globalization;

namespace Holdfast.Mail.Route;

/// <summary>Domain patterns of rules: how they are read and when they are well formed.</summary>
internal static class RoutePatterns
{
    private static readonly IdnMapping Idn = new() { AllowUnassigned = true, UseStd3AsciiRules = false };

    /// <summary>All patterns of a rule, normalised, in order, without repetitions.</summary>
    public static IReadOnlyList<string> Of(RouteRuleOptions rule)
    {
        var all = new List<string>(1 + rule.Domains.Length);
        Add(rule.Domain);
        foreach (var domain in rule.Domains)
            Add(domain);
        return all;

        void Add(string? pattern)
        {
            if (string.IsNullOrWhiteSpace(pattern))
                return;
            var trimmed = pattern.Trim();
            var normal = trimmed.StartsWith("*.", StringComparison.Ordinal) ? "*." + Normalize(trimmed[2..])
                : Normalize(trimmed);
            if (!all.Contains(normal, StringComparer.OrdinalIgnoreCase))
                all.Add(normal);
        }
    }

    /// <summary>A-labels for Unicode names (RFC 5890), no final dot; the same string when there is nothing to do.
    /// </summary>
    public static string Normalize(string domain)
    {
        if (domain.Length > 1 && domain[^1] == '.')
            domain = domain[..^1];
        if (System.Text.Ascii.IsValid(domain) || domain.Length > 255)
            return domain;
        try
        {
            // The framework maps no case itself in invariant mode.
            return Idn.GetAscii(domain.ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            // Not a name that IDNA can express: keep it, it will match "*" only.
            return domain;
        }
    }

    /// <summary>What is wrong with a normalised pattern, or null.</summary>
    public static string? FaultOf(string pattern)
    {
        if (pattern == "*")
            return null;
        var domain = pattern.StartsWith("*.", StringComparison.Ordinal) ? pattern.AsSpan(2) : pattern;
        if (domain.Length is 0 or > 253)
            return "a domain has 1 to 253 characters";
        if (domain is ['[', .., ']'])
            return pattern[0] == '*' ? "an address literal can't be below \"*.\"" : null;
        if (domain.Contains('*'))
            return "\"*\" may stand alone or as the first label (\"*.example.com\")";
        if (domain.Contains('@'))
            return "give the domain without the part up to \"@\"";
        foreach (var range in domain.Split('.'))
        {
            var label = domain[range];
            if (label.Length is 0 or > 63)
                return "each label has 1 to 63 characters";
            foreach (var c in label)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                    return $"a domain can't hold '{c}'";
            }
        }
        return null;
    }

    /// <summary>True when everything that <paramref name="later"/> matches is matched by <paramref name="earlier"/>.
    /// </summary>
    public static bool Covers(string earlier, string later)
    {
        if (earlier == "*" || string.Equals(earlier, later, StringComparison.OrdinalIgnoreCase))
            return true;
        if (!earlier.StartsWith("*.", StringComparison.Ordinal) || later == "*")
            return false;
        // "*.b.c" covers "a.b.c" and "*.a.b.c": both end in ".b.c" and go on before it.
        var suffix = earlier.AsSpan(1);
        var name = later.StartsWith("*.", StringComparison.Ordinal) ? later.AsSpan(2) : later;
        return name.Length > suffix.Length && name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase);
    }
}
