using System.Text;
using CsCheck;
using Holdfast.Configuration;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Configuration;

public class ConfigurationLoaderTests
{
    internal static ConfigurationResult Load(string text)
    {
        using var rules = Composition.BuildRules();
        return new ConfigurationLoader(rules).Load(Encoding.UTF8.GetBytes(text), "t.json");
    }

    private static string[] Faults(string text) => [.. Load(text).Faults.Select(f => f.Describe("t.json"))];

    [Fact]
    public void The_built_in_example_has_no_faults()
    {
        using var rules = Composition.BuildRules();
        var (snapshot, faults) = new ConfigurationLoader(rules).LoadEmbedded();
        Assert.Empty(faults);
        Assert.Equal(2, snapshot!.Get<TopologyOptions>().Sites.Length);
    }

    [Fact]
    public void A_fault_in_a_list_is_told_once_and_in_our_words() => Assert.Equal(
        [
            (2, "Holdfast:Web:Accept:Listeners:0:Name", "must not be empty"),
            (3, "Holdfast:Web:Select:Routes:0:Priority", "9 is out of range: 0 to 5"),
        ],
        Load("""
            { "Holdfast": { "Topology": { "Regions": [ { "Name": "na" } ], "Sites": [ { "Name": "s", "Service": "web", "Region": "na", "Targets": [ { "Address": "192.0.2.1:80" } ] } ] }, "Web": { "Accept": { "Listeners": [
                                      { "Name": "", "Endpoint": "127.0.0.1:8081" } ] }, "Select": { "Routes": [
                      { "Service": "web", "Priority": 9 } ] } } } }
            """).Faults.Select(f => (f.At.Line, f.Key, f.Problem)));

    [Fact]
    public void Defaults_apply_where_a_key_is_missing()
    {
        var (snapshot, _) = Load("""{ "Holdfast": { } }""");
        Assert.Equal("127.0.0.1:8080", snapshot!.Get<OperatorOptions>().HttpEndpoint);
        Assert.Equal(1, snapshot.Get<HostOptions>().NodeId);
        Assert.Equal(Environment.MachineName, snapshot.Get<HostOptions>().HostName);
    }

    [Fact]
    public void Every_fault_is_told_at_once_each_with_its_line()
    {
        var directory = Path.Combine(AppContext.BaseDirectory, "corpora", "configuration");
        var told = Faults(File.ReadAllText(Path.Combine(directory, "many-faults.json")));
        Assert.Equal(File.ReadAllLines(Path.Combine(directory, "many-faults.expected")), told);
    }

    [Theory]
    [InlineData("", "t.json:1:1: the file is empty")]
    [InlineData("[]", "t.json:1:1: the file must hold one object")]
    [InlineData("{ \"Holdfast\": {\n  \"NodeId\": 1\n  \"HostName\": \"a\" } }", "t.json:3:3: not JSON here")]
    [InlineData("{ \"Holdfast\": {", "t.json:1:16: not JSON here")]
    [InlineData("{ 'Holdfast': {} }", "t.json:1:3: not JSON here")]
    [InlineData("{ \"Holdfast\": { \"HostName\": \"a } }", "t.json:1:")]
    public void A_syntax_fault_names_its_line_and_column(string text, string begin) =>
        Assert.StartsWith(begin, Assert.Single(Faults(text)), StringComparison.Ordinal);

