using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>STARTTLS towards a target, and which certificates hold.</summary>
public class TargetTlsTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private static readonly X509Certificate2 Certificate = Make("target.example");

    private static X509Certificate2 Make(params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=target", key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
            alternatives.AddDnsName(name);
        request.CertificateExtensions.Add(alternatives.Build());
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }

    private static string PinOf(X509Certificate2 certificate) =>
        Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static DeliveryWorld World(TlsMode mode, params string[] pins)
    {
        var world = new DeliveryWorld(oneSite: true, route: new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "*", Service = "mail", Tls = mode, TlsPins = pins }],
        });
        world.NaTarget.Certificate = Certificate;
        world.NaTarget.Offers = ["PIPELINING", "STARTTLS"];
        return world;
    }

    [Theory]
    [InlineData(TlsMode.Opportunistic, false)]
    [InlineData(TlsMode.Required, true)]
    public async Task After_STARTTLS_all_of_the_mail_is_encrypted(TlsMode mode, bool pinned)
    {
        await using var world = World(mode, pinned ? [PinOf(Certificate)] : []);
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.EndAsync(message, Soon);
        Assert.Equal(["EHLO holdfast.example", "STARTTLS"], world.NaTarget.Commands.Take(2));
        // What was offered in clear doesn't count (RFC 3207 §4.2): EHLO again.
        Assert.Equal(["EHLO holdfast.example", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "."],
            world.NaTarget.Encrypted);
        Assert.Equal("Subject: x\r\n\r\nhello\r\n", Assert.Single(world.NaTarget.Mail).Content);
    }

    [Fact]
    public async Task An_encrypted_connection_is_used_again()
    {
        await using var world = World(TlsMode.Opportunistic);
        foreach (var to in new[] { "b@example.com", "c@example.com" })
            await world.EndAsync(world.Spool.Add("a@example.org", [to]), Soon);
        Assert.Equal(2, world.NaTarget.Mail.Count);
        Assert.Equal(1, world.NaTarget.Connections);
    }

    [Fact]
    public async Task Without_TLS_on_the_route_an_offer_is_not_taken()
    {
        await using var world = World(TlsMode.None);
        await world.EndAsync(world.Spool.Add("a@example.org", ["b@example.com"]), Soon);
        Assert.DoesNotContain("STARTTLS", world.NaTarget.Commands);
        Assert.Empty(world.NaTarget.Encrypted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Where_TLS_is_required_a_certificate_that_does_not_hold_gets_no_mail(bool pinned)
    {
        await using var world = World(TlsMode.Required, pinned ? [new string('0', 64)] : []);
        var message = world.Spool.Add("a@example.org", ["b@example.com"]);
        await world.UntilAsync(() => message.Progress.Recipients[0].LastReply is not null, Soon);
        Assert.Equal(RecipientState.Waiting, message.Progress.Recipients[0].State);
        Assert.Contains("certificate", message.Progress.Recipients[0].LastReply, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(world.NaTarget.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    private static MailRoute Route(string[]? names = null, X509Certificate2? pinned = null) => new()
    {
        Name = "mail", Rule = "*", Service = "mail", Tls = TlsMode.Required, TlsNames = [.. names ?? []],
        TlsPins = pinned is null ? [] : [Convert.FromHexString(PinOf(pinned))],
    };

    private const SslPolicyErrors Chain = SslPolicyErrors.RemoteCertificateChainErrors;
    private const SslPolicyErrors Name = SslPolicyErrors.RemoteCertificateNameMismatch;

    [Fact]
    public void A_matching_pin_stands_for_chain_and_name_and_another_refuses_whatever_they_say()
    {
        using var other = Make("target.example");
        Assert.Null(TargetCertificate.Fault(Certificate, null, Chain | Name, Route(pinned: Certificate)));
        Assert.NotNull(TargetCertificate.Fault(Certificate, null, SslPolicyErrors.None, Route(pinned: other)));
        Assert.Null(TargetCertificate.Fault(Certificate, null, SslPolicyErrors.None, Route() with
        {
            TlsPins = [new byte[32], Convert.FromHexString(PinOf(Certificate))],
        }));
    }

    [Theory]
    [InlineData(SslPolicyErrors.None, true)]
    [InlineData(Name, false)]
    [InlineData(Chain, false)]
    [InlineData(SslPolicyErrors.RemoteCertificateNotAvailable, false)]
    public void Without_pins_and_names_the_handshake_decides(SslPolicyErrors errors, bool holds) =>
        Assert.Equal(holds, TargetCertificate.Fault(Certificate, null, errors, Route()) is null);

    [Theory]
    [InlineData("mx.mail.example", "mx.mail.example", true)]
    [InlineData("mx.mail.example", "other.example", false)]
    [InlineData("mx.mail.example", "*.mail.example", true)]
    [InlineData("mail.example", "*.mail.example", false)]
    [InlineData("a.b.mail.example", "*.mail.example", false)]
    [InlineData("*.mail.example", "mx.mail.example", true)]
    [InlineData("*.mail.example", "*.mail.example", true)]
    [InlineData("mx.mail.example.evil.example", "*.mail.example", false)]
    public void A_required_name_must_be_borne_and_replaces_the_host_name(string borne, string required, bool holds)
    {
        using var certificate = Make(borne);
        Assert.Equal(holds, TargetCertificate.Fault(certificate, null, Name, Route([required])) is null);
        Assert.Equal(holds, TargetCertificate.Fault(certificate, null, SslPolicyErrors.None, Route([required])) is null);
        Assert.NotNull(TargetCertificate.Fault(certificate, null, Chain, Route([required])));
        Assert.Equal(holds, TargetCertificate.Fault(certificate, null, Name, Route(["no.example", required])) is null);
    }
}
