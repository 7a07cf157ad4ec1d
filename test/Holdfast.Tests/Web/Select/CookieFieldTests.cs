using CsCheck;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public sealed class CookieFieldTests
{
    private static readonly string[] Pairs = ["sid=1", " sid=", "sid", "a=b", " c=\"d\"", "", " ", "sid =1"];

    [Theory]
    [InlineData("sid=1", "")]
    [InlineData("a=1; sid=1", "a=1")]
    [InlineData("sid=1; a=1", "a=1")]
    [InlineData("a=1; sid=1; b=2", "a=1; b=2")]
    [InlineData("sid=1;sid=2; sid=3; sid=4; sid=5; b=2", "b=2")]
    [InlineData("a=1;sid=1;b=2;", "a=1;b=2;")]
    [InlineData("sid; sidx=1; a=sid=1", "sid; sidx=1; a=sid=1")]
    public void The_cookie_is_taken_out_and_the_rest_is_as_it_came(string field, string expected) =>
        Assert.Equal(expected, CookieField.Without(field, "sid"));

    [Fact]
    public void Of_any_field_the_other_cookies_stay_in_their_order_and_ours_is_gone() => Gen.OneOf(
        Gen.Int[0, Pairs.Length - 1].Select(i => Pairs[i]), Gen.String[0, 5]).List[0, 12]
        .Sample(pairs =>
        {
            var field = string.Join(';', pairs);
            var without = CookieField.Without(field, "sid");
            Assert.False(new CookieValues(without, "sid").MoveNext());
            Assert.Equal(Others(field), Others(without));
        });

    private static string[] Others(string field) => [.. field.Split(';').Select(p => p.Trim(' '))
        .Where(p => p.Length > 0 && !p.StartsWith("sid=", StringComparison.Ordinal))];
}
