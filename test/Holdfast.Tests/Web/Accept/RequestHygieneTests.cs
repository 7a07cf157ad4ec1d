using Holdfast.Web.Accept;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Tests.Web.Accept;

public class RequestHygieneTests
{
    private static DefaultHttpContext Request(string method = "GET")
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Request.Protocol = "HTTP/1.1";
        context.Request.Headers.Host = "a.example";
        return context;
    }

    [Theory]
    [InlineData("chunked", null)]
    [InlineData("Chunked", null)]
    [InlineData("gzip, chunked", "transfer_encoding")]
    [InlineData("xchunked", "transfer_encoding")]
    [InlineData("identity", "transfer_encoding")]
    [InlineData("", "transfer_encoding")]
    public void Only_one_chunked_is_a_transfer_encoding(string encoding, string? fault)
    {
        var context = Request("POST");
        context.Request.Headers.TransferEncoding = encoding;
        Assert.Equal(fault, RequestHygiene.Fault(context));
    }

    [Fact]
    public void Two_transfer_encodings_are_refused()
    {
        var context = Request("POST");
        context.Request.Headers.TransferEncoding = new(["chunked", "chunked"]);
        Assert.Equal("transfer_encoding", RequestHygiene.Fault(context));
    }

    [Fact]
    public void A_length_beside_an_encoding_is_refused()
    {
        var context = Request("POST");
        context.Request.Headers.TransferEncoding = "chunked";
        context.Request.Headers.ContentLength = 5;
        Assert.Equal("length_and_encoding", RequestHygiene.Fault(context));
    }

    [Fact]
    public void A_length_that_the_server_set_aside_is_one()
    {
        var context = Request("POST");
        context.Request.Headers.TransferEncoding = "chunked";
        context.Request.Headers["X-Content-Length"] = "5";
        Assert.Equal("length_and_encoding", RequestHygiene.Fault(context));
    }

    [Fact]
    public void Two_hosts_are_refused()
    {
        var context = Request();
        context.Request.Headers.Host = new(["a.example", "b.example"]);
        Assert.Equal("host", RequestHygiene.Fault(context));
    }

    [Theory]
    [InlineData("TRACE", "trace")]
    [InlineData("CONNECT", "connect")]
    [InlineData("GET", null)]
    [InlineData("POST", null)]
    [InlineData("PROPFIND", null)]
    public void Methods_that_mirror_or_tunnel_are_refused(string method, string? fault) =>
        Assert.Equal(fault, RequestHygiene.Fault(Request(method)));

    [Theory]
    [InlineData("x-a: b\r\nx-hidden", "field_name")]
    [InlineData("transfer-encoding ", "field_name")]
    [InlineData("x:y", "field_name")]
    [InlineData("connection", "connection_field")]
    [InlineData("keep-alive", "connection_field")]
    [InlineData("proxy-connection", "connection_field")]
    [InlineData("upgrade", "connection_field")]
    [InlineData("transfer-encoding", "connection_field")]
    [InlineData("te", null)]
    [InlineData("x-!#$%&'*+-.^_`|~", null)]
    public void Over_HTTP2_names_are_tokens_and_none_is_of_the_connection(string name, string? fault)
    {
        foreach (var protocol in new[] { "HTTP/2", "HTTP/3" })
        {
            var context = Request();
            context.Request.Protocol = protocol;
            context.Request.Headers[name] = "chunked";
            Assert.Equal(fault, RequestHygiene.Fault(context));
        }
    }

    [Fact]
    public void Over_HTTP1_the_connection_has_fields_of_its_own()
    {
        var context = Request();
        context.Request.Protocol = "HTTP/1.1";
        context.Request.Headers.Connection = "upgrade";
        context.Request.Headers.Upgrade = "websocket";
        Assert.Null(RequestHygiene.Fault(context));
    }

    [Theory]
    [InlineData("HTTP/2", "host")]
    [InlineData("HTTP/1.0", null)]
    public void Over_HTTP2_a_host_is_named(string protocol, string? fault)
    {
        var context = Request();
        context.Request.Protocol = protocol;
        context.Request.Headers.Host = "";
        Assert.Equal(fault, RequestHygiene.Fault(context));
    }

    [Theory]
    [InlineData("websocket", null)]
    [InlineData("connect-udp", "connect")]
    public void Of_extended_tunnels_only_those_of_WebSockets_pass(string protocol, string? fault)
    {
        var context = Request("CONNECT");
        context.Request.Protocol = "HTTP/2";
        context.Features.Set<IHttpExtendedConnectFeature>(new Tunnel(protocol));
        Assert.Equal(fault, RequestHygiene.Fault(context));
    }

    private sealed record Tunnel(string? Protocol) : IHttpExtendedConnectFeature
    {
        public bool IsExtendedConnect => true;
        public ValueTask<Stream> AcceptAsync() => throw new NotSupportedException();
    }
}
