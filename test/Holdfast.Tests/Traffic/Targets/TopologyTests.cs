using CsCheck;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Targets;

public class TopologyTests
{
    [Fact]
    public void The_two_site_example_has_no_faults() => Assert.Empty(TopologyFaults.Find(BoardFixture.Topo(2000)));

    [Fact]
    public void Every_kind_of_fault_is_named()
    {
        var options = BoardFixture.Topo(2000);
        options.HomeRegion = "mars";
        options.Regions = [.. options.Regions, new() { Name = "NA" }];
        options.Sites =
        [
            .. options.Sites,
            new() { Name = "mail-na", Service = "", Region = "asia", CapacityPerSecond = 0, Targets = [] },
            new() { Name = "x", Service = "mail", Region = "eu", Targets = [new() { Address = "host" },
                new() { Address = "a:25", ConcurrencyMax = 0 }, new() { Address = "A:25" }] },
        ];
        var faults = string.Join('\n', TopologyFaults.Find(options));
        foreach (var part in new[] { "HomeRegion 'mars'", "'NA' stands there twice", "'mail-na' stands there twice",
            "no Service", "'asia'", "CapacityPerSecond", "no Targets", "has no port", "ConcurrencyMax",
            "'A:25' stands" })
        {
            Assert.Contains(part, faults, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Missing_parts_are_faults_and_no_exceptions()
    {
        var options = new TopologyOptions
        {
            HomeRegion = null!, Regions = [null!], Sites = [null!, new() { Targets = [null!] }],
        };
        Assert.NotEmpty(TopologyFaults.Find(options));
        Assert.Empty(TopologyFaults.Find(new TopologyOptions { Regions = null!, Sites = null! }));
    }

    [Theory]
    [InlineData("127.0.0.1:25")]
    [InlineData("mx.example.com:2525")]
    [InlineData("[2001:db8::1]:25")]
    public void Good_addresses_read_back(string text)
    {
        Assert.True(TargetAddress.TryParse(text, out var address, out _));
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":25")]
    [InlineData("host")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:+25")]
    [InlineData("2001:db8::1:25")]
    [InlineData("[host]:25")]
    [InlineData("1.2.3:25")]
    [InlineData("a..b:25")]
    [InlineData("a b:25")]
    [InlineData(null)]
    public void Bad_addresses_are_refused(string? text) => Assert.False(TargetAddress.TryParse(text, out _, out _));

    [Fact]
    public void Any_text_is_read_or_refused_and_what_is_read_writes_itself() => Gen.String.Sample(text =>
    {
        if (TargetAddress.TryParse(text, out var address, out _))
            Assert.True(TargetAddress.TryParse(address.ToString(), out var back, out _) && back == address);
    });

    [Fact]
    public void Ids_survive_reloads_and_what_is_gone_is_retired()
    {
        var options = BoardFixture.Topo(2000);
        var first = Topology.FromOptions(options);
        options.Sites = [new() { Name = "mail-asia", Service = "mail", Region = "eu",
            Targets = [new() { Address = "h:1" }] }, options.Sites[1]];
        var second = Topology.FromOptions(options, first);
        Assert.Contains(first.Sites[1].Id, second.Services[0].SitesNearestFirst);
        Assert.True(second.Sites[0].IsRetired);
        Assert.True(second.Targets[0].IsRetired);
        Assert.DoesNotContain(new SiteId(0), second.Services[0].SitesNearestFirst);
        Assert.Equal("mail-asia", second.Sites[2].Name);
        Assert.Equal(first.Targets[1].Address, second.Targets[1].Address);
        var third = Topology.FromOptions(BoardFixture.Topo(2000), second);
        Assert.False(third.Sites[0].IsRetired);
        Assert.Equal(first.Targets[0], third.Targets[0]);
        Assert.True(third.Sites[2].IsRetired);
    }

    [Fact]
    public void Placements_of_the_old_topology_are_released_after_a_reload()
    {
        var f = new BoardFixture();
        var placement = f.Place();
        var options = BoardFixture.Topo(2000);
        options.Sites = [options.Sites[1]];
        f.Board.Reload(Topology.FromOptions(options, f.Board.Topology), f.Now);
        Assert.Equal("mail-eu", f.Board.Topology.Sites[f.Place().Site.Value].Name);
        f.Deliver(placement);
        f.Board.Reload(Topology.FromOptions(BoardFixture.Topo(2000), f.Board.Topology), f.Now);
        Assert.Equal(0, f.Board.Snapshot(f.Now).Sites[0].Targets[0].InFlight);
        Assert.Equal(BoardFixture.Na, f.Place().Site);
    }

    [Fact]
    public void A_topology_built_afresh_is_given_the_boards_ids()
    {
        var f = new BoardFixture();
        var placement = f.Place();
        var options = BoardFixture.Topo(2000);
        options.Sites = [options.Sites[1]];
        f.Board.Reload(Topology.FromOptions(options), f.Now);
        Assert.Equal("mail-na", f.Board.Topology.Sites[0].Name);
        Assert.Equal(BoardFixture.Eu, f.Place().Site);
        f.Deliver(placement);
    }

    [Fact]
    public void A_service_without_sites_has_no_target_and_is_not_closed()
    {
        var f = new BoardFixture();
        f.Board.Reload(Topology.FromOptions(new TopologyOptions(), f.Board.Topology), f.Now);
        Assert.Equal(WaitReason.NoTarget, f.Place().Wait);
        Assert.False(f.Board.IsClosed(f.Service));
    }
}
