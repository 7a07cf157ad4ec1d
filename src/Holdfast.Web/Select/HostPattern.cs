namespace Holdfast.Web.Select;

/// <summary>What a route's host and path may look like.</summary>
internal static class HostPattern
{
    /// <summary>A name or address without port, <c>*.name</c>, or <c>*</c>.</summary>
    public static bool IsValid(string host)
    {
        if (host == "*")
            return true;
        var name = host.AsSpan();
        if (name.StartsWith("*."))
            name = name[2..];
        if (name.IsEmpty || name.Length > 253)
            return false;
        // IPv6 addresses stand in brackets in a Host field (RFC 3986 §3.2.2).
        if (name is ['[', .., ']'])
            return System.Net.IPAddress.TryParse(name, out _);
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '.' and not '_')
                return false;
        }
        return name[0] != '.' && name[^1] != '.';
    }

    /// <summary>Without the slash at its end; the root is empty.</summary>
    public static string TrimPath(string path) => path.TrimEnd('/');
}
