using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Mail.Route;

namespace Holdfast.Mail.Deliver;

/// <summary>Judges a target's certificate where a route requires TLS.</summary>
internal static class TargetCertificate
{
    /// <summary>A matching pin replaces chain and name; pins without a match refuse. Without pins the chain must hold,
    /// and the names: those of the route, or the target's host name, which the handshake checked.</summary>
    /// <returns>Null when it holds; else why not, in words.</returns>
    public static string? Fault(X509Certificate2 leaf, X509Chain? chain, SslPolicyErrors errors, MailRoute route)
    {
        if (route.TlsPins.Length > 0)
        {
            var key = SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo());
            foreach (var pin in route.TlsPins)
            {
                if (CryptographicOperations.FixedTimeEquals(pin.Span, key))
                    return null;
            }
            return $"its key matches no pin (SHA-256 {Convert.ToHexStringLower(key)})";
        }
        if ((errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
        {
            var status = chain?.ChainStatus.Select(s => s.StatusInformation.Trim()).FirstOrDefault(s => s.Length > 0);
            return "its chain doesn't hold: " + (status ?? errors.ToString());
        }
        if (route.TlsNames.Length == 0)
        {
            return errors == SslPolicyErrors.None ? null
                : $"it bears {NamesOf(leaf)} and not the target's host name; TlsNames may name another";
        }
        foreach (var name in route.TlsNames)
        {
            if (Bears(leaf, name))
                return null;
        }
        return $"it bears {NamesOf(leaf)} and not {string.Join(" or ", route.TlsNames)}";
    }

    /// <summary>For people; bounded, and without anything that could break a line.</summary>
    private static string NamesOf(X509Certificate2 leaf)
    {
        var names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames()).Take(3).ToList();
        var text = names.Count > 0 ? string.Join(", ", names) : leaf.GetNameInfo(X509NameType.DnsName, false);
        text = new string([.. text.Where(c => c is >= ' ' and < (char)127).Take(200)]);
        return text.Length > 0 ? text : "no name";
    }

    private static bool Bears(X509Certificate2 leaf, string name)
    {
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
}
