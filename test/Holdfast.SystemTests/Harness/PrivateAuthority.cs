using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.SystemTests.Harness;

/// <summary>A certificate authority of a test's own, which issues what the test needs.</summary>
internal sealed class PrivateAuthority : IDisposable
{
    private readonly X509Certificate2 _own;
    private int _serial;

    public PrivateAuthority(string name = "Test Authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = TimeProvider.System.GetUtcNow();
        _own = request.CreateSelfSigned(now.AddDays(-60), now.AddDays(60));
    }

    /// <summary>Its own certificate, as PEM.</summary>
    public string Pem => _own.ExportCertificatePem();

    /// <param name="days">Days until it expires; below 0: it has.</param>
    /// <param name="names">DNS names and addresses.</param>
    public X509Certificate2 Issue(double days, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
                alternatives.AddIpAddress(address);
            else
                alternatives.AddDnsName(name);
        }
        request.CertificateExtensions.Add(alternatives.Build());
        using var bare = request.Create(_own, TimeProvider.System.GetUtcNow().AddDays(-30),
            TimeProvider.System.GetUtcNow().AddDays(days), BitConverter.GetBytes(++_serial));
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null,
            X509KeyStorageFlags.Exportable);
    }

    /// <summary>Issues one and writes it and its key into files.</summary>
    public (string Certificate, string Key) IssueFiles(Workspace workspace, string file, double days,
        params string[] names)
    {
        using var issued = Issue(days, names);
        var certificate = workspace.File(file + ".crt");
        var key = workspace.File(file + ".key");
        Write(issued, certificate, key);
        return (certificate, key);
    }

    public static void Write(X509Certificate2 issued, string certificate, string? key)
    {
        File.WriteAllText(certificate, issued.ExportCertificatePem());
        if (key is null)
            return;
        using var own = issued.GetECDsaPrivateKey()!;
        File.WriteAllText(key, own.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose() => _own.Dispose();
}
