using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Storage.Keys;

namespace Holdfast.Web.Forward;

/// <summary>TLS to the targets of a service: their certificates must lead to an authority that is trusted, and bear the
/// name that was asked for.</summary>
/// <remarks>
/// The handshake is ours and not the client library's, which would ask targets for the host that the user's browser
/// named. What fails is a failed connection, whose words are evidence. Revocation isn't asked about: that would make
/// every handshake depend on somebody else's server. Where the authority file can't be read, no target is trusted, and
/// the words say so.
/// </remarks>
internal sealed class TargetTrust
{
    private readonly string _name;
    private readonly bool _isHttp2;
    private readonly X509ChainPolicy? _policy;
    private readonly string? _fault;

    public TargetTrust(WebServiceOptions service)
    {
        (_name, _isHttp2) = (service.TlsName, service.Http2);
        if (service.AuthorityFile.Length == 0)
            return;
        _policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck,
            // Else one would be fetched from where the peer's says.
            DisableCertificateDownloads = true,
        };
        _policy.CustomTrustStore.AddRange(Read(service.AuthorityFile, out _fault));
    }

    /// <summary>Connects and shakes hands.</summary>
    /// <exception cref="AuthenticationException">The target isn't who it should be, or doesn't speak what it should.
    /// </exception>
    /// <exception cref="IOException">The connection broke off.</exception>
    /// <exception cref="SocketException">There is no connection.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken abort)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? stream = null;
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, abort).ConfigureAwait(false);
            stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await ShakeAsync(stream, _name.Length > 0 ? _name : context.DnsEndPoint.Host, abort).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            throw;
        }
    }

    private async Task ShakeAsync(SslStream stream, string name, CancellationToken abort)
    {
        string? words = null;
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = name,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [_isHttp2 ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11],
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = _policy,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                (words = Fault(certificate as X509Certificate2, chain, errors, name)) is null,
        };
        try
        {
            await stream.AuthenticateAsClientAsync(options, abort).ConfigureAwait(false);
        }
        catch (AuthenticationException e) when (words is not null)
        {
            throw new AuthenticationException("certificate refused: " + words, e);
        }
        if (_isHttp2 && stream.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
            throw new AuthenticationException("the target doesn't agree on HTTP/2");
    }

    private string? Fault(X509Certificate2? leaf, X509Chain? chain, SslPolicyErrors errors, string name) =>
        _fault is not null ? "its authorities are not known: " + _fault
        : errors == SslPolicyErrors.None ? null
        : leaf is null ? "there is none"
        : (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != 0 ? PeerCertificate.ChainFault(chain, errors)
        : $"it bears {PeerCertificate.NamesOf(leaf)} and not {name}";

    /// <summary>The certificates of a PEM file; null: there is none that can be read.</summary>
    public static X509Certificate2Collection? Read(ReadOnlySpan<byte> pem)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException)
        {
            return null;
        }
        return found.Count > 0 ? found : null;
    }

    private static X509Certificate2Collection Read(string file, out string? fault)
    {
        fault = null;
        try
        {
            if (Read(File.ReadAllBytes(file)) is { } found)
                return found;
            fault = $"{file} holds no certificate that can be read";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message.TrimEnd('.');
        }
        return [];
    }
}
