using System.Net;
using CsCheck;
using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveOptionsTests
{
    [Fact]
    public void Every_fault_of_a_listener_is_told_with_what_to_do()
    {
        AssertFault(o => o.Listeners[1].Domains = [], "set Domains or DomainsFile");
        AssertFault(o => o.Listeners[1].BareNewlines = BareNewlineHandling.Normalise, "set Reject");
        AssertFault(o => o.Listeners[0].TrustedNetworks = [], "127.0.0.0/8");
        AssertFault(o => o.Listeners[0].TrustedNetworks = ["0.0.0.0/0"], "open relay");
        AssertFault(o => o.Listeners[0].TrustedNetworks = ["10.0.0.1/8"], "is not a network");
        AssertFault(o => o.Listeners[0].Tls = ListenerTls.Implicit, "set CertificateFile");
        AssertFault(o => o.Listeners[0].Endpoint = "localhost:25", "must be an IP address");
        AssertFault(o => o.Listeners[0].Endpoint = "127.0.0.1", "must be an IP address");
        AssertFault(o => o.Listeners[0].Endpoint = o.Listeners[1].Endpoint, "its own address or port");
        AssertFault(o => o.Listeners[0].Name = o.Listeners[1].Name, "a name of its own");
        AssertFault(o => o.Listeners[0].Name = "Notice", "another name");
        AssertFault(o => o.Listeners[0].Domains = ["example.org"], "inbound listeners");
        AssertFault(o => o.Listeners[1].Domains = ["not a domain"], "is not a domain");
        AssertFault(o => o.Listeners[2].AllowPlainTextAuth = false, "needs TLS");
        AssertFault(o => o.Listeners[1].AllowPlainTextAuth = true, "loopback");
        AssertFault(o => o.UsersFile = null, "set UsersFile");
        AssertFault(o => o.PriorityRules = [new PriorityRuleOptions()], "names no domain");
    }

    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("192.0.2.0/24", "::ffff:192.0.2.1", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::1", false)]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.0.0.2", false)]
    public void A_network_holds_its_addresses_and_no_others(string network, string address, bool isIn) =>
        Assert.Equal(isIn, NetworkSet.Parse([network]).Contains(IPAddress.Parse(address)));

    [Fact]
    public void Any_network_holds_its_own_address_and_any_text_is_read_without_throwing()
    {
        Gen.Select(Gen.Byte.Array[4], Gen.Int[0, 32]).Sample((bytes, prefix) =>
        {
            var value = BitConverter.ToUInt32(bytes) & (prefix == 0 ? 0 : uint.MaxValue << (32 - prefix));
            var address = new IPAddress(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value));
            return NetworkSet.Parse([$"{address}/{prefix}"]).Contains(address);
        });
        Gen.String.Sample(text => NetworkSet.TryParse([text], out _, out var fault) == (fault is null));
    }

    [Fact]
    public void Any_bytes_make_a_list_or_a_format_exception()
    {
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            foreach (var parse in new Action<byte[]>[]
                { b => DomainList.Parse(b), b => RecipientDirectory.Parse(b), b => UserList.Parse(b) })
            {
                try
                {
                    parse(bytes);
                }
                catch (FormatException)
                {
                    // said what is wrong
                }
            }
        });
    }

    [Fact]
    public void Addresses_of_one_ipv6_customer_count_as_one()
    {
        Assert.Equal(AddressKey.Of(IPAddress.Parse("2001:db8::1")), AddressKey.Of(IPAddress.Parse("2001:db8::ffff")));
        Assert.NotEqual(AddressKey.Of(IPAddress.Parse("2001:db8::1")), AddressKey.Of(IPAddress.Parse("2001:db8:0:1::1")));
        Assert.NotEqual(AddressKey.Of(IPAddress.Parse("192.0.2.1")), AddressKey.Of(IPAddress.Parse("192.0.2.2")));
        Assert.Equal(AddressKey.Of(IPAddress.Parse("192.0.2.1")), AddressKey.Of(IPAddress.Parse("::ffff:192.0.2.1")));
    }

    private static void AssertFault(Action<ReceiveOptions> change, string message)
    {
        var options = ReceiveBench.DefaultOptions();
        change(options);
        Assert.Contains(message, new ReceiveOptionsValidation().Validate(null, options).FailureMessage ?? "",
            StringComparison.Ordinal);
    }
}
