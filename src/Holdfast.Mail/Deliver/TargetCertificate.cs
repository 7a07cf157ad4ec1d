using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Mail.Route;
using Holdfast.Storage.Keys;

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
            return PeerCertificate.ChainFault(chain, errors);
        if (route.TlsNames.Length == 0)
        {
            return errors == SslPolicyErrors.None ? null
                : $"it bears {PeerCertificate.NamesOf(leaf)} and not the target's host name; TlsNames may name "
                + "another";
        }
        foreach (var name in route.TlsNames)
        {
            if (PeerCertificate.Bears(leaf, name))
                return null;
        }
        return $"it bears {PeerCertificate.NamesOf(leaf)} and not {string.Join(" or ", route.TlsNames)}";
    }
}
