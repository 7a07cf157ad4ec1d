using CsCheck;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public sealed class AffinityCookieTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly AffinityCookie s_cookie = new(s_key);

    [Fact]
    public void What_was_written_reads_back_for_its_service_alone() =>
        Gen.Select(Gen.ULong, Gen.UInt, Gen.String[Gen.Char.AlphaNumeric, 1, 30]).Sample((place, until, service) =>
        {
            var value = s_cookie.Write(service, new AffinityBond(place, until));
            Assert.Equal(AffinityCookie.Length, value.Length);
            Assert.Equal(new AffinityBond(place, until), s_cookie.Read(service, value));
            Assert.Equal(new AffinityBond(place, until), s_cookie.Read(service.ToLowerInvariant(), value));
            Assert.Null(s_cookie.Read(service + "x", value));
        });

    [Fact]
    public void A_value_with_any_other_letter_is_not_believed()
    {
        const string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var value = s_cookie.Write("store", new AffinityBond(7, 1_800_000_000));
        for (var i = 0; i < value.Length; i++)
        {
            foreach (var letter in letters.Where(l => l != value[i]))
                Assert.Null(s_cookie.Read("store", value[..i] + letter + value[(i + 1)..]));
        }
    }

    [Fact]
    public void Another_key_reads_nothing_and_names_no_place_alike()
    {
        var other = new AffinityCookie([.. s_key.Reverse()]);
        Assert.Null(other.Read("store", s_cookie.Write("store", new AffinityBond(7, 1))));
        Assert.NotEqual(other.PlaceOf("web-na", "192.0.2.1:80"), s_cookie.PlaceOf("web-na", "192.0.2.1:80"));
        Assert.Equal(s_cookie.PlaceOf("WEB-NA", "192.0.2.1:80"), s_cookie.PlaceOf("web-na", "192.0.2.1:80"));
        Assert.NotEqual(s_cookie.PlaceOf("web-eu", "192.0.2.1:80"), s_cookie.PlaceOf("web-na", "192.0.2.1:80"));
    }

    [Fact]
    public void No_text_makes_it_throw() => Gen.String.Sample(text => Assert.Null(s_cookie.Read("store", text)));

    [Fact]
    public void White_space_that_base64_would_pass_over_is_not() =>
        Assert.Null(s_cookie.Read("store", " " + s_cookie.Write("store", new AffinityBond(7, 1))[1..]));

    [Fact]
    public void A_service_with_a_name_of_any_length_can_be_signed_for()
    {
        foreach (var length in new[] { 0, 1, 255, 256, 257, 10_000 })
        {
            var service = new string('ß', length);
            Assert.NotNull(s_cookie.Read(service, s_cookie.Write(service, new AffinityBond(1, 2))));
        }
    }
}
