using CsCheck;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public sealed class AffinityKeysTests
{
    private static readonly string s_a = new('a', AffinityKeys.CharsMin);
    private static readonly string s_b = new('b', AffinityKeys.CharsMax);

    [Fact]
    public void Keys_in_their_order_without_comments_and_empty_lines()
    {
        var keys = AffinityKeys.Parse($"# new\n{s_a}\r\n\n  {s_b}  \n", out var fault);
        Assert.Null(fault);
        Assert.Equal([s_a, s_b], keys.Select(System.Text.Encoding.ASCII.GetString));
    }

    [Fact]
    public void A_key_too_short_or_too_long_is_told_by_its_line_and_never_shown()
    {
        foreach (var bad in new[] { s_a[1..], s_b + "b", s_a + " " + s_a, s_a + "é" })
        {
            Assert.Empty(AffinityKeys.Parse(s_a + "\n" + bad, out var fault));
            Assert.StartsWith("line 2 ", fault, StringComparison.Ordinal);
            Assert.DoesNotContain("aaa", fault, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Four_keys_are_taken_and_five_are_not()
    {
        Assert.Equal(4, AffinityKeys.Parse(string.Join('\n', Enumerable.Repeat(s_a, 4)), out _).Count);
        Assert.Empty(AffinityKeys.Parse(string.Join('\n', Enumerable.Repeat(s_a, 5)), out var fault));
        Assert.NotNull(fault);
    }

    [Fact]
    public void A_file_without_keys_is_a_fault()
    {
        Assert.Empty(AffinityKeys.Parse("# nothing yet\n", out var fault));
        Assert.NotNull(fault);
    }

    [Fact]
    public void Any_text_gives_keys_or_a_fault() => Gen.String.Sample(text =>
        Assert.Equal(AffinityKeys.Parse(text, out var fault).Count == 0, fault is not null));
}
