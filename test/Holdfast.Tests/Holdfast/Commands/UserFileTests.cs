using CsCheck;
using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class UserFileTests
{
    private static readonly string[] s_lines =
        ["# our people", "ann@example.com:AQ==", "", """{ "user": "Bob", "hash": "AQ==", "priority": 1 }""", "nonsense"];

    [Fact]
    public void A_new_user_goes_to_the_end_and_a_known_one_keeps_its_line()
    {
        Assert.Equal([.. s_lines, "eve:X"], UserFile.With(s_lines, "eve", "eve:X"));
        Assert.Equal("ANN@example.com:X", UserFile.With(s_lines, "ANN@example.com", "ANN@example.com:X")[1]);
        Assert.Equal("bob:X", UserFile.With(s_lines, "bob", "bob:X")[3]);
    }

    [Fact]
    public void Removing_leaves_comments_and_all_others()
    {
        Assert.Equal(s_lines.Where((_, i) => i != 3), UserFile.Without(s_lines, "bob", out var at));
        Assert.Equal(3, at);
        Assert.Equal(s_lines, UserFile.Without(s_lines, "nobody", out at));
        Assert.Null(at);
    }

    [Fact]
    public void Names_are_found_in_both_forms() =>
        Assert.Equal([null, "ann@example.com", null, "Bob", null], s_lines.Select(UserFile.NameOf));

    [Fact]
    public void Of_two_names_in_one_line_the_last_counts_as_for_the_server() =>
        Assert.Equal("bob", UserFile.NameOf("""{"user":"ann","hash":"X","User":"bob"}"""));

    [Theory]
    [InlineData("""{"user":"\ud800"}""")]
    [InlineData("""{"\udc00":1}""")]
    public void Half_a_surrogate_pair_is_no_name(string line) => Assert.Null(UserFile.NameOf(line));

    [Fact]
    public void Arbitrary_lines_never_throw() => Gen.Select(Gen.String, Gen.Bool).Sample((text, brace) =>
    {
        _ = UserFile.NameOf((brace ? "{" : "") + text);
    });

    [Fact]
    public void What_is_not_text_is_no_users_file()
    {
        Assert.False(UserFile.IsText(["ELF\u0001:x"]));
        Assert.False(UserFile.IsText(["ann\uFFFD:x"]));
        Assert.True(UserFile.IsText(["# größe", "ann:x\t", ""]));
    }

    [Fact]
    public void Lines_that_are_no_user_are_told_by_number()
    {
        var good = Holdfast.Mail.Receive.PasswordHash.CreateLine("ann@example.org", "correct horse");
        Assert.Empty(UserFile.FaultyLines(["# people", "", good, """{"user":"bob","hash":"x"}"""]));
        Assert.Equal([2, 3, 4], UserFile.FaultyLines([good, "-----BEGIN CERTIFICATE-----", "Host: mx", "{}"]));
    }
}
