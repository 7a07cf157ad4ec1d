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
        await new ForwardTransform(ProxyTrust.Nobody, null, "sid", "X-User").TransformRequestAsync(context, message,
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

    [Theory]
    [InlineData("sid=1", null)]
    [InlineData("sid=1; sid=2;", null)]
    [InlineData("theme=dark; sid=1;a=\"b; c\"", "theme=dark;a=\"b; c\"")]
    [InlineData("xsid=1;  SID=2", "xsid=1;  SID=2")]
    public async Task The_session_cookie_stays_here_and_the_others_pass_as_they_came(string cookies, string? passed)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Cookie = cookies;
        using var message = await PassedAsync(context);
        Assert.Equal(passed, message.Headers.NonValidated.TryGetValues("Cookie", out var c) ? c.ToString() : null);
    }

    [Fact]
    public async Task The_session_cookie_is_found_in_every_cookie_field()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Cookie = new(["a=1", "sid=x", "b=2; sid=y"]);
        using var message = await PassedAsync(context);
        Assert.Equal("a=1; b=2", message.Headers.NonValidated["Cookie"].ToString());
    }
}
