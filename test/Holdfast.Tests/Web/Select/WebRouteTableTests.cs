using CsCheck;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public class WebRouteTableTests
{
    private static readonly WebRouteTable s_table = new(new SelectOptions
    {
        Routes =
        [
            new() { Host = "*", Path = "/", Service = "any" },
            new() { Host = "*", Path = "/api", Service = "any-api" },
            new() { Host = "store.example", Path = "/", Service = "store" },
            new() { Host = "store.example", Path = "/pay", Service = "pay" },
            new() { Host = "store.example", Path = "/pay/card/", Service = "card" },
            new() { Host = "*.store.example", Path = "/", Service = "below" },
            new() { Host = "*.eu.store.example", Path = "/", Service = "below-eu" },
            new() { Host = "only.example", Path = "/here", Service = "only" },
            new() { Host = "[2001:db8::1]", Path = "/", Service = "six" },
        ],
    });

    [Theory]
    [InlineData("store.example", "/", "store")]
    [InlineData("STORE.Example:8081", "/x", "store")]
    [InlineData("store.example", "/pay", "pay")]
    [InlineData("store.example", "/pay/", "pay")]
    [InlineData("store.example", "/payable", "store")]
    [InlineData("store.example", "/pay/card", "card")]
    [InlineData("store.example", "/pay/card/1", "card")]
    [InlineData("a.store.example", "/", "below")]
    [InlineData("a.eu.store.example", "/", "below-eu")]
    [InlineData("eu.store.example", "/", "below")]
    [InlineData("elsewhere.example", "/", "any")]
    [InlineData("elsewhere.example", "/api/x", "any-api")]
    [InlineData("only.example", "/here/x", "only")]
    [InlineData("only.example", "/elsewhere", "any")]
    [InlineData("[2001:db8::1]:443", "/", "six")]
    [InlineData("", "/", "any")]
    [InlineData("[", "/", "any")]
    public void The_most_exact_host_decides_then_the_longest_path(string host, string path, string service) =>
        Assert.Equal(service, s_table.Find(host, path)?.Service);

    [Fact]
    public void Without_a_route_for_any_host_there_may_be_none()
    {
        var table = new WebRouteTable(new SelectOptions { Routes = [new() { Host = "a.example", Service = "a" }] });
        Assert.Null(table.Find("b.example", "/"));
        Assert.Null(WebRouteTable.Empty.Find("a.example", "/"));
    }

    [Fact]
    public void Arbitrary_hosts_and_paths_find_something_and_never_throw() =>
        Gen.Select(Gen.String, Gen.String).Sample((host, path) => s_table.Find(host, "/" + path) is not null);

    [Theory]
    [InlineData("*", true)]
    [InlineData("a.example", true)]
    [InlineData("*.a.example", true)]
    [InlineData("[::1]", true)]
    [InlineData("a.example:80", false)]
    [InlineData("a.*.example", false)]
    [InlineData(".example", false)]
    [InlineData("*.", false)]
    [InlineData("a b", false)]
    [InlineData("[::1", false)]
    public void Only_hosts_are_hosts(string host, bool isValid) => Assert.Equal(isValid, HostPattern.IsValid(host));
}
