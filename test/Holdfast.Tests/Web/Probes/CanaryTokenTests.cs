using System.Text;
using CsCheck;
using Holdfast.Web.Probes;

namespace Holdfast.Tests.Web.Probes;

public class CanaryTokenTests
{
    [Fact]
    public void A_token_is_shown_by_itself_and_by_every_later_one_of_the_same_run_wherever_it_stands()
    {
        var token = new CanaryToken(new Random(1));
        Gen.Select(Gen.Byte.Array[0, 40], Gen.Long[0, 999_999_999_999], Gen.Long[0, 999_999_999_999],
            Gen.Byte.Array[0, 40]).Sample((before, written, asked, after) => Assert.Equal(written >= asked,
                token.Shows([.. before, .. Encoding.ASCII.GetBytes(token.Write(written)), .. after], asked)));
    }

    [Fact]
    public void Arbitrary_bytes_and_tokens_of_others_show_nothing()
    {
        var token = new CanaryToken(new Random(1));
        var others = new CanaryToken(new Random(2));
        Assert.False(token.Shows(Encoding.ASCII.GetBytes(others.Write(5)), 1));
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            Assert.False(token.Shows(bytes, 0));
            // Cut anywhere it is not there yet.
            var whole = Encoding.ASCII.GetBytes(token.Write(7));
            var cut = bytes.Length % whole.Length;
            Assert.False(token.Shows(whole.AsSpan(0, cut), 7));
        });
    }
}
