using System.Net;
using CsCheck;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class XClientAttributesTests
{
    private static readonly string[] Starts = ["", "NAME=", "ADDR=", "PORT=", "PROTO="];

    [Fact]
    public void All_attributes_are_read()
    {
        Assert.True(XClientAttributes.TryParse("NAME=spike.example ADDR=IPV6:2001:db8::7 PORT=40000 PROTO=esmtp "
            + "HELO=hi+2Bho LOGIN=ann+40example.org DESTADDR=192.0.2.1 DESTPORT=25", out var client, out _));
        Assert.Equal("spike.example", client.Name);
        Assert.Equal(IPAddress.Parse("2001:db8::7"), client.Address);
        Assert.Equal(40000, client.Port);
        Assert.Equal("ESMTP", client.Protocol);
        Assert.Equal("hi+ho", client.Hello);
        Assert.Equal("ann@example.org", client.Login);
        Assert.Equal(IPAddress.Parse("192.0.2.1"), client.DestinationAddress);
        Assert.Equal(25, client.DestinationPort);
    }

    [Fact]
    public void What_is_unavailable_is_empty_and_what_is_absent_is_null()
    {
        Assert.True(XClientAttributes.TryParse("name=[TEMPUNAVAIL] addr=[unavailable]", out var client, out _));
        Assert.Equal("", client.Name);
        Assert.True(client.AddressUnavailable);
        Assert.Null(client.Address);
        Assert.Null(client.Hello);
    }

    [Theory]
    [InlineData("")]
    [InlineData("NAME")]
    [InlineData("NAME=")]
    [InlineData("=x")]
    [InlineData("WHAT=x")]
    [InlineData("ADDR=1")]
    [InlineData("ADDR=300.1.1.1")]
    [InlineData("PORT=70000")]
    [InlineData("PORT=-1")]
    [InlineData("PROTO=LMTP2")]
    [InlineData("NAME=a NAME=b")]
    [InlineData("LOGIN=a+0D+0Ab")]
    [InlineData("LOGIN=+4")]
    public void Faults_are_refused(string argument)
    {
        Assert.False(XClientAttributes.TryParse(argument, out _, out var refusal));
        Assert.Equal(501, refusal!.Code);
    }

    [Fact]
    public void Values_are_bounded()
    {
        Assert.True(XClientAttributes.TryParse($"NAME={new string('n', 255)}", out _, out _));
        Assert.False(XClientAttributes.TryParse($"NAME={new string('n', 256)}", out _, out _));
    }

    [Fact]
    public void Arbitrary_text_never_throws() =>
        Gen.String.Select(Gen.Int[0, Starts.Length - 1]).Sample((text, start) =>
            XClientAttributes.TryParse(Starts[start] + text, out _, out var refusal) == (refusal is null),
            iter: 10_000);
}
