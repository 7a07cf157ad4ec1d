using Holdfast.Configuration;

namespace Holdfast.Tests.Configuration;

public class EndpointTextTests
{
    [Theory]
    [InlineData("127.0.0.1:25", "127.0.0.1", 25)]
    [InlineData("[::1]:2525", "::1", 2525)]
    [InlineData("mail.example.com:587", "mail.example.com", 587)]
    public void Endpoints_are_read(string text, string host, int port)
    {
        Assert.True(EndpointText.TryParse(text, out var endpoint, out _));
        Assert.Equal((host, port), (endpoint.Host, endpoint.Port));
        Assert.Equal(text, endpoint.ToString());
    }

    [Theory]
    [InlineData("127.0.0.1", "port is missing")]
    [InlineData("127.0.0.1:0", "from 1 to 65535")]
    [InlineData("127.0.0.1:65536", "from 1 to 65535")]
    [InlineData("::1:25", "in brackets")]
    [InlineData(":25", "address is missing")]
    [InlineData("not a name:25", "neither an IP address nor a host name")]
    public void What_is_no_endpoint_is_refused_with_words(string text, string words)
    {
        Assert.False(EndpointText.TryParse(text, out _, out var problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:25", "127.0.0.1:25", true)]
    [InlineData("0.0.0.0:25", "127.0.0.1:25", true)]
    [InlineData("[::]:25", "127.0.0.1:25", true)]
    [InlineData("127.0.0.1:25", "127.0.0.2:25", false)]
    [InlineData("127.0.0.1:25", "127.0.0.1:26", false)]
    [InlineData("0.0.0.0:25", "[::1]:25", false)]
    public void Overlap_is_seen(string one, string other, bool overlaps)
    {
        Assert.True(EndpointText.TryParse(one, out var a, out _));
        Assert.True(EndpointText.TryParse(other, out var b, out _));
        Assert.Equal(overlaps, a.Overlaps(b));
        Assert.Equal(overlaps, b.Overlaps(a));
    }
}
