using System.Net.Security;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Holdfast.Storage.Keys;

/// <summary>Certificate, chain and key of a listener, from PEM files that are read again when either changes.</summary>
/// <remarks>
/// Promise: a pair that doesn't fit (only one of the two was replaced yet) or can't be read changes nothing: the last
/// good one goes on, the fault is told once, and the next change is looked at again. Without any, TLS isn't offered.
/// One that nears its end is told of when it is taken over or comes near it, and again when it has expired.
/// </remarks>
/// <param name="certificateFile">PEM, ours first, then the chain.</param>
/// <param name="keyFile">Null: the key is with the certificate.</param>
/// <param name="files">Where the files are read.</param>
/// <param name="time">Tells what has expired.</param>
/// <param name="logger">The listener's log.</param>
/// <param name="shape">Sets what the protocol wants beside the certificate; null: nothing.</param>
public sealed partial class ServerCertificate(string certificateFile, string? keyFile, IFileSource files,
    TimeProvider time, ILogger logger, Action<SslServerAuthenticationOptions>? shape = null) : IRefreshed
{
    private static readonly TimeSpan s_expiryWarning = TimeSpan.FromDays(14);
    private (FileStamp?, FileStamp?)? _seen;
    private string? _fault;
    private Warned _warned;

    /// <summary>The one that is served; null while there is none.</summary>
    private Served? Current
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>The same object for every handshake with one certificate, so that sessions can be resumed.</summary>
    public SslServerAuthenticationOptions? Options => Current?.Options;

    /// <summary>End of the validity of the one that is served; null while there is none.</summary>
    public DateTimeOffset? ValidUntil => Current?.ValidUntil;

    /// <inheritdoc/>
    public async Task RefreshAsync(CancellationToken abort)
    {
        WarnOfExpiry();
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
                Keep($"{file} {fault.Problem} ({fault.Suggestion})");
                return;
            }
            DateTimeOffset until = pair.Leaf.NotAfter;
            var options = new SslServerAuthenticationOptions
            {
                // offline: nothing is fetched from the network in the name of a handshake
                ServerCertificateContext = SslStreamCertificateContext.Create(pair.Leaf, pair.Chain, offline: true),
                ClientCertificateRequired = false,
            };
            shape?.Invoke(options);
            Current = new Served(options, until);
            (_fault, _warned) = (null, Warned.No);
            CertificateTaken(certificateFile, pair.Leaf.Subject, until.UtcDateTime);
            WarnOfExpiry();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException
            or ArgumentException)
        {
            // What is there and failed to be read is tried again.
            if (e is IOException and not (FileNotFoundException or DirectoryNotFoundException))
                _seen = null;
            Keep(e.Message.TrimEnd('.'));
        }
    }

    private void Keep(string fault)
    {
        if (fault == _fault)
            return;
        _fault = fault;
        CertificateFaulty(certificateFile, fault, Options is null ? "TLS is not offered" : "the last good one goes on");
    }

    private void WarnOfExpiry()
    {
        if (ValidUntil is not { } until)
            return;
        var left = until - time.GetUtcNow();
        if (left <= TimeSpan.Zero && _warned < Warned.Expired)
        {
            _warned = Warned.Expired;
            CertificateExpired(certificateFile, until.UtcDateTime);
        }
        else if (left < s_expiryWarning && _warned < Warned.Near)
        {
            _warned = Warned.Near;
            CertificateExpires(certificateFile, until.UtcDateTime);
        }
    }

    private sealed record Served(SslServerAuthenticationOptions Options, DateTimeOffset ValidUntil);

    private enum Warned : byte
    {
        No = 0,
        Near = 1,
        Expired = 2,
    }

    [LoggerMessage(EventId = 3300, Level = LogLevel.Information,
        Message = "Took the certificate in {Path} over: {Subject}, valid until {Until:u}")]
    private partial void CertificateTaken(string path, string subject, DateTime until);

    [LoggerMessage(EventId = 3301, Level = LogLevel.Warning,
        Message = "The certificate in {Path} is valid until {Until:u} only: replace it")]
    private partial void CertificateExpires(string path, DateTime until);

    [LoggerMessage(EventId = 3302, Level = LogLevel.Warning,
        Message = "The certificate in {Path} was not taken over: {Fault}; {Serving}")]
    private partial void CertificateFaulty(string path, string fault, string serving);

    [LoggerMessage(EventId = 3303, Level = LogLevel.Warning,
        Message = "The certificate in {Path} expired at {Until:u}: clients refuse it; replace it")]
    private partial void CertificateExpired(string path, DateTime until);
}
