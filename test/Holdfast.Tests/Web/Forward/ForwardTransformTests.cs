using System.Net;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Web.Forward;

public sealed class ForwardTransformTests
{
    private static async Task<HttpRequestMessage> PassedAsync(HttpContext context)
    {
        context.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.1");
        context.Request.Scheme = "http";
        var message = new HttpRequestMessage { Content = new ByteArrayContent([1]) };
        await new ForwardTransform(ProxyTrust.Nobody, null, "X-User").TransformRequestAsync(context, message,
            "http://192.0.2.9", TestContext.Current.CancellationToken);
        return message;
    }

    [Theory]
    [InlineData(";")]
    [InlineData("a b, (x), \"")]
    [InlineData("Content-Length")]
    [InlineData("Expires, Allow")]
    public async Task A_connection_that_names_no_field_or_one_of_the_content_breaks_nothing(string connection)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Connection = connection;
        using var message = await PassedAsync(context);
        Assert.Equal(1, message.Content!.Headers.ContentLength);
    }

    [Fact]
    public async Task What_the_connection_names_stays_behind_and_what_only_proxies_may_say_too()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Connection = "close, X-Own, Content-Language";
        context.Request.Headers["X-Own"] = "1";
        context.Request.Headers["X-User"] = "ann";
        context.Request.Headers["X-Passes"] = "1";
        context.Request.Headers.ContentLanguage = "en";
        using var message = await PassedAsync(context);
        Assert.Equal(["X-Forwarded-For", "X-Forwarded-Proto", "X-Passes"],
            message.Headers.Select(h => h.Key).Where(k => k != "X-Forwarded-Host").Order());
        Assert.DoesNotContain("Content-Language", message.Content!.Headers.Select(h => h.Key));
    }
}
