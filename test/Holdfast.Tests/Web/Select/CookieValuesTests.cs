using CsCheck;
using Holdfast.Web.Select;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Tests.Web.Select;

public sealed class CookieValuesTests
{
    private static List<string> Of(params string?[] fields)
    {
        var found = new List<string>();
        foreach (var value in new CookieValues(new StringValues(fields), "sid"))
            found.Add(value.ToString());
        return found;
    }

    [Theory]
    [InlineData("sid=a", "a")]
    [InlineData("x=1; sid=a; y=2", "a")]
    [InlineData("sid=a;sid=b", "a b")]
    [InlineData("sid=", "")]
    [InlineData("  sid=a=b  ", "a=b")]
    public void Values_of_the_name_in_their_order(string field, string expected) =>
        Assert.Equal(expected.Split(' '), Of(field));

    [Theory]
    [InlineData("")]
    [InlineData(";;;")]
    [InlineData("sid")]
    [InlineData("SID=a")]
    [InlineData("xsid=a; sidx=b; sid =c")]
    public void What_has_another_name_or_is_no_pair_is_passed_over(string field) => Assert.Empty(Of(field));

    [Fact]
    public void Several_fields_are_one_list() => Assert.Equal(["a", "b"], Of("sid=a", null, "", "y=1; sid=b"));

    [Fact]
    public void After_four_of_one_name_the_rest_is_not_looked_at() =>
        Assert.Equal(["1", "2", "3", "4"], Of(string.Join(';', Enumerable.Range(1, 10_000).Select(i => $"sid={i}"))));

    [Fact]
    public void Any_text_ends() => Gen.String.Array[0, 4].Sample(fields =>
        Assert.InRange(Of(fields).Count, 0, CookieValues.SameNameMax));
}
