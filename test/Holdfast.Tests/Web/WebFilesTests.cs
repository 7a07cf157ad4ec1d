using Holdfast.Storage.Keys;
using Holdfast.Tests.Mail.Receive;
using Holdfast.Tests.Storage.Keys;
using Holdfast.Web;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;

namespace Holdfast.Tests.Web;

/// <summary>What <c>check</c> says of the files that the web sections name.</summary>
public class WebFilesTests
{
    private static readonly (string Certificate, string Key) Store =
        PemFiles.Make(90, "store.example", "*.store.example", "xn--bcher-kva.example");
    private static readonly (string Certificate, string Key) Other = PemFiles.Make(90, "other.example");
    private static readonly (string Certificate, string Key) Old = PemFiles.Make(-1, "store.example");

    private static async Task<string[]> LookAsync(ReceiveBench.FilesDouble files, params string[] hosts)
    {
        IReadOnlyList<NamedFileFault> faults = await WebFiles.FindFaultsAsync(new AcceptOptions
        {
            Listeners =
            [
                new WebListenerOptions(),
                new WebListenerOptions
                {
                    Certificates = [new WebCertificateOptions { Hosts = hosts, CertificateFile = "cert", KeyFile = "key" }],
                },
            ],
        }, new ForwardOptions { Services = [new WebServiceOptions { AuthorityFile = "authority" }] }, files,
            PemFiles.Now, TestContext.Current.CancellationToken);
        return [.. faults.Select(f => $"{f.Key}: {f.Problem}")];
    }

    private static ReceiveBench.FilesDouble Good() =>
        new() { ["cert"] = Store.Certificate, ["key"] = Store.Key, ["authority"] = Other.Certificate };

    [Fact]
    public async Task Good_files_whose_certificate_bears_the_names_have_no_faults() => Assert.Empty(
        await LookAsync(Good(), "store.example", "img.store.example", "*.store.example", "bücher.example"));

    [Fact]
    public async Task Names_that_the_certificate_does_not_bear_are_told_each_at_its_key() => Assert.Equal(
    [
        "Accept:Listeners:1:Certificates:0:Hosts:1: the certificate in cert bears store.example, *.store.example, "
            + "xn--bcher-kva.example and not *.other.example",
        "Accept:Listeners:1:Certificates:0:Hosts:2: the certificate in cert bears store.example, *.store.example, "
            + "xn--bcher-kva.example and not a.b.store.example",
    ], await LookAsync(Good(), "store.example", "*.other.example", "a.b.store.example"));

    [Fact]
    public async Task Files_that_are_missing_expired_or_do_not_fit_are_told()
    {
        Assert.Equal(["Accept:Listeners:1:Certificates:0:CertificateFile", "Accept:Listeners:1:Certificates:0:KeyFile",
            "Forward:Services:0:AuthorityFile"],
            (await LookAsync(new ReceiveBench.FilesDouble())).Select(f => f.Split(": ")[0]));
        var files = Good();
        files["key"] = Other.Key;
        Assert.Equal("Accept:Listeners:1:Certificates:0:KeyFile: key holds a key that doesn't belong to the certificate",
            Assert.Single(await LookAsync(files)));
        (files["cert"], files["key"]) = (Old.Certificate, Old.Key);
        Assert.Equal("Accept:Listeners:1:Certificates:0:CertificateFile: cert expired on 2026-01-21",
            Assert.Single(await LookAsync(files)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public async Task An_authority_file_without_an_authority_is_told(string content)
    {
        var files = Good();
        files["authority"] = content;
        Assert.Equal("Forward:Services:0:AuthorityFile: authority holds no certificate that can be read",
            Assert.Single(await LookAsync(files)));
    }
}
