using Holdfast.Web.Accept;

namespace Holdfast.Tests.Web.Accept;

/// <summary>Rules between a listener's keys.</summary>
public class AcceptOptionsTests
{
    private static WebCertificateOptions Certificate(params string[] hosts) =>
        new() { Hosts = hosts, CertificateFile = "cert.pem" };

    private static string[] Faults(WebProtocols? protocols, params WebCertificateOptions[] certificates) =>
        [.. new AcceptOptionsValidator().Validate(null, new AcceptOptions
        {
            Listeners =
            [
                new WebListenerOptions
                {
                    Name = "web", Endpoint = "127.0.0.1:443", Protocols = protocols, Certificates = certificates,
                },
            ],
        }).Failures ?? []];

    [Theory]
    [InlineData(null, false, true)]
    [InlineData(WebProtocols.Http1, false, true)]
    [InlineData(WebProtocols.Http2, false, true)]
    [InlineData(WebProtocols.Http1AndHttp2, false, false)]
    [InlineData(WebProtocols.Http1AndHttp2AndHttp3, false, false)]
    [InlineData(null, true, true)]
    [InlineData(WebProtocols.Http1, true, true)]
    [InlineData(WebProtocols.Http2, true, true)]
    [InlineData(WebProtocols.Http1AndHttp2, true, true)]
    [InlineData(WebProtocols.Http1AndHttp2AndHttp3, true, true)]
    public void What_client_and_listener_must_agree_on_needs_TLS(WebProtocols? protocols, bool isTls, bool isValid)
    {
        var faults = Faults(protocols, isTls ? [Certificate()] : []);
        if (isValid)
            Assert.Empty(faults);
        else
            Assert.StartsWith("Listeners:0:Protocols: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_word_cleartext_is_HTTP1_and_TLS_agrees_on_one()
    {
        Assert.Equal(WebProtocols.Http1, new WebListenerOptions().Spoken);
        Assert.Equal(WebProtocols.Http1AndHttp2, new WebListenerOptions { Certificates = [Certificate()] }.Spoken);
    }

    [Fact]
    public void Each_fault_of_a_certificate_is_told_at_its_key()
    {
        var faults = Faults(null, Certificate("store.example", "*.store.example"), Certificate("STORE.example"),
            Certificate("a b"), Certificate(), Certificate(), new WebCertificateOptions { Hosts = ["x.example"] });
        Assert.Equal(
        [
            "Listeners:0:Certificates:1:Hosts:0: \"STORE.example\" is told twice",
            "Listeners:0:Certificates:2:Hosts:0: \"a b\" is not a name that a client asks for",
            "Listeners:0:Certificates:4:Hosts: there are two certificates without names, which is the default",
            "Listeners:0:Certificates:5:CertificateFile: required",
        ], faults.Where(f => f.StartsWith("Listeners:0:", StringComparison.Ordinal)).Select(f => f.Split(';')[0]));
    }
}
