using System.Text.Json;
using Holdfast.Bench.Web;

namespace Holdfast.Tests.Bench;

public class PeerConfigTests
{
    private static readonly WebLayout Layout = new(8001, 8002, "/c/web.crt", "/c/web.key",
        [new("na1", 9001, true), new("na2", 9002, true), new("eu1", 9003, false)]);

    [Fact]
    public void HAProxy_gets_every_target_and_the_other_region_as_a_reserve()
    {
        var lines = Lines(HaproxyConfig.Write(Layout, "/c/both.pem"));
        Assert.Equal(["server na1 127.0.0.1:9001", "server na2 127.0.0.1:9002", "server eu1 127.0.0.1:9003 backup"],
            lines.Where(l => l.StartsWith("server ", StringComparison.Ordinal)));
        Assert.Contains("bind 127.0.0.1:8001", lines);
        Assert.Contains("bind 127.0.0.1:8002 ssl crt /c/both.pem alpn h2,http/1.1", lines);
    }

    [Fact]
    public void HAProxy_checks_actively_retries_elsewhere_and_leaves_posts_alone()
    {
        var lines = Lines(HaproxyConfig.Write(Layout, "/c/both.pem"));
        Assert.Contains("option httpchk", lines);
        Assert.Contains("option redispatch 1", lines);
        Assert.Contains("option allbackups", lines);
        Assert.Contains("http-request disable-l7-retry if METH_POST", lines);
        Assert.Contains(lines, l => l.StartsWith("default-server check ", StringComparison.Ordinal));
    }

    [Fact]
    public void Nginx_gets_every_target_and_the_other_region_as_a_reserve()
    {
        var lines = Lines(NginxConfig.Write(Layout, "/c"));
        Assert.Equal(["server 127.0.0.1:9001 max_fails=3 fail_timeout=5s;", "server 127.0.0.1:9002 max_fails=3 fail_timeout=5s;",
            "server 127.0.0.1:9003 max_fails=3 fail_timeout=5s backup;"],
            lines.Where(l => l.StartsWith("server 1", StringComparison.Ordinal)));
        Assert.Contains("proxy_next_upstream error timeout http_500 http_502 http_503 http_504;", lines);
        Assert.Contains("keepalive 64;", lines);
        Assert.Contains("listen 127.0.0.1:8002 ssl http2 backlog=4096;", lines);
    }

    [Fact]
    public void Braces_of_nginx_files_match()
    {
        foreach (var text in new[] { NginxConfig.Write(Layout, "/c"), NginxConfig.WriteTargets(Layout.Backends, "/c") })
            Assert.Equal(text.Count(c => c == '{'), text.Count(c => c == '}'));
        Assert.Equal(3, Lines(NginxConfig.WriteTargets(Layout.Backends, "/c")).Count(l => l.StartsWith("server {", StringComparison.Ordinal)));
    }

    [Fact]
    public void Holdfast_gets_the_same_targets_by_region()
    {
        using var json = JsonDocument.Parse(HoldfastWebConfig.Write(Layout));
        var topology = json.RootElement.GetProperty("Holdfast").GetProperty("Topology");
        Assert.Equal("na", topology.GetProperty("HomeRegion").GetString());
        var sites = topology.GetProperty("Sites").EnumerateArray().Select(s => (s.GetProperty("Region").GetString()!,
            string.Join(' ', s.GetProperty("Targets").EnumerateArray().Select(t => t.GetProperty("Address").GetString()))));
        Assert.Equal([("na", "127.0.0.1:9001 127.0.0.1:9002"), ("eu", "127.0.0.1:9003")], sites);
        Assert.Contains("\"127.0.0.1:8001\"", json.RootElement.GetRawText(), StringComparison.Ordinal);
        Assert.Contains("\"Deadline\": \"00:00:02\"", json.RootElement.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_capacity_is_declared_for_each_site_or_for_none()
    {
        var told = HoldfastWebConfig.Write(Layout, 500);
        using var json = JsonDocument.Parse(told);
        Assert.All(json.RootElement.GetProperty("Holdfast").GetProperty("Topology").GetProperty("Sites").EnumerateArray(),
            s => Assert.Equal(500, s.GetProperty("CapacityPerSecond").GetDouble()));
        Assert.DoesNotContain("CapacityPerSecond", HoldfastWebConfig.Write(Layout), StringComparison.Ordinal);
    }

    /// <summary>Without comments and what is around them.</summary>
    private static List<string> Lines(string text) => [.. text.Split('\n').Select(l => l.Split('#')[0].Trim())];
}
