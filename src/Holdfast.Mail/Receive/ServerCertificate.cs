using System.Net.Security;
using System.Security.Cryptography;
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

    /// <summary>The one that is served; null while there is none.</summary>
    private Served? Current
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    public SslServerAuthenticationOptions? Options => Current?.Options;

    /// <summary>End of the validity of the one that is served; null while there is none.</summary>
    public DateTimeOffset? ValidUntil => Current?.ValidUntil;

    public async Task RefreshAsync(CancellationToken abort)
    {
        var stamps = (files.Stamp(certificateFile), keyFile is null ? null : files.Stamp(keyFile));
        if (stamps == _seen)
            return;
        _seen = stamps;
        try
        {
            var certificate = await files.ReadAsync(certificateFile, abort).ConfigureAwait(false);
            var key = keyFile is null ? null : await files.ReadAsync(keyFile, abort).ConfigureAwait(false);
            if (PemPair.TryRead(certificate, key, out var fault) is not { } pair)
            {
                var file = fault!.IsKey && keyFile is not null ? keyFile : certificateFile;
                CertificateFaulty(certificateFile, $"{file} {fault.Problem} ({fault.Suggestion})", Serving);
                return;
            }
            DateTimeOffset until = pair.Leaf.NotAfter;
            Current = new Served(new SslServerAuthenticationOptions
            {
                // offline: nothing is fetched from the network in the name of a handshake
                ServerCertificateContext = SslStreamCertificateContext.Create(pair.Leaf, pair.Chain, offline: true),
                ClientCertificateRequired = false,
            }, until);
            CertificateTaken(certificateFile, pair.Leaf.Subject, until.UtcDateTime);
            if (until - time.GetUtcNow() < ExpiryWarning)
                CertificateExpires(certificateFile, until.UtcDateTime);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException
            or ArgumentException)
        {
            // One that isn't there is told of once; what failed to be read is tried again.
            if (e is IOException and not (FileNotFoundException or DirectoryNotFoundException))
                _seen = null;
            CertificateFaulty(certificateFile, e.Message.TrimEnd('.'), Serving);
        }
    }

    private sealed record Served(SslServerAuthenticationOptions Options, DateTimeOffset ValidUntil);

    private string Serving => Options is null ? "TLS is not offered" : "the last good one goes on";

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
