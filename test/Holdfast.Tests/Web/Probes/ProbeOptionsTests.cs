using CsCheck;
using Holdfast.Web.Probes;

namespace Holdfast.Tests.Web.Probes;

public class ProbeOptionsTests
{
    private static string[] Faults(ProbeOptions options) =>
        [.. new ProbeOptionsValidator().Validate(null, options).Failures ?? []];

    [Fact]
    public void A_service_or_a_canary_needs_little_more_than_its_name() => Assert.Empty(Faults(new ProbeOptions
    {
        Services = [new() { Service = "web", ExpectStatus = "200-299,304 , 401" }],
        Canaries = [new() { Site = "web-na", WritePath = "/canary/{token}?x=1" }],
    }));

    [Theory]
    [InlineData("")]
    [InlineData("healthz")]
    [InlineData("/a b")]
    [InlineData("/a\r\nX: y")]
    [InlineData("/a#b")]
    [InlineData("/ä")]
    public void What_is_no_path_is_refused(string path)
    {
        Assert.Contains(Faults(new() { Services = [new() { Service = "web", Path = path }] }),
            f => f.Contains("Services:0:Path", StringComparison.Ordinal) || f.Contains("Path", StringComparison.Ordinal));
        Assert.Contains(Faults(new() { Canaries = [new() { Site = "s", WritePath = path }] }),
            f => f.StartsWith("Canaries:0:WritePath", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("99")]
    [InlineData("600")]
    [InlineData("300-200")]
    [InlineData("2xx")]
    [InlineData("200,,204")]
    [InlineData("-200")]
    public void What_is_no_status_is_refused(string statuses)
    {
        Assert.False(StatusSet.TryParse(statuses, out _));
        Assert.Contains(Faults(new() { Services = [new() { Service = "web", ExpectStatus = statuses }] }),
            f => f.StartsWith("Services:0:ExpectStatus", StringComparison.Ordinal));
    }

    [Fact]
    public void Any_text_is_a_list_of_statuses_or_not_and_what_is_told_apart_stays_apart()
    {
        Gen.String.Sample(text => { _ = StatusSet.TryParse(text, out _); });
        Gen.Select(Gen.Int[100, 599], Gen.Int[100, 599], Gen.Int[0, 700]).Sample((a, b, status) =>
        {
            var (from, to) = (Math.Min(a, b), Math.Max(a, b));
            Assert.True(StatusSet.TryParse($"{from} - {to}", out var set));
            Assert.Equal(status >= from && status <= to, set.Contains(status));
        });
    }

    [Fact]
    public void Methods_hosts_and_doubles_are_compared()
    {
        Assert.Equal(3, Faults(new()
        {
            Services = [new() { Service = "web", Method = "DELETE" }, new() { Service = "WEB", Host = "a/b" }],
        }).Length);
        Assert.Equal(3, Faults(new()
        {
            Canaries = [new() { Site = "s", WritePath = "/c", WriteMethod = "GET" },
                new() { Site = "S", WritePath = "/c", Host = "a b" }],
        }).Length);
        Assert.Single(Faults(new() { Services = [new() { Service = "web", Method = "HEAD", ExpectBody = "x" }] }));
    }
}
