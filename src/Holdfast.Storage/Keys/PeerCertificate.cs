using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Storage.Keys;

/// <summary>What a certificate says of its bearer, and what it lacks; words are for people, bounded and without
/// anything that could break a line.</summary>
public static class PeerCertificate
{
    private const int LengthMax = 200;

    /// <summary>Why the chain doesn't lead to an authority that is trusted.</summary>
    public static string ChainFault(X509Chain? chain, SslPolicyErrors errors)
    {
        var status = chain?.ChainStatus.Select(s => s.StatusInformation.Trim()).FirstOrDefault(s => s.Length > 0);
        return "its chain doesn't hold: " + Printable(status ?? errors.ToString());
    }

    /// <summary>The first names that it bears.</summary>
    public static string NamesOf(X509Certificate2 leaf)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        var names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames()).Take(3).ToList();
        var text = Printable(names.Count > 0 ? string.Join(", ", names)
            : leaf.GetNameInfo(X509NameType.DnsName, false));
        return text.Length > 0 ? text : "no name";
    }

    /// <summary>It is for the name; <c>*.name</c> asks for any name with one label before it, or that pattern.
    /// </summary>
    public static bool Bears(X509Certificate2 leaf, string name)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        ArgumentNullException.ThrowIfNull(name);
        if (!name.StartsWith("*.", StringComparison.Ordinal))
            return leaf.MatchesHostname(name);
        foreach (var extension in leaf.Extensions)
        {
            if (extension is not X509SubjectAlternativeNameExtension names)
                continue;
            foreach (var borne in names.EnumerateDnsNames())
            {
                var dot = borne.IndexOf('.', StringComparison.Ordinal);
                if (dot > 0 && borne.AsSpan(dot).Equals(name.AsSpan(1), StringComparison.OrdinalIgnoreCase))
                    return true;
            }
        }
        return false;
    }

    private static string Printable(string text) =>
        new([.. text.Where(c => c is >= ' ' and < (char)127).Take(LengthMax)]);
}
