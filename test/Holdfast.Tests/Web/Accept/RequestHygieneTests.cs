using Holdfast.Web.Accept;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Web.Accept;

public class RequestHygieneTests
{
    private static DefaultHttpContext Request(string method = "GET")
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
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
}
