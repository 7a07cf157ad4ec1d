using System.Net;
using CsCheck;
using Holdfast.Operator;

namespace Holdfast.Tests.Operator;

public class OperatorGuardTests
{
    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:8080")]
    [InlineData("LOCALHOST.:8080")]
    [InlineData("127.0.0.1:8080")]
    [InlineData("127.1.2.3")]
    [InlineData("[::1]:8080")]
    public void Loopback_names_pass(string host) =>
        Assert.Null(OperatorGuard.Refusal("GET", host, IPAddress.Loopback));

    [Theory]
    [InlineData("")]
    [InlineData("evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("127.0.0.1.evil.example:8080")]
    [InlineData("192.0.2.1")]
    [InlineData("0.0.0.0:8080")]
    [InlineData("[::ffff:192.0.2.1]")]
    public void Any_other_host_is_refused_so_that_rebound_names_read_nothing(string host) =>
        Assert.Equal(421, OperatorGuard.Refusal("GET", host, IPAddress.Loopback)?.Status);

    [Theory]
    [InlineData("POST")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public void Only_reading_methods_pass(string method) =>
        Assert.Equal(405, OperatorGuard.Refusal(method, "localhost", IPAddress.Loopback)?.Status);

    [Fact]
    public void Other_machines_are_refused()
    {
        Assert.Equal(403, OperatorGuard.Refusal("GET", "localhost", IPAddress.Parse("192.0.2.1"))?.Status);
        Assert.Equal(403, OperatorGuard.Refusal("GET", "localhost", null)?.Status);
        Assert.Null(OperatorGuard.Refusal("GET", "localhost", IPAddress.Parse("::ffff:127.0.0.1")));
    }

    [Fact]
    public void Arbitrary_hosts_never_throw() => Gen.String.Sample(host => { OperatorGuard.IsLoopbackHost(host); });
}
