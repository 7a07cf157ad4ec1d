using System.Text;
using CsCheck;
using Holdfast.Mail.Canaries;

namespace Holdfast.Tests.Mail.Canaries;

public class CanaryAnswerTests
{
    private static readonly CanaryToken Tokens = new([1, 2, 3]);

    private static CanaryAnswer Read(string text) => CanaryAnswer.Read(Encoding.Latin1.GetBytes(text));

    [Fact]
    public void An_answer_quotes_the_token_in_subject_or_references()
    {
        var token = Tokens.Next();
        Assert.Equal([token], Read($"From: a\r\nSubject: Automatic reply: Holdfast canary {token}\r\n\r\nhi").Tokens);
        Assert.Equal([token], Read($"In-Reply-To: <{token}@mx.example>\r\nReferences:\r\n <{token}@mx.example>\r\n\r\n")
            .Tokens);
        Assert.False(Read($"Subject: Re: {token}\r\nContent-Type: text/plain\r\n\r\n").IsBounce);
    }

    [Fact]
    public void A_token_below_the_header_is_not_looked_at() =>
        Assert.Empty(Read($"Subject: hello\r\n\r\n{Tokens.Next()}").Tokens);

    [Theory]
    [InlineData("Content-Type: multipart/report; report-type=delivery-status")]
    [InlineData("content-type:\r\n Multipart/REPORT; report-type=delivery-status")]
    [InlineData("X-Failed-Recipients: canary@example.com")]
    public void A_bounce_is_known_by_its_header(string line)
    {
        var token = Tokens.Next();
        var answer = Read($"Subject: Undeliverable {token}\r\n{line}\r\n\r\n");
        Assert.True(answer.IsBounce);
        Assert.Equal([token], answer.Tokens);
    }

    [Theory]
    [InlineData("Content-Type: text/plain\r\nX-Was: multipart/report")]
    [InlineData("Subject: multipart/report")]
    public void Other_fields_make_no_bounce(string lines) => Assert.False(Read(lines + "\r\n\r\n").IsBounce);

    [Fact]
    public void What_looks_like_a_token_but_is_not_one_is_passed_over()
    {
        var token = Tokens.Next();
        Assert.Equal([token], Read($"Subject: hfc-xyz hfc-{new string('A', 32)} hfc-hfc-hfc-{token}\r\n\r\n").Tokens);
        Assert.Empty(Read("Subject: " + token[..^1] + "\r\n\r\n").Tokens);
    }

    [Fact]
    public void Four_tokens_are_read_and_no_more_and_the_header_ends_at_64_KiB()
    {
        var many = string.Join(' ', Enumerable.Range(0, 9).Select(_ => Tokens.Next()));
        Assert.Equal(4, Read($"Subject: {many}\r\n\r\n").Tokens.Count);
        var last = Tokens.Next();
        Assert.Single(Read(new string('x', CanaryAnswer.HeadMax - CanaryToken.Length) + last).Tokens);
        Assert.Empty(Read(new string('x', CanaryAnswer.HeadMax - CanaryToken.Length + 1) + last).Tokens);
    }

    [Fact]
    public void Any_octets_are_taken() => Gen.Byte.Array[0, 400].Sample(bytes =>
    {
        var answer = CanaryAnswer.Read(bytes);
        Assert.True(answer.Tokens.Count <= 4);
    });

    [Fact]
    public void A_token_reads_back_wherever_it_stands_in_a_header() =>
        Gen.Select(Gen.String[Gen.Char['a', 'z'], 0, 60], Gen.Bool).Sample((before, folded) =>
        {
            var token = Tokens.Next();
            Assert.Contains(token, Read($"{before}: {(folded ? "\r\n\t" : "")}{token}>\r\n\r\n").Tokens);
        });

    [Fact]
    public void Tokens_of_another_key_are_others_and_none_comes_twice()
    {
        var others = new CanaryToken([1, 2, 4]);
        var mine = new CanaryToken([1, 2, 3]);
        var all = Enumerable.Range(0, 100).SelectMany(_ => new[] { others.Next(), mine.Next() }).ToList();
        Assert.Equal(200, all.Distinct().Count());
        Assert.All(all, t => Assert.Equal(t, CanaryToken.Read(Encoding.ASCII.GetBytes(t + "@x"))));
    }

    [Theory]
    [InlineData(CanaryReadBack.Reply)]
    [InlineData(CanaryReadBack.Imap)]
    public void A_canary_carries_its_token_and_only_one_that_nobody_answers_says_it_is_automatic(CanaryReadBack how)
    {
        var token = Tokens.Next();
        var probe = new CanaryProbeOptions
        {
            Site = "mail-na", Recipient = "canary@example.com", Sender = "probe@example.org", ReadBack = how,
        };
        var bytes = CanaryMessage.Compose(token, probe, "mx.example.org",
            new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
        var text = Encoding.ASCII.GetString(bytes);
        Assert.Equal([token], CanaryAnswer.Read(bytes).Tokens);
        Assert.False(CanaryAnswer.Read(bytes).IsBounce);
        Assert.StartsWith("Date: Thu, 22 Jan 2026 17:45:00 +0000\r\n", text, StringComparison.Ordinal);
        Assert.Equal(how == CanaryReadBack.Imap, text.Contains("Auto-Submitted:", StringComparison.Ordinal));
        Assert.Contains($"X-Holdfast-Canary: {token} mx.example.org/mail-na\r\n", text, StringComparison.Ordinal);
    }
}
