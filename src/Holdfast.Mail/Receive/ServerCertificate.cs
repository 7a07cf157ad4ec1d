using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>Certificate, chain and key of a listener, from PEM files that are read again when either changes.</summary>
/// <remarks>A pair that doesn't fit (only one of the two was replaced yet) or can't be read changes nothing: the last
/// good one goes on, and the next look tries again. Without any, TLS isn't offered.</remarks>
internal sealed partial class ServerCertificate(string certificateFile, string? keyFile, IFileSource files,
    TimeProvider time, ILogger logger) : IRefreshed
{
    private static readonly TimeSpan ExpiryWarning = TimeSpan.FromDays(14);
    private (FileStamp?, FileStamp?)? _seen;

    public SslServerAuthenticationOptions? Options
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    public async Task RefreshAsync(CancellationToken abort)
    {
        var stamps = (files.Stamp(certificateFile), keyFile is null ? null : files.Stamp(keyFile));
        if (stamps == _seen)
            return;
        _seen = stamps;
        try
        {
            var certificatePem = Encoding.ASCII.GetString(
                await files.ReadAsync(certificateFile, abort).ConfigureAwait(false));
            var keyPem = keyFile is null ? certificatePem
                : Encoding.ASCII.GetString(await files.ReadAsync(keyFile, abort).ConfigureAwait(false));
            var leaf = X509Certificate2.CreateFromPem(certificatePem, keyPem);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificatePem);
            Options = new SslServerAuthenticationOptions
            {
                // offline: nothing is fetched from the network in the name of a handshake
                ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
                ClientCertificateRequired = false,
            };
            CertificateTaken(certificateFile, leaf.Subject, leaf.NotAfter);
            if (leaf.NotAfter - time.GetLocalNow().DateTime < ExpiryWarning)
                CertificateExpires(certificateFile, leaf.NotAfter);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException
            or ArgumentException)
        {
            if (e is IOException)
                _seen = null;
            var serving = Options is null ? "TLS is not offered" : "the last good one goes on";
            CertificateFaulty(certificateFile, e.Message, serving);
        }
    }

    [LoggerMessage(EventId = 2045, Level = LogLevel.Information,
        Message = "Took the certificate in {Path} over: {Subject}, valid until {Until:u}")]
    private partial void CertificateTaken(string path, string subject, DateTime until);

    [LoggerMessage(EventId = 2046, Level = LogLevel.Warning,
        Message = "The certificate in {Path} is valid until {Until:u} only: replace it")]
    private partial void CertificateExpires(string path, DateTime until);

    [LoggerMessage(EventId = 2047, Level = LogLevel.Warning,
        Message = "The certificate in {Path} was not taken over: {Fault}; {Serving}")]
    private partial void CertificateFaulty(string path, string fault, string serving);
}
