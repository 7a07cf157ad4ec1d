using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.SystemTests.Harness;

/// <summary>Self-signed certificates as PEM files.</summary>
internal static class Certificates
{
    public static async Task<(string Certificate, string Key)> MakeAsync(Workspace workspace, string name = "holdfast.test")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var certificateFile = workspace.File(name + ".crt");
        var keyFile = workspace.File(name + ".key");
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificateFile, keyFile);
    }
}
