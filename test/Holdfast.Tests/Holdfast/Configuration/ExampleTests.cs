using Holdfast.Configuration;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;

namespace Holdfast.Tests.Configuration;

public class ExampleTests
{
    public static TheoryData<string> Examples() =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "examples"), "*.json").Select(f => Path.GetFileName(f))];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_has_no_faults(string name)
    {
        var (_, faults) = ConfigurationLoaderTests.Load(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "examples", name)));
        Assert.Empty(faults.Select(f => f.Describe(name)));
    }

    [Fact]
    public void The_two_sites_example_is_as_promised()
    {
        var (snapshot, _) = ConfigurationLoaderTests.Load(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "examples", "two-sites.json")));
        Assert.Equal("127.0.0.1:8080", snapshot!.Get<OperatorOptions>().HttpEndpoint);
        var topology = snapshot.Get<TopologyOptions>();
        Assert.Equal("na", topology.HomeRegion);
        Assert.Equal(["127.0.0.1:2601", "127.0.0.1:2602", "127.0.0.1:8091", "127.0.0.1:8092", "127.0.0.1:8093"],
            topology.Sites.SelectMany(s => s.Targets).Select(t => t.Address));
        Assert.Equal(["na", "eu", "na", "eu"], topology.Sites.Select(s => s.Region));
        Assert.All(topology.Sites.Where(s => s.Service == "mail"), s => Assert.Equal(2000, s.CapacityPerSecond));
        Assert.Equal(["127.0.0.1:8081"], snapshot.Get<AcceptOptions>().Listeners.Select(l => l.Endpoint));
    }
}
