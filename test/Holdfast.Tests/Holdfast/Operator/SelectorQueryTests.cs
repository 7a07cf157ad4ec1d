using CsCheck;
using Holdfast.Mail.Queue;
using Holdfast.Operator;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Operator;

public class SelectorQueryTests
{
    private static QueryCollection Query(string text) => new(QueryHelpers.ParseQuery(text));

    [Fact]
    public void A_selector_reads_back_from_its_query()
    {
        var text = Gen.String.Where(s => s.Length > 0 && !s.Any(char.IsSurrogate)).Null();
        var duration = Gen.Long[0, TimeSpan.TicksPerSecond * 100_000].Select(t => TimeSpan.FromSeconds(t / 10_000_000));
        Gen.Select(text, text, text, duration, Gen.Bool, Gen.Bool).Sample((sender, recipient, reason, older, held, all) =>
        {
            var selector = new QueueSelector
            {
                Sender = sender, Recipient = recipient, Reason = reason, OlderThan = older, IsHeld = held, All = all,
            };
            var back = SelectorQuery.TryRead(Query(SelectorQuery.Write(selector)), out var problem);
            Assert.Null(problem);
            Assert.Equal(selector with { Ids = back!.Ids }, back);
        });
    }

    [Theory]
    [InlineData("?recipent=a", "did you mean \"recipient\"?")]
    [InlineData("?older=soon", "is not a duration")]
    [InlineData("?held=maybe", "write true or false")]
    public void What_makes_no_sense_is_refused_with_words(string query, string words)
    {
        Assert.Null(SelectorQuery.TryRead(Query(query), out var problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_given_selects_nothing() => Assert.False(SelectorQuery.SelectsSomething(new QueueSelector()));

    [Theory]
    [InlineData("", 100)]
    [InlineData("?limit=1", 1)]
    [InlineData("?limit=1000", 1000)]
    [InlineData("?limit=1001", null)]
    [InlineData("?limit=0", null)]
    [InlineData("?limit=-1", null)]
    public void Page_size_has_bounds(string query, int? expected) =>
        Assert.Equal(expected, SelectorQuery.TryNumber(Query(query), "limit", 100, 1, 1000));
}
