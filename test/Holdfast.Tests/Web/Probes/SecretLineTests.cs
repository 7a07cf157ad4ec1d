using CsCheck;
using Holdfast.Web.Probes;

namespace Holdfast.Tests.Web.Probes;

public sealed class SecretLineTests
{
    [Theory]
    [InlineData("Bearer abc", "Bearer abc")]
    [InlineData("  Basic YTpi \r\nmore", "Basic YTpi")]
    [InlineData("Bearer abc\rX: y", "Bearer abc")]
    [InlineData("", null)]
    [InlineData("\nBearer abc", null)]
    [InlineData("Bearer a\tb", null)]
    [InlineData("Bearer a\0b", null)]
    [InlineData("Bearer é", null)]
    public void The_first_line_is_the_value_or_there_is_none(string text, string? expected) =>
        Assert.Equal(expected, SecretLine.Parse(text));

    [Fact]
    public void A_line_that_does_not_end_within_what_is_read_is_none()
    {
        Assert.NotNull(SecretLine.Parse(new string('a', SecretLine.CharsMax - 1)));
        Assert.Null(SecretLine.Parse(new string('a', SecretLine.CharsMax)));
        Assert.NotNull(SecretLine.Parse(new string('a', SecretLine.CharsMax - 1) + "\n"));
    }

    [Fact]
    public void Any_text_gives_a_value_that_a_field_takes_or_none() => Gen.String.Sample(text =>
    {
        if (SecretLine.Parse(text) is not { } secret)
            return;
        using var request = new HttpRequestMessage();
        request.Headers.Add("Authorization", secret);
        Assert.Equal(text.Split('\r', '\n')[0].Trim(), secret);
    });
}
