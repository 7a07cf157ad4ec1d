using Holdfast.Mail.Canaries;

namespace Holdfast.Tests.Mail.Canaries;

public class CanaryOptionsValidatorTests
{
    private static CanaryProbeOptions Reply() => new()
    {
        Site = "mail-na", Recipient = "canary@example.com", Sender = "probe@example.org",
    };

    private static CanaryProbeOptions Imap() => new()
    {
        Site = "mail-na", Recipient = "canary@example.com", ReadBack = CanaryReadBack.Imap,
        Imap = new CanaryMailboxOptions { Endpoint = "imap.example.com:993", User = "u", PasswordFile = "/run/secret" },
    };

    private static string Faults(params CanaryProbeOptions[] probes) => string.Join('\n',
        new CanaryOptionsValidator().Validate(null, new CanaryOptions { Probes = probes }).Failures ?? []);

    [Fact]
    public void Nothing_or_whole_probes_are_fine()
    {
        Assert.Equal("", Faults());
        Assert.Equal("", Faults(Reply(), Imap()));
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Assert.Contains("Probes:0:Site is missing", Faults(new CanaryProbeOptions()), StringComparison.Ordinal);
        Assert.Contains("Probes:0:Recipient \"\"", Faults(new CanaryProbeOptions()), StringComparison.Ordinal);
        var probe = Reply();
        probe.Sender = "nobody";
        Assert.Contains("Sender \"nobody\" is not an address", Faults(probe), StringComparison.Ordinal);
        probe.Sender = probe.Recipient;
        Assert.Contains("Sender is the Recipient", Faults(probe), StringComparison.Ordinal);
        probe = Imap();
        probe.Imap = null;
        Assert.Contains("Imap is missing", Faults(probe), StringComparison.Ordinal);
        probe = Imap();
        probe.Imap!.PasswordVariable = "X";
        Assert.Contains("one of PasswordFile and PasswordVariable", Faults(probe), StringComparison.Ordinal);
        probe.Imap.PasswordFile = probe.Imap.PasswordVariable = null;
        Assert.Contains("one of PasswordFile and PasswordVariable", Faults(probe), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("imap.example.com:143", false)]
    [InlineData("192.0.2.7:143", false)]
    [InlineData("127.0.0.1:143", true)]
    [InlineData("[::1]:143", true)]
    [InlineData("localhost:143", true)]
    public void A_password_goes_in_clear_over_loopback_only(string endpoint, bool isFine)
    {
        var probe = Imap();
        probe.Imap!.Endpoint = endpoint;
        probe.Imap.Tls = ImapTls.None;
        Assert.Equal(isFine, Faults(probe).Length == 0);
    }

    [Theory]
    [InlineData("imap.example.com", false)]
    [InlineData("imap.example.com:0", false)]
    [InlineData("imap.example.com:65536", false)]
    [InlineData(":993", false)]
    [InlineData("imap.example.com:1", true)]
    [InlineData("imap.example.com:65535", true)]
    [InlineData("[2001:db8::1]:993", true)]
    public void An_endpoint_is_a_host_and_a_port(string endpoint, bool isFine)
    {
        var probe = Imap();
        probe.Imap!.Endpoint = endpoint;
        Assert.Equal(isFine, Faults(probe).Length == 0);
    }

    [Fact]
    public void Sixty_four_probes_are_looked_after_and_no_more()
    {
        Assert.Equal("", Faults([.. Enumerable.Range(0, 64).Select(_ => Reply())]));
        Assert.Contains("at most 64", Faults([.. Enumerable.Range(0, 65).Select(_ => Reply())]),
            StringComparison.Ordinal);
    }
}
