using CsCheck;
using Holdfast.Storage.Keys;
using Holdfast.Tests.Mail.Receive;
using Holdfast.Tests.Storage.Keys;
using Holdfast.Web.Accept;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Accept;

/// <summary>Which certificate a client is shown by the name that it asks for.</summary>
public class CertificateTableTests
{
    private static readonly (string Certificate, string Key) Pem = PemFiles.Make(90, "store.example");

    private static async Task<(CertificateTable Table, Dictionary<object, string> Which)> MakeAsync(
        bool withDefault = true, bool exactIsThere = true)
    {
        var files = new ReceiveBench.FilesDouble { ["pem"] = Pem.Certificate + Pem.Key };
        var entries = new List<(string[], ServerCertificate)>();
        var which = new Dictionary<object, string>();
        async Task Add(string name, bool isThere, params string[] hosts)
        {
            var certificate = new ServerCertificate(isThere ? "pem" : "missing", null, files,
                new FakeTimeProvider(PemFiles.Now), new PemFiles.KeptLog());
            await certificate.RefreshAsync(TestContext.Current.CancellationToken);
            if (certificate.Options is { } options)
                which.Add(options, name);
            entries.Add((hosts, certificate));
        }
        await Add("below", true, "*.store.example", "*.bücher.example");
        await Add("exact", exactIsThere, "Store.Example", "pay.store.example", "xn--bcher-kva.example");
        if (withDefault)
            await Add("default", true);
        return (new CertificateTable(entries), which);
    }

    [Theory]
    [InlineData("store.example", "exact")]
    [InlineData("STORE.example", "exact")]
    [InlineData("pay.store.example", "exact")]
    [InlineData("img.store.example", "below")]
    [InlineData("a.img.store.example", "default")]
    [InlineData("bücher.example", "exact")]
    [InlineData("a.bücher.example", "below")]
    [InlineData("example", "default")]
    [InlineData("", "default")]
    public async Task The_exact_name_goes_before_the_pattern_and_the_rest_gets_the_default(string asked, string shown)
    {
        var (table, which) = await MakeAsync();
        Assert.Equal(shown, which[table.Find(asked)!]);
    }

    [Theory]
    [InlineData("other.example", false)]
    [InlineData("", false)]
    [InlineData("img.store.example", true)]
    public async Task Without_a_default_unknown_names_and_no_name_are_refused(string asked, bool isServed)
    {
        var (table, _) = await MakeAsync(withDefault: false);
        Assert.Equal(isServed, table.Find(asked) is not null);
    }

    [Fact]
    public async Task A_certificate_that_could_not_be_read_is_passed_over()
    {
        var (table, which) = await MakeAsync(exactIsThere: false);
        Assert.Equal("below", which[table.Find("pay.store.example")!]);
        Assert.Equal("default", which[table.Find("store.example")!]);
    }

    [Theory]
    [InlineData("store.example", true)]
    [InlineData("*.store.example", true)]
    [InlineData("localhost", true)]
    [InlineData("bücher.example", true)]
    [InlineData("*", false)]
    [InlineData("*.", false)]
    [InlineData("a.*.example", false)]
    [InlineData("store.example.", false)]
    [InlineData("192.0.2.1", false)]
    [InlineData("[::1]", false)]
    [InlineData("store.example:443", false)]
    [InlineData("-a.example", false)]
    [InlineData("", false)]
    public void Names_are_what_clients_can_ask_for(string text, bool isName) =>
        Assert.Equal(isName, ServerName.TryParse(text, out _));

    [Fact]
    public async Task Any_name_at_all_is_answered_and_never_throws()
    {
        var (table, _) = await MakeAsync();
        Gen.String.Sample(text =>
        {
            Assert.NotNull(table.Find(text));
            if (ServerName.TryParse(text, out var name))
                Assert.True(ServerName.TryParse(ServerName.Ascii(name), out var again) && again == name, text);
        });
    }
}
