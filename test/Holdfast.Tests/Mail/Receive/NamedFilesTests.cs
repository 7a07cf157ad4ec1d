using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CsCheck;
using Holdfast.Mail.Receive;
using Holdfast.Storage.Keys;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>What <c>check</c> says of the files that a configuration names.</summary>
public class NamedFilesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);
    private static readonly (string Certificate, string Key) One = Make(Now.AddDays(-1), Now.AddDays(90));
    private static readonly (string Certificate, string Key) Other = Make(Now.AddDays(-1), Now.AddDays(90));
    private static readonly string User = PasswordHash.CreateLine("ann@example.org", "correct horse");

    private static (string Certificate, string Key) Make(DateTimeOffset from, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=mx.example.org", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(from, until);
        return (certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    private static ReceiveBench.FilesDouble Good() => new()
    {
        ["users"] = User, ["recipients"] = "ann@example.org\n", ["domains"] = "example.org\n",
        ["cert"] = One.Certificate, ["key"] = One.Key,
    };

    private static async Task<IReadOnlyList<NamedFileFault>> LookAsync(ReceiveBench.FilesDouble files,
        string? keyFile = "key", ListenerTls tls = ListenerTls.Implicit) =>
        await NamedFiles.FindFaultsAsync(new ReceiveOptions
        {
            UsersFile = "users",
            Listeners =
            [
                new ListenerOptions(),
                new ListenerOptions
                {
                    DomainsFile = "domains", RecipientsFile = "recipients", Tls = tls, CertificateFile = "cert",
                    KeyFile = keyFile,
                },
            ],
        }, files, Now, TestContext.Current.CancellationToken);

    private static async Task<NamedFileFault> OnlyFaultAsync(Action<ReceiveBench.FilesDouble> spoil,
        string? keyFile = "key")
    {
        var files = Good();
        spoil(files);
        return Assert.Single(await LookAsync(files, keyFile));
    }

    [Fact]
    public async Task Good_files_have_no_faults() => Assert.Empty(await LookAsync(Good()));

    [Fact]
    public async Task Every_file_that_is_missing_is_told_with_the_key_that_names_it() => Assert.Equal(
        ["UsersFile", "Listeners:1:DomainsFile", "Listeners:1:RecipientsFile", "Listeners:1:CertificateFile",
            "Listeners:1:KeyFile"],
        (await LookAsync(new ReceiveBench.FilesDouble())).Select(f => f.Key));

    [Fact]
    public async Task A_listener_without_tls_needs_no_certificate()
    {
        var files = Good();
        files.Remove("cert");
        Assert.Empty(await LookAsync(files, tls: ListenerTls.None));
    }

    [Theory]
    [InlineData("users", "ann\n", "UsersFile", "users, line 1: expected name:hash or a JSON object")]
    [InlineData("users", "# nobody yet\n", "UsersFile", "users holds no user")]
    [InlineData("recipients", "ann@example.org\nbob\n", "Listeners:1:RecipientsFile", "recipients, line 2: ")]
    [InlineData("recipients", "", "Listeners:1:RecipientsFile", "recipients holds no recipient")]
    [InlineData("domains", "exa mple.org\n", "Listeners:1:DomainsFile", "domains, line 1: ")]
    [InlineData("cert", "hello\n", "Listeners:1:CertificateFile", "cert holds no certificate")]
    [InlineData("cert", "0\u0001\u0002", "Listeners:1:CertificateFile", "cert is not PEM but a binary form")]
    [InlineData("cert", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "Listeners:1:CertificateFile", "cert holds a certificate that can't be read")]
    [InlineData("key", "hello\n", "Listeners:1:KeyFile", "key holds no private key")]
    [InlineData("key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "Listeners:1:KeyFile", "key holds a key with a passphrase")]
    public async Task A_file_that_does_not_parse_is_a_fault(string file, string content, string key, string problem)
    {
        var fault = await OnlyFaultAsync(files => files[file] = content);
        Assert.Equal(key, fault.Key);
        Assert.StartsWith(problem, fault.Problem, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Suggestion);
    }

    [Fact]
    public async Task A_key_of_another_certificate_is_a_fault() => Assert.Equal(
        ("Listeners:1:KeyFile", "key holds a key that doesn't belong to the certificate"),
        await OnlyFaultAsync(files => files["key"] = Other.Key) is var fault ? (fault.Key, fault.Problem) : default);

    [Fact]
    public async Task A_key_may_stand_with_its_certificate()
    {
        var files = Good();
        files["cert"] = One.Certificate + One.Key;
        Assert.Empty(await LookAsync(files, keyFile: null));
        Assert.Equal("Listeners:1:CertificateFile",
            (await OnlyFaultAsync(f => f["cert"] = One.Certificate, keyFile: null)).Key);
    }

    [Theory]
    [InlineData(-30, 0, "expired on 2026-01-22")]
    [InlineData(-30, 1, null)]
    [InlineData(0, 30, null)]
    [InlineData(1, 30, "is not valid before 2026-01-23")]
    public async Task A_certificate_must_be_valid_now(int fromDays, int untilDays, string? problem)
    {
        var (certificate, key) = Make(Now.AddDays(fromDays), Now.AddDays(untilDays));
        var files = Good();
        (files["cert"], files["key"]) = (certificate, key);
        Assert.Equal(problem is null ? null : "cert " + problem, (await LookAsync(files)).SingleOrDefault()?.Problem);
    }

    [Fact]
    public void Whatever_the_octets_a_pair_is_read_or_told_to_be_faulty() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 200], Gen.Bool, Gen.Bool).Sample((a, b, whole, own) =>
        {
            var certificate = whole ? System.Text.Encoding.ASCII.GetBytes(One.Certificate) : a;
            var pair = PemPair.TryRead(certificate, own ? b : null, out var fault);
            return pair is null == fault is not null;
        });
}
