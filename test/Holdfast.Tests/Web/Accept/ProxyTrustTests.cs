using System.Net;
using CsCheck;
using Holdfast.Web.Accept;

namespace Holdfast.Tests.Web.Accept;

public class ProxyTrustTests
{
    private static readonly ProxyTrust s_trust = new(["10.0.0.0/8", "fd00::/8"]);

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("fd00::1", true)]
    [InlineData("11.0.0.1", false)]
    [InlineData("2001:db8::1", false)]
    public void Only_named_networks_are_trusted(string peer, bool isTrusted) =>
        Assert.Equal(isTrusted, s_trust.Trusts(IPAddress.Parse(peer)));

    [Theory]
    [InlineData("10.0.0.1", "203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9")]
    // What the client itself wrote stands further left: the first address that none of us wrote is the client's.
    [InlineData("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9")]
    [InlineData("10.0.0.1", "203.0.113.9:4711", "203.0.113.9")]
    [InlineData("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1")]
    [InlineData("10.0.0.1", "2001:db8::1", "2001:db8::1")]
    [InlineData("10.0.0.1", "unknown", "10.0.0.1")]
    [InlineData("10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2")]
    [InlineData("10.0.0.1", "", "10.0.0.1")]
    [InlineData("10.0.0.1", null, "10.0.0.1")]
    [InlineData("203.0.113.1", "1.2.3.4", "203.0.113.1")]
    public void The_client_is_the_last_address_that_no_trusted_proxy_is(string peer, string? forwardedFor, string client) =>
        Assert.Equal(IPAddress.Parse(client), s_trust.ClientOf(IPAddress.Parse(peer), forwardedFor));

    [Fact]
    public void Arbitrary_lists_never_throw() =>
        Gen.String.Sample(s => s_trust.ClientOf(IPAddress.Parse("10.0.0.1"), s) is not null);
}
