using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Storage.Keys;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;

namespace Holdfast.Web;

/// <summary>Looks at the files that the web flow would read, as it would read them, and starts nothing.</summary>
public static class WebFiles
{
    /// <summary>Every fault, in the order of the keys, which begin below <c>Holdfast:Web</c>.</summary>
    /// <param name="accept">Its listeners' certificates must bear the names that they are for.</param>
    /// <param name="forward">Its authorities must be there.</param>
    /// <param name="now">Certificates must be valid at this time.</param>
    /// <param name="abort">Gives up.</param>
    public static Task<IReadOnlyList<NamedFileFault>> FindFaultsAsync(AcceptOptions accept, ForwardOptions forward,
        DateTimeOffset now, CancellationToken abort) => FindFaultsAsync(accept, forward, new LocalFiles(), now, abort);

    /// <summary>What this machine lacks for the configuration, which goes on without it.</summary>
    public static IReadOnlyList<NamedFileFault> FindLacks(AcceptOptions accept)
    {
        ArgumentNullException.ThrowIfNull(accept);
        if (ListenerServer.HasQuic)
            return [];
        var lacks = new List<NamedFileFault>();
        for (var i = 0; i < accept.Listeners.Length; i++)
        {
            if (accept.Listeners[i].Spoken == WebProtocols.Http1AndHttp2AndHttp3)
            {
                lacks.Add(new($"Accept:Listeners:{i}:Protocols",
                    "there is no QUIC here (libmsquic is missing); the listener goes on without HTTP/3",
                    "install libmsquic, or set Http1AndHttp2"));
            }
        }
        return lacks;
    }

    internal static async Task<IReadOnlyList<NamedFileFault>> FindFaultsAsync(AcceptOptions accept,
        ForwardOptions forward, IFileSource files, DateTimeOffset now, CancellationToken abort)
    {
        ArgumentNullException.ThrowIfNull(accept);
        ArgumentNullException.ThrowIfNull(forward);
        var look = new NamedFileLook(files, now);
        for (var i = 0; i < accept.Listeners.Length; i++)
        {
            for (var j = 0; j < accept.Listeners[i].Certificates.Length; j++)
            {
                var told = accept.Listeners[i].Certificates[j];
                var at = $"Accept:Listeners:{i}:Certificates:{j}:";
                var pair = await look.PairAsync(at, told.CertificateFile, told.KeyFile, abort).ConfigureAwait(false);
                if (pair is not null)
                    CheckNames(look, at, told, pair);
            }
        }
        for (var i = 0; i < forward.Services.Length; i++)
        {
            var key = $"Forward:Services:{i}:AuthorityFile";
            var file = forward.Services[i].AuthorityFile;
            var pem = await look.ReadAsync(key, file, "name a PEM file with the authorities", abort)
                .ConfigureAwait(false);
            if (pem is not null && TargetTrust.Read(pem) is null)
            {
                look.Faults.Add(new(key, $"{file} holds no certificate that can be read",
                    "name a PEM file with the authorities"));
            }
        }
        return look.Faults;
    }

    private static void CheckNames(NamedFileLook look, string at, WebCertificateOptions told, PemPair pair)
    {
        using var leaf = pair.Leaf;
        for (var k = 0; k < told.Hosts.Length; k++)
        {
            if (ServerName.TryParse(told.Hosts[k], out var name)
                && !PeerCertificate.Bears(leaf, ServerName.Ascii(name)))
            {
                look.Faults.Add(new($"{at}Hosts:{k}",
                    $"the certificate in {told.CertificateFile} bears {PeerCertificate.NamesOf(leaf)} and not "
                    + told.Hosts[k], "get one with this name, or remove the name"));
            }
        }
    }
}
