using System.Net.Security;
using Holdfast.Storage.Keys;

namespace Holdfast.Web.Accept;

/// <summary>A listener's certificates by the name that a client asks for.</summary>
/// <remarks>The exact name goes before the pattern, both before the default. A certificate that could not be read yet
/// is passed over. Nobody is shown a certificate that the listener has for other names: without one for the name, and
/// without a default, the handshake is refused.</remarks>
internal sealed class CertificateTable
{
    private readonly Dictionary<string, ServerCertificate> _byName = new(StringComparer.Ordinal);
    private readonly ServerCertificate? _default;

    /// <param name="entries">Certificates with the names that they are for; none: the default.</param>
    public CertificateTable(IReadOnlyList<(string[] Hosts, ServerCertificate Certificate)> entries)
    {
        Entries = entries;
        foreach (var (hosts, certificate) in entries)
        {
            if (hosts.Length == 0)
                _default ??= certificate;
            foreach (var host in hosts)
            {
                if (ServerName.TryParse(host, out var name))
                    _byName.TryAdd(name, certificate);
            }
        }
    }

    public IReadOnlyList<(string[] Hosts, ServerCertificate Certificate)> Entries { get; }

    /// <summary>What to answer a client with that asks for a name, empty: for none; null: it is refused.</summary>
    public SslServerAuthenticationOptions? Find(string name)
    {
        if (name.Length > 0)
        {
            // Clients spell names as they like (RFC 4343); almost all in lower case.
            name = name.ToLowerInvariant();
            if (_byName.TryGetValue(name, out var exact) && exact.Options is { } own)
                return own;
            if (ServerName.PatternOf(name) is { } pattern && _byName.TryGetValue(pattern, out var below)
                && below.Options is { } shared)
            {
                return shared;
            }
        }
        return _default?.Options;
    }
}
