using CsCheck;
using Holdfast.Mail.Route;

namespace Holdfast.Tests.Mail.Route;

public class RouteTableTests
{
    private static RouteRuleOptions To(string service, params string[] domains) =>
        new() { Service = service, Domains = domains };

    private static RouteTable TableOf(params RouteRuleOptions[] rules) =>
        RouteTable.FromOptions(new RouteOptions { Rules = rules });

    [Fact]
    public void The_first_rule_that_matches_decides_even_when_a_later_one_is_narrower()
    {
        var table = TableOf(To("a", "*.example.com"), To("b", "sub.example.com", "example.com"), To("c", "*"));
        Assert.Equal("a", table.Decide("sub.example.com").Destination);
        Assert.Equal("b", table.Decide("EXAMPLE.com.").Destination);
        Assert.Equal("c", table.Decide("example.org").Destination);
    }

    [Fact]
    public void A_star_label_matches_what_is_below_the_domain_and_not_the_domain()
    {
        var table = TableOf(To("a", "*.example.com"));
        Assert.True(table.Decide("x.y.example.com").HasRoute);
        Assert.False(table.Decide("example.com").HasRoute);
        Assert.False(table.Decide("badexample.com").HasRoute);
    }

    [Fact]
    public void A_domain_without_rule_has_no_route()
    {
        var decision = RouteTable.Empty.Decide("example.com");
        Assert.False(decision.HasRoute);
        Assert.Equal("example.com", decision.Destination);
    }

    [Fact]
    public void Mx_routes_are_scheduled_by_domain_and_services_by_rule()
    {
        var table = TableOf(To("mail", "a.example"), new RouteRuleOptions { Mx = true, Domain = "*" });
        var mx = table.Decide("B.Example");
        Assert.Equal("mx/b.example", mx.Key);
        Assert.Equal("b.example", mx.MxDomain);
        Assert.Equal("mail", table.Decide("a.example").Key);
        Assert.Null(table.Decide("a.example").MxDomain);
    }

    [Fact]
    public void Rules_of_one_service_never_share_a_name()
    {
        var table = TableOf(To("mail", "a.example"), To("mail", "b.example"),
            new RouteRuleOptions { Name = "vip", Service = "mail", Domain = "c.example" });
        Assert.Equal(["mail", "mail-2", "vip"], table.Routes.Select(r => r.Name));
        Assert.Equal("mail", table.Decide("b.example").Destination);
    }

    [Fact]
    public void Unicode_and_ascii_forms_of_a_domain_are_the_same_domain()
    {
        var table = TableOf(To("a", "bücher.example"));
        Assert.True(table.Decide("xn--bcher-kva.example").HasRoute);
        Assert.True(table.Decide("BÜCHER.example").HasRoute);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[192.0.2.1]")]
    [InlineData("[IPv6:2001:db8::1]")]
    [InlineData("..")]
    public void Odd_domains_match_star_only(string domain)
    {
        Assert.True(TableOf(To("a", "*")).Decide(domain).HasRoute);
        Assert.False(TableOf(To("a", "*.example")).Decide(domain).HasRoute);
    }

    [Fact]
    public void The_table_decides_as_trying_the_rules_one_by_one_would()
    {
        string[] labels = ["a", "b", "C", "ab"];
        var label = Gen.Int[0, 3].Select(i => labels[i]);
        var domain = label.Array[1, 4].Select(l => string.Join('.', l));
        var pattern = Gen.OneOf(domain, domain.Select(d => "*." + d), Gen.Const("*"));
        Gen.Select(pattern.Array[1, 3].Array[0, 6], domain).Sample((rules, name) =>
        {
            var options = rules.Select((patterns, i) => To("s" + i, patterns)).ToArray();
            var expected = Array.FindIndex(rules, patterns => patterns.Any(p => Matches(p, name)));
            var decision = TableOf(options).Decide(name);
            Assert.Equal(expected < 0 ? null : "s" + expected, decision.Route?.Service);
        });

        static bool Matches(string pattern, string name) => pattern == "*"
            || (pattern.StartsWith("*.", StringComparison.Ordinal)
                ? name.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase) && name.Length > pattern.Length - 1
                : name.Equals(pattern, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void Arbitrary_domains_never_throw()
    {
        var table = TableOf(To("a", "*.example", "x.example"), To("b", "*"));
        Gen.String.Sample(s => Assert.NotNull(table.Decide(s).Destination));
    }

    [Fact]
    public void Pins_are_read_in_hex_and_base64()
    {
        var hash = Enumerable.Range(0, 32).Select(i => (byte)(i * 7)).ToArray();
        Assert.True(RouteTable.TryReadPin(Convert.ToHexString(hash), out var pin));
        Assert.Equal(hash, pin);
        Assert.True(RouteTable.TryReadPin("sha256/" + Convert.ToBase64String(hash), out pin));
        Assert.Equal(hash, pin);
        Assert.False(RouteTable.TryReadPin(Convert.ToBase64String(hash[..31]), out _));
        Assert.False(RouteTable.TryReadPin("", out _));
    }
}
