using System.Net;
using Holdfast.Mail.Route;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Route;

public class MxResolverTests
{
    private readonly ScriptedDns _dns = new();
    private readonly FakeTimeProvider _time = new();
    private readonly RouteOptions _options = new();

    private MxResolver Resolver(params string[] ownAddresses) =>
        new(_dns, new SettableOptions<RouteOptions>(_options), "us.example",
            ownAddresses.Select(IPAddress.Parse).ToHashSet(), _time, new Random(1));

    private static async Task<MxAnswer> Ask(MxResolver resolver, string domain) =>
        await resolver.ResolveAsync(domain, TestContext.Current.CancellationToken);

    [Fact]
    public async Task Hosts_come_by_preference_and_equal_ones_in_changing_order()
    {
        _dns.WithMx("a.example", (20, "m3.example"), (10, "m1.example"), (10, "m2.example"))
            .WithAddress("m1.example", "192.0.2.1").WithAddress("m2.example", "192.0.2.2", "2001:db8::2")
            .WithAddress("m3.example", "192.0.2.3");
        var resolver = Resolver();
        var firsts = new HashSet<string>();
        for (var i = 0; i < 40; i++)
        {
            var answer = await Ask(resolver, "a.example");
            Assert.Equal(MxAnswerKind.Hosts, answer.Kind);
            Assert.Equal("m3.example", answer.Hosts[2].Name);
            firsts.Add(answer.Hosts[0].Name);
        }
        Assert.Equal(2, firsts.Count);
    }

    [Fact]
    public async Task A_domain_without_mx_takes_mail_at_its_own_address()
    {
        _dns.WithAddress("a.example", "192.0.2.1");
        var answer = await Ask(Resolver(), "a.example");
        Assert.Equal(("a.example", 0), (Assert.Single(answer.Hosts).Name, answer.Hosts[0].Preference));
    }

    [Fact]
    public async Task A_null_mx_takes_no_mail_at_all()
    {
        _dns.WithMx("a.example", (0, "")).WithAddress("a.example", "192.0.2.1");
        var reply = (await Ask(Resolver(), "a.example")).ToReply();
        Assert.Equal("556 5.1.10 a.example takes no mail (null MX)", reply?.ToString());
    }

    [Fact]
    public async Task A_domain_that_does_not_exist_is_permanent_and_a_silent_dns_is_not()
    {
        Assert.Equal(550, (await Ask(Resolver(), "nowhere.example")).ToReply()?.Code);
        _dns.IsDown = true;
        Assert.Equal(451, (await Ask(Resolver(), "nowhere.example")).ToReply()?.Code);
    }

    [Fact]
    public async Task Where_we_stand_in_the_list_only_better_hosts_are_tried()
    {
        _dns.WithMx("a.example", (5, "m1.example"), (10, "us.example"), (10, "m2.example"), (20, "m3.example"))
            .WithAddress("m1.example", "192.0.2.1").WithAddress("m2.example", "192.0.2.2")
            .WithAddress("m3.example", "192.0.2.3");
        Assert.Equal("m1.example", Assert.Single((await Ask(Resolver(), "a.example")).Hosts).Name);

        _dns.WithMx("b.example", (10, "m2.example"), (20, "m3.example"));
        Assert.Equal(MxAnswerKind.LoopsToUs, (await Ask(Resolver("192.0.2.2"), "b.example")).Kind);
        Assert.Equal(2, (await Ask(Resolver("192.0.2.9"), "b.example")).Hosts.Length);
    }

    [Fact]
    public async Task Equal_preference_with_us_is_cut_even_when_listed_before_us()
    {
        _dns.WithMx("a.example", (10, "m2.example"), (10, "us.example")).WithAddress("m2.example", "192.0.2.2");
        Assert.Equal(MxAnswerKind.LoopsToUs, (await Ask(Resolver(), "a.example")).Kind);
    }

    [Fact]
    public async Task Answers_are_kept_by_their_ttl_within_bounds()
    {
        _dns.WithMx("a.example", (10, "m1.example")).WithAddress("m1.example", "192.0.2.1");
        var resolver = Resolver();
        await Ask(resolver, "a.example");
        var asked = _dns.Questions;
        _time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        await Ask(resolver, "A.EXAMPLE");
        Assert.Equal(asked, _dns.Questions);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Ask(resolver, "a.example");
        Assert.True(_dns.Questions > asked);
    }

    [Fact]
    public async Task While_dns_fails_the_last_answer_serves()
    {
        _dns.WithMx("a.example", (10, "m1.example")).WithAddress("m1.example", "192.0.2.1");
        var resolver = Resolver();
        await Ask(resolver, "a.example");
        _dns.IsDown = true;
        _time.Advance(TimeSpan.FromDays(3));
        var answer = await Ask(resolver, "a.example");
        Assert.True(answer.IsStale);
        Assert.Single(answer.Hosts);
        _dns.IsDown = false;
        _time.Advance(_options.DnsKeepMin);
        Assert.False((await Ask(resolver, "a.example")).IsStale);
    }

    [Fact]
    public async Task One_denial_does_not_bounce_the_mail_of_a_domain_that_had_hosts_today()
    {
        _dns.WithMx("a.example", (10, "m1.example")).WithAddress("m1.example", "192.0.2.1");
        var resolver = Resolver();
        await Ask(resolver, "a.example");
        _dns.Mx.Remove("a.example");
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(MxAnswerKind.Unavailable, (await Ask(resolver, "a.example")).Kind);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(MxAnswerKind.NoSuchDomain, (await Ask(resolver, "a.example")).Kind);
    }

    [Fact]
    public async Task Exchangers_without_addresses_make_the_mail_wait()
    {
        _dns.WithMx("a.example", (10, "m1.example"));
        Assert.Equal(MxAnswerKind.Unavailable, (await Ask(Resolver(), "a.example")).Kind);
    }

    [Theory]
    [InlineData("[192.0.2.7]", "192.0.2.7")]
    [InlineData("[IPv6:2001:db8::7]", "2001:db8::7")]
    [InlineData("[IPv6:192.0.2.7]", null)]
    [InlineData("[2001:db8::7]", null)]
    [InlineData("[x]", null)]
    public async Task Address_literals_answer_themselves(string domain, string? address)
    {
        var answer = await Ask(Resolver(), domain);
        Assert.Equal(address, answer.Hosts.SingleOrDefault()?.Addresses[0].ToString());
        Assert.Equal(0, _dns.Questions);
    }

    [Fact]
    public void Kept_answers_are_bounded()
    {
        var answers = new LastAnswers<string>(3);
        foreach (var name in new[] { "a", "b", "c" })
            answers.Set(new(name, name, default, default));
        answers.Find("a");
        answers.Set(new("d", "d", default, default));
        Assert.Equal(3, answers.Count);
        Assert.Null(answers.Find("b"));
        Assert.NotNull(answers.Find("A"));
    }
}
