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
    public static bool Holds(X509Certificate2 leaf, SslPolicyErrors errors, MailRoute route)
    {
        if (route.TlsPins.Length > 0)
        {
            var key = SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo());
            foreach (var pin in route.TlsPins)
            {
                if (CryptographicOperations.FixedTimeEquals(pin.Span, key))
                    return true;
            }
            return false;
        }
        if (route.TlsNames.Length == 0)
            return errors == SslPolicyErrors.None;
        if ((errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return false;
        foreach (var name in route.TlsNames)
        {
            if (Bears(leaf, name))
                return true;
        }
        return false;
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
