using Holdfast.Mail.Route;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Mail.Route;

public class RouteOptionsValidatorTests
{
    private static readonly TopologyOptions Topology = new()
    {
        Regions = [new() { Name = "na" }],
        Sites = [new() { Name = "mail-na", Service = "mail", Region = "na" }],
    };

    private static string FaultsOf(params RouteRuleOptions[] rules) =>
        string.Join('\n', RouteOptionsValidator.FaultsOf(new RouteOptions { Rules = rules }, Topology));

    private static RouteRuleOptions To(string service, params string[] domains) =>
        new() { Service = service, Domains = domains };

    [Fact]
    public void Good_rules_have_no_faults() => Assert.Equal("", FaultsOf(
        To("mail", "example.com", "*.example.com"), new RouteRuleOptions { Domain = "b.example", Mx = true },
        new RouteRuleOptions
        {
            Domain = "*", Service = "Mail", Tls = TlsMode.Required, TlsNames = ["*.mail.example"],
            TlsPins = [new string('a', 64)],
        }));

    [Fact]
    public void A_service_that_does_not_exist_is_told_with_those_that_do() =>
        Assert.Equal("Holdfast:Mail:Route:Rules:0:Service: there is no service \"post\" in Holdfast:Topology:Sites; "
            + "there is mail", FaultsOf(To("post", "*")));

    [Fact]
    public void A_rule_that_can_never_match_is_told()
    {
        Assert.Contains("Rules:1: can never match, since rule 0", FaultsOf(To("mail", "*"), To("mail", "a.example")),
            StringComparison.Ordinal);
        Assert.Contains("Rules:1: can never match", FaultsOf(To("mail", "*.example"), To("mail", "*.a.example")),
            StringComparison.Ordinal);
        Assert.Equal("", FaultsOf(To("mail", "*.a.example"), To("mail", "*.example", "a.example")));
    }

    [Fact]
    public void Service_and_mx_exclude_each_other_and_one_must_be_there()
    {
        Assert.Contains("has both Service and Mx",
            FaultsOf(new RouteRuleOptions { Domain = "*", Service = "mail", Mx = true }), StringComparison.Ordinal);
        Assert.Contains("Service: is missing", FaultsOf(new RouteRuleOptions { Domain = "*" }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Pins_and_names_without_required_tls_are_told() =>
        Assert.Contains("set Tls to Required",
            FaultsOf(new RouteRuleOptions { Domain = "*", Service = "mail", TlsNames = ["a.example"] }),
            StringComparison.Ordinal);

    [Theory]
    [InlineData(253, true)]
    [InlineData(254, false)]
    public void An_address_literal_is_no_longer_than_a_domain(int length, bool isGood) =>
        Assert.Equal(isGood, RoutePatterns.FaultOf($"[{new string('1', length - 2)}]") is null);

    [Theory]
    [InlineData("a..b")]
    [InlineData("a@b.example")]
    [InlineData("a.*.example")]
    [InlineData("*example")]
    [InlineData("-exa mple")]
    public void Malformed_domains_are_told(string domain) =>
        Assert.Contains("Rules:0:Domain:", FaultsOf(To("mail", domain)), StringComparison.Ordinal);

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1_000, true)]
    [InlineData(1_001, false)]
    public void Ranges_inside_rules_are_checked(int recipients, bool good) => Assert.Equal(good,
        FaultsOf(new RouteRuleOptions { Domain = "*", Service = "mail", RecipientsPerTransactionMax = recipients })
            .Length == 0);
}
