using Holdfast.Configuration;

namespace Holdfast.Tests.Configuration;

public class NameGuessTests
{
    [Theory]
    [InlineData("Regoin", "Region")]
    [InlineData("listener", "Listeners")]
    [InlineData("ConcurencyMax", "ConcurrencyMax")]
    [InlineData("Concurrency", "ConcurrencyMax")]
    public void The_nearest_name_is_found(string wanted, string meant) =>
        Assert.Equal(meant, NameGuess.Nearest(wanted, ["Region", "Listeners", "ConcurrencyMax", "Tls"]));

    [Fact]
    public void What_is_like_nothing_gets_no_guess() =>
        Assert.Null(NameGuess.Nearest("Flamingo", ["Region", "Listeners", "Tls"]));

    [Theory]
    [InlineData("abcd", "abdc", 1)]
    [InlineData("abc", "abc", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_counts_swaps_once(string a, string b, int distance) =>
        Assert.Equal(distance, NameGuess.Distance(a, b));
}
