using System.Text;
using CsCheck;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class XtextValueTests
{
    private static string? Encoded(string text, int room = 512)
    {
        var output = new byte[room];
        var length = XtextValue.Encode(text, output);
        return length < 0 ? null : Encoding.ASCII.GetString(output, 0, length);
    }

    [Theory]
    [InlineData("b+1@example.com", "b+2B1@example.com")]
    [InlineData("id=1", "id+3D1")]
    [InlineData("a b", "a+20b")]
    [InlineData("\u00e4", "+C3+A4")]
    [InlineData("", "")]
    public void What_is_not_plain_is_escaped(string text, string xtext) => Assert.Equal(xtext, Encoded(text));

    [Theory]
    [InlineData("abc", 3, true)]
    [InlineData("abc", 2, false)]
    [InlineData("a+", 4, true)]
    [InlineData("a+", 3, false)]
    public void What_does_not_fit_is_not_cut(string text, int room, bool fits) =>
        Assert.Equal(fits, Encoded(text, room) is not null);

    [Fact]
    public void What_was_encoded_decodes_to_the_same() => Gen.String[1, 40].Where(t => t.All(c => c < 0xD800))
        .Sample(text =>
        {
            var xtext = Encoded(text);
            return xtext is not null && XtextValue.TryDecode(Encoding.ASCII.GetBytes(xtext), out var back)
                && back == text;
        });

    [Fact]
    public void Any_text_at_all_is_encoded_or_refused_without_a_throw() =>
        Gen.Select(Gen.String[0, 300], Gen.Int[0, 600]).Sample((text, room) =>
        {
            var xtext = Encoded(text, room);
            return xtext is null || (xtext.Length <= room && xtext.All(c => c is > ' ' and <= '~'));
        });
}