    [Fact]
    public void A_listeners_fault_is_told_once_with_the_line_of_its_key()
    {
        var told = Faults("""
            { "Holdfast": { "Mail": { "Receive": { "Listeners": [ { "Name": "mx",
              "Endpoint": "localhost:25", "Domains": [ "example.org" ],
              "Tls": "Implicit" } ] } } } }
            """);
        Assert.Equal(2, told.Length);
        Assert.StartsWith("t.json:2:3: Holdfast:Mail:Receive:Listeners:0:Endpoint: ", told[0], StringComparison.Ordinal);
        Assert.StartsWith("t.json:3:3: Holdfast:Mail:Receive:Listeners:0:Tls: Tls is Implicit but there is no "
            + "certificate", told[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_given_twice_is_a_fault_whatever_its_capitals() => Assert.Equal(
        "t.json:1:30: Holdfast:nodeid: the key stands here twice; the first is in line 1; "
        + "remove one of them (capitals make no difference)",
        Assert.Single(Faults("""{ "Holdfast": { "NodeId": 1, "nodeid": 2 } }""")));

    [Fact]
    public void Columns_count_characters_and_not_bytes() => Assert.StartsWith("t.json:1:39: Holdfast:X",
        Assert.Single(Faults("""{ "Holdfast": { "HostName": "größe",  "X": 1 } }""")), StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0:8080")]
    [InlineData("192.0.2.1:8080")]
    [InlineData("localhost:8080")]
    public void The_operator_endpoint_must_be_a_loopback_address(string endpoint) => Assert.Contains(
        "is not a loopback address",
        Assert.Single(Faults($$"""{ "Holdfast": { "Operator": { "HttpEndpoint": "{{endpoint}}" } } }""")),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("{ \"Holdfast\": { \"a\\nb\\u0007\": 1 } }", "Holdfast:a\\nb\\u0007: unknown key")]
    [InlineData("t\n", "not JSON here")]
    public void A_fault_is_told_in_one_line_whatever_the_file_holds(string text, string part)
    {
        var told = Assert.Single(Faults(text));
        Assert.Contains(part, told, StringComparison.Ordinal);
        Assert.DoesNotContain(told, char.IsControl);
    }

    [Theory]
    [InlineData("""{ "Holdfast": { "\ud800": 1 } }""")]
    [InlineData("""{ "Holdfast": { "HostName": "\ud800" } }""")]
    public void Half_a_surrogate_pair_is_a_fault(string text) =>
        Assert.Contains("half of a surrogate pair", Assert.Single(Faults(text)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "Topology": { "HomeRegion": "na", "Regions": [ { "Name": null }, { "Name": "na" } ] } }""")]
    [InlineData("""{ "Mail": { "Route": { "Rules": [ { "Domain": "*", "Service": null, "Mx": true } ] } } }""")]
    [InlineData("""{ "Mail": { "Route": { "Rules": [ null ] } } }""")]
    [InlineData("""{ "Mail": { "Route": { "Rules": null } } }""")]
    [InlineData("""{ "NodeId": null }""")]
    public void Null_where_a_value_must_be_is_a_fault(string below) => Assert.Contains("null is not allowed here",
        string.Join('\n', Faults($$"""{ "Holdfast": {{below}} }""")), StringComparison.Ordinal);

    [Fact]
    public void Null_where_a_value_may_lack_is_none() => Assert.Empty(Faults(
        """{ "Holdfast": { "Mail": { "Route": { "Rules": [ { "Domain": "*", "Mx": true, "Priority": null } ] } } } }"""));

    [Fact]
    public void An_empty_operator_endpoint_means_none() =>
        Assert.Empty(Faults("""{ "Holdfast": { "Operator": { "HttpEndpoint": "" } } }"""));

    [Fact]
    public void A_file_of_the_largest_size_is_read_and_one_byte_more_is_refused()
    {
        var text = """{ "Holdfast": { } }""";
        Assert.Empty(Faults(text.PadRight(ConfigurationReader.BytesMax)));
        Assert.Contains("more than the", Assert.Single(Faults(text.PadRight(ConfigurationReader.BytesMax + 1))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_up_to_the_bound_is_read_and_one_level_more_is_refused()
    {
        static string Nested(int levels) => string.Concat(Enumerable.Repeat("{\"a\":", levels - 1)) + "{}"
            + new string('}', levels - 1);
        Assert.DoesNotContain(Faults(Nested(ConfigurationReader.DepthMax)),
            f => f.Contains("nested deeper", StringComparison.Ordinal));
        Assert.Contains("nested deeper", Assert.Single(Faults(Nested(ConfigurationReader.DepthMax + 1))),
            StringComparison.Ordinal);
        Assert.Contains("nested deeper", Assert.Single(Faults(Nested(5000))), StringComparison.Ordinal);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        var faults = new List<ConfigurationFault>();
        var root = ConfigurationReader.Read(bytes, faults);
        return root is not null || faults.Count > 0;
    });

    [Fact]
    public void A_damaged_example_never_throws()
    {
        var example = Encoding.UTF8.GetBytes("""
            { "Holdfast": { "Topology": { "Regions": [ { "Name": "na" } ], "Sites": [ { "Name": "a", "Service": "mail",
              "Region": "na", "CapacityPerSecond": 2e3, "Targets": [ { "Address": "127.0.0.1:2601" } ] } ] },
              "Evidence": { "KeepFor": "90d", "KeepBytes": "4GiB" } } }
            """);
        using var rules = Composition.BuildRules();
        var loader = new ConfigurationLoader(rules);
        Gen.Select(Gen.Int[0, example.Length - 1], Gen.Byte, Gen.Int[0, example.Length - 1], Gen.Byte)
            .Sample((at, value, at2, value2) =>
            {
                var damaged = example.ToArray();
                damaged[at] = value;
                damaged[at2] = value2;
                var (snapshot, faults) = loader.Load(damaged, "t.json");
                return (snapshot is null) == (faults.Count > 0);
            }, iter: 2000);
    }

    [Fact]
    public void Durations_and_sizes_may_carry_their_unit()
    {
        var (snapshot, faults) = Load("""{ "Holdfast": { "Evidence": { "KeepFor": "2d12h", "KeepBytes": "64MiB" } } }""");
        Assert.Empty(faults);
        var evidence = snapshot!.Get<global::Holdfast.Evidence.Records.EvidenceOptions>();
        Assert.Equal(TimeSpan.FromHours(60), evidence.KeepFor);
        Assert.Equal(64L << 20, evidence.KeepBytes);
    }
}
