using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Holdfast.Storage.Keys;

/// <summary>What is wrong with a certificate or its key.</summary>
/// <param name="IsKey">True when the key is at fault, not the certificate.</param>
/// <param name="Problem">A sentence without a full stop, to be read after the file's name.</param>
public sealed record PemFault(bool IsKey, string Problem, string Suggestion);

/// <summary>A certificate with its chain and private key, read from PEM; faults in words that help, where the
/// framework's say only that something is malformed.</summary>
public sealed record PemPair(X509Certificate2 Leaf, X509Certificate2Collection Chain)
{
    /// <summary>The pair, or null with what is wrong.</summary>
    /// <param name="key">Null: the key is with the certificate.</param>
    public static PemPair? TryRead(ReadOnlySpan<byte> certificate, byte[]? key, out PemFault? fault)
    {
        var certificatePem = Encoding.ASCII.GetString(certificate);
        var keyPem = key is null ? certificatePem : Encoding.ASCII.GetString(key);
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(certificatePem);
        }
        catch (CryptographicException)
        {
            fault = new(false, "holds a certificate that can't be read", "is the file whole? Fetch it again");
            return null;
        }
        if (chain.Count == 0)
        {
            // DER and PKCS#12 both begin with a SEQUENCE (X.690 §8.9).
            fault = certificate is [0x30, ..]
                ? new(false, "is not PEM but a binary form",
                    "convert it: openssl x509 -inform der (or openssl pkcs12 -nodes) -in OLD -out NEW.pem")
                : new(false, "holds no certificate", "it must begin with -----BEGIN CERTIFICATE-----, ours first");
            return null;
        }
        fault = KeyFault(keyPem, key is not null);
        if (fault is not null)
            return null;
        try
        {
            return new PemPair(X509Certificate2.CreateFromPem(certificatePem, keyPem), chain);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            fault = new(true, "holds a key that doesn't belong to the certificate",
                "is only one of the two replaced? Our own certificate must stand first, the chain after it");
            return null;
        }
    }

    private static PemFault? KeyFault(string pem, bool isOwnFile)
    {
        if (pem.Contains("ENCRYPTED", StringComparison.Ordinal))
            return new(true, "holds a key with a passphrase, which nobody could type at a start",
                "take it off: openssl pkey -in OLD -out NEW, and keep the file readable for holdfast only");
        if (!pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            return new(true, "holds no private key", isOwnFile
                ? "it must begin with -----BEGIN PRIVATE KEY-----"
                : "add the key to the file, or name its file in KeyFile");
        return null;
    }
}
