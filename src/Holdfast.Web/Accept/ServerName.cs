using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Holdfast.Web.Accept;

/// <summary>Names that clients ask for in a handshake (SNI, RFC 6066 §3), in one spelling: Unicode, lower case, as
/// <see cref="System.Net.Security.SslClientHelloInfo.ServerName"/> gives them.</summary>
internal static class ServerName
{
    private static readonly IdnMapping s_idn = new();

    /// <summary>A DNS name, in any spelling, or <c>*.name</c>; addresses are never asked for.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out string? name)
    {
        name = null;
        var isPattern = text.StartsWith("*.", StringComparison.Ordinal);
        var bare = isPattern ? text[2..] : text;
        if (bare.Length is 0 or > 253 || bare[^1] == '.')
            return false;
        try
        {
            var ascii = s_idn.GetAscii(bare);
            if (Uri.CheckHostName(ascii) != UriHostNameType.Dns)
                return false;
            var spelled = s_idn.GetUnicode(ascii).ToLowerInvariant();
            name = isPattern ? "*." + spelled : spelled;
            return true;
        }
        catch (ArgumentException)
        {
            // Not a name in any alphabet.
            return false;
        }
    }

    /// <summary>The pattern that a name with one label more would match; null: it has one label only.</summary>
    public static string? PatternOf(string name) =>
        name.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? string.Concat("*", name.AsSpan(dot)) : null;

    /// <summary>As certificates spell it.</summary>
    public static string Ascii(string name) => name.StartsWith("*.", StringComparison.Ordinal)
        ? "*." + s_idn.GetAscii(name[2..]) : s_idn.GetAscii(name);
}
