using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Sim.Scenarios;

public class ScenarioReaderTests
{
    private const string Whole = """
        {
          // Every field there is.
          "name": "whole", "teaches": "all fields", "seed": 7, "duration": "1h", "healedAt": "30m", "step": "1s",
          "home": "na", "regions": ["na", "eu"],
          "edges": [ { "name": "e1", "home": "na", "weight": 2 }, { "name": "e2" } ],
          "services": [
            { "name": "mail", "kind": "mail", "attemptTimeout": "1m", "connectTimeout": "5s", "edgeQueueMax": 5 },
            { "name": "web", "kind": "http" } ],
          "components": [ { "name": "locator", "timeout": "1s", "retries": 2, "instances": { "count": 3 } } ],
          "sites": [
            { "name": "web-na", "service": "web", "region": "na", "declaredCapacity": 100, "concurrencyMax": 50,
              "dependsOn": "locator", "operationFactors": { "write": 2.5 }, "hasCanary": false,
              "targets": { "count": 2, "capacityPerSecond": 50, "concurrency": 5,
                "serviceTime": { "sigma": 0.3 }, "queueMax": 10, "slowing": 0.2, "bytesPerSecond": 1e6,
                "coldCache": { "factor": 2, "warmsIn": "1m" }, "crash": { "after": "5s", "for": "10s" },
                "capacities": { "sigma": 0.1 } } },
            { "name": "mail-eu", "service": "mail", "region": "eu", "targets": { "capacities": { "file": "f.csv" } } }
          ],
          "network": { "delay": "5ms", "jitter": "1ms", "loss": 0.01,
            "links": [ { "edge": "e1", "region": "eu", "delay": "50ms" } ] },
          "canaries": { "enabled": true, "every": "5s", "deadline": "9s" },
          "workloads": [
            { "name": "w", "service": "web", "operation": "write", "ratePerSecond": 5, "arrivals": "even",
              "shape": { "kind": "burst", "factor": 2, "at": "1m", "for": "10s", "every": "5m" },
              "priorities": { "0": 1, "5": 3 }, "deadline": "20s", "sizes": { "median": 1000, "sigma": 1 },
              "client": { "timeout": "3s", "retries": 2, "backoff": "1s", "backoffFactor": 3, "jitter": 0.5 } },
            { "name": "m", "service": "mail", "ratePerSecond": 1, "backlog": 10, "priority": 3 },
            { "name": "r", "service": "web", "file": "a.csv" } ],
          "faults": [
            { "kind": "error", "at": "1m", "for": "10s", "every": "1m", "until": "5m", "where": ["web-na/1", "eu"],
              "targets": 0.5, "share": 0.2, "operation": "read", "scope": "site", "phase": "mail", "text": "451",
              "after": "5ms" },
            { "kind": "slow", "at": "2m", "where": "locator/2", "factor": 3 },
            { "kind": "dependencyLoss", "at": "3m", "where": "web-na", "component": "locator" },
            { "kind": "clockStep", "at": "3m", "where": "e2", "by": "-1h" },
            { "kind": "partition", "at": "3m", "where": "e1/eu" } ],
          "acts": [ { "at": "4m", "act": "weight", "where": "na", "weight": 0.5, "for": "1m" } ],
          "traffic": { "SpillFrom": 0.7 },
          "holds": { "regretMax": 0.1, "convergeWithin": "1m", "detectWithin": "10s", "overloadMax": 1.1,
            "attemptsMax": 1.2, "servedMin": 0.9, "servedTopMin": 0.95, "healthyClosedMax": 0 },
        }
        """;

    [Fact]
    public void Every_field_is_read()
    {
        var scenario = Read(Whole);
        Assert.Equal("web", scenario.Services[0].Name);
        Assert.Equal((0, 1), (scenario.Sites[0].Service, scenario.Sites[1].Service));
        Assert.Equal(["na", "na"], scenario.Edges.Select(e => e.Home));
        var web = scenario.Sites[0];
        Assert.Equal(100, web.Server.ServiceTimeMean.TotalMilliseconds, 6);
        Assert.Equal(2.5, web.OperationFactors[2]);
        Assert.Equal([0], web.DependsOn);
        Assert.Equal([0.5, 2], scenario.Sites[1].Server.CapacityFactors);
        Assert.Equal([0.25, 0, 0, 0, 0, 0.75], scenario.Workloads[0].Priorities);
        Assert.Equal(TimeSpan.FromSeconds(1.5), scenario.Workloads[2].Recorded[1].At);
        Assert.Equal([new(PlaceKind.Target, 0, 1), new(PlaceKind.Site, 1)], scenario.Faults[0].Where);
        Assert.Equal(AttemptPhase.Mail, scenario.Faults[0].Phase);
        Assert.Equal(TimeSpan.FromMinutes(28), scenario.Faults[1].For);
        Assert.Equal(TimeSpan.FromHours(-1), scenario.Faults[3].By);
        Assert.Equal([new(PlaceKind.Link, 0, 1)], scenario.Faults[4].Where);
        Assert.Equal(0.7, scenario.Traffic.SpillFrom);
        Assert.Equal(TimeSpan.FromSeconds(10), scenario.Holds.DetectWithin);
    }

    [Fact]
    public void Every_field_is_in_the_reference()
    {
        var (_, notes) = ScenarioReader.ReadWithNotes(Encoding.UTF8.GetBytes(Whole), Files);
        Assert.Empty(notes.Faults);
        var reference = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "repository/scenarios.md"));
        var missing = notes.Fields.Where(f => !reference.Contains($"`{f}`", StringComparison.Ordinal)).ToList();
        Assert.True(missing.Count == 0, "not in docs/reference/scenarios.md: " + string.Join(", ", missing));
    }

    [Theory]
    [InlineData("\"sites\"", "\"sitess\"", "sitess: unknown field; did you mean \"sites\"?")]
    [InlineData("\"queueMax\"", "\"queMax\"", "sites[0].targets.queMax: unknown field; did you mean \"queueMax\"?")]
    [InlineData("\"SpillFrom\"", "\"SpilFrom\"", "there is no such option; did you mean \"SpillFrom\"?")]
    [InlineData("web-na/1", "web-an/1", "there is no \"web-an\"; did you mean \"web-na\"?")]
    [InlineData("web-na/1", "web-na/2", "\"web-na\" has no target 2; 0 to 1")]
    [InlineData("\"burst\"", "\"brust\"", "did you mean \"burst\"?")]
    [InlineData("\"e1/eu\"", "\"web-na\"", "must be a region, an edge, or edge/region")]
    [InlineData("\"name\": \"e2\"", "\"name\": \"eu\"", "the name \"eu\" stands twice")]
    [InlineData("\"concurrency\": 5", "\"concurrency\": 5.5", "must be a whole number")]
    [InlineData("\"5ms\", \"jitter\"", "5, \"jitter\"", "must be a duration in quotes")]
    [InlineData("\"file\": \"a.csv\"", "\"file\": \"../a.csv\"", "stands beside the scenario")]
    [InlineData("\"file\": \"a.csv\"", "\"file\": \"b.csv\"", "\"b.csv\" can't be read")]
    [InlineData("\"seed\": 7,", "\"seed\": 7", "not JSON here")]
    [InlineData("\"serviceTime\": { \"sigma\": 0.3 }", "\"serviceTime\": { \"mean\": \"50ms\" }", "do 100 a second, not 50")]
    public void A_fault_is_told_with_its_line_and_what_was_meant(string was, string now, string told)
    {
        Assert.Contains(was, Whole, StringComparison.Ordinal);
        var text = new Regex(Regex.Escape(was)).Replace(Whole, now, 1);
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(text), Files);
        Assert.Null(scenario);
        var fault = faults.FirstOrDefault(f => f.Describe("x").Contains(told, StringComparison.Ordinal));
        Assert.True(fault is not null, string.Join('\n', faults.Select(f => f.Describe("x"))));
        Assert.InRange(fault.Line, 1, 60);
    }

    [Theory]
    [InlineData("\"seed\": 7", "\"seed\": 0", "\"seed\": -1")]
    [InlineData("\"step\": \"1s\"", "\"step\": \"100ms\"", "\"step\": \"99ms\"")]
    [InlineData("\"step\": \"1s\"", "\"step\": \"10m\"", "\"step\": \"11m\"")]
    [InlineData("\"weight\": 2", "\"weight\": 1000", "\"weight\": 1001")]
    [InlineData("\"count\": 3", "\"count\": 19997", "\"count\": 20001")]
    [InlineData("\"retries\": 2, \"instances\"", "\"retries\": 10, \"instances\"", "\"retries\": 11, \"instances\"")]
    [InlineData("\"declaredCapacity\": 100", "\"declaredCapacity\": 0.1", "\"declaredCapacity\": 0.09")]
    [InlineData("\"concurrencyMax\": 50", "\"concurrencyMax\": 10000", "\"concurrencyMax\": 10001")]
    [InlineData("\"sigma\": 0.3", "\"sigma\": 3", "\"sigma\": 3.01")]
    [InlineData("\"loss\": 0.01", "\"loss\": 0.9", "\"loss\": 0.91")]
    [InlineData("\"share\": 0.2", "\"share\": 1", "\"share\": 1.01")]
    [InlineData("\"share\": 0.2", "\"share\": 0", "\"share\": -0.01")]
    [InlineData("\"healedAt\": \"30m\"", "\"healedAt\": \"1h\"", "\"healedAt\": \"1h1s\"")]
    [InlineData("\"every\": \"5m\"", "\"every\": \"10s\"", "\"every\": \"9s\"")]
    [InlineData("\"every\": \"1m\", \"until\"", "\"every\": \"11s\", \"until\"", "\"every\": \"10s\", \"until\"")]
    [InlineData("\"SpillFrom\": 0.7", "\"SpillFrom\": 0.1", "\"SpillFrom\": 0.09")]
    [InlineData("\"backlog\": 10", "\"backlog\": 5000000", "\"backlog\": 5000001")]
    [InlineData("\"ratePerSecond\": 5", "\"ratePerSecond\": 0", "\"ratePerSecond\": -1")]
    [InlineData("\"median\": 1000", "\"median\": 1e10", "\"median\": 1.1e10")]
    public void Bounds_hold_on_both_sides(string was, string good, string bad)
    {
        Assert.Contains(was, Whole, StringComparison.Ordinal);
        var replace = new Regex(Regex.Escape(was));
        Assert.NotNull(Read(replace.Replace(Whole, good, 1)));
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(replace.Replace(Whole, bad, 1)), Files);
        Assert.Null(scenario);
        Assert.NotEmpty(faults);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw()
    {
        Gen.Byte.Array[0, 300].Sample(bytes =>
        {
            var (scenario, faults) = ScenarioReader.Read(bytes, _ => bytes);
            Assert.True(scenario is not null || faults.Count > 0);
        });
    }

    [Fact]
    public void Damaged_scenarios_never_throw()
    {
        var whole = Encoding.UTF8.GetBytes(Whole);
        string[] pieces = ["{", "}", "[", "]", "null", "-1", "1e400", "\"\"", "\"na\"", "\"9999999999h\"", "true", ","];
        var gen = Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 40], OneOf(pieces));
        gen.Array[1, 4].Sample(cuts =>
        {
            var text = Encoding.Latin1.GetString(whole);
            foreach (var (at, length, piece) in cuts)
            {
                var from = Math.Min(at, text.Length);
                text = text[..from] + piece + text[Math.Min(text.Length, from + length)..];
            }
            var bytes = Encoding.Latin1.GetBytes(text);
            var (scenario, faults) = ScenarioReader.Read(bytes, Files);
            Assert.True(scenario is not null || faults.Count > 0);
        }, iter: 5000);
    }

    [Fact]
    public void Any_table_is_read_or_refused_with_its_line()
    {
        var cell = OneOf("1", "2.5", "-1", "time", "size", "priority", "read", "", "x", "1e99", "NaN", "\u0001");
        cell.Array[1, 4].Array[0, 6].Sample(rows =>
        {
            var bytes = Encoding.UTF8.GetBytes(string.Join('\n', rows.Select(r => string.Join(',', r))));
            var faults = new List<ScenarioFault>();
            var arrivals = CsvFile.ReadArrivals(bytes, "t.csv", ["mailDelivery", "read"], faults);
            Assert.Equal(faults.Count > 0, arrivals.IsEmpty);
            Assert.All(faults, f => Assert.InRange(f.Line, 1, 7));
            CsvFile.ReadFactors(bytes, "t.csv", faults);
        });
    }

    [Theory]
    [InlineData("time\n1\n0.5", 3, "the time goes back")]
    [InlineData("size\n1", 1, "the header must name time")]
    [InlineData("time,size\n1", 2, "a row has 2 cells here")]
    [InlineData("time,priority\n1,6", 2, "'6' is no priority")]
    [InlineData("time,operation\n1,erase", 2, "'erase' is no operation")]
    [InlineData("time", 1, "holds no arrival")]
    public void A_bad_table_is_refused_with_its_line(string text, int line, string told)
    {
        var faults = new List<ScenarioFault>();
        CsvFile.ReadArrivals(Encoding.UTF8.GetBytes(text), "t.csv", ScenarioReader.OperationNames, faults);
        Assert.Equal(line, faults[0].Line);
        Assert.StartsWith(told, faults[0].Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("1h30m", 5400)]
    [InlineData("20ms", 0.02)]
    [InlineData("1.5s", 1.5)]
    [InlineData("0", 0)]
    public void Durations_read_as_people_write_them(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var time));
        Assert.Equal(seconds, time.TotalSeconds, 9);
        Assert.True(Duration.TryParse(Duration.Describe(time), out var again));
        Assert.Equal(time, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1s2")]
    [InlineData("1.1.1s")]
    [InlineData("1y")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Fact]
    public void Recorded_arrivals_are_replayed_as_they_were()
    {
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes("""
            { "name": "replay", "teaches": "t", "duration": "10s", "regions": ["r"],
              "services": [ { "name": "web" } ], "sites": [ { "name": "s", "region": "r" } ],
              "workloads": [ { "file": "a.csv" } ] }
            """), Files);
        Assert.Empty(faults);
        var run = Holdfast.Sim.Runs.Simulation.Run(scenario!, Holdfast.Sim.Policies.PolicyTable.Find("round-robin")!);
        Assert.Equal([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], run.Of(0, 2).Requests.Zip(run.Of(0, 5).Requests, (a, b) => a + b));
        Assert.Equal(1, run.Of(0, 5).Requests.Sum());
        Assert.Equal(3, run.Totals.Served);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static Scenario Read(string text)
    {
        var (scenario, faults) = ScenarioReader.Read(Encoding.UTF8.GetBytes(text), Files);
        Assert.True(scenario is not null, string.Join('\n', faults.Select(f => f.Describe("scenario"))));
        return scenario!;
    }

    private static byte[]? Files(string name) => name switch
    {
        "f.csv" => "# factors\n0.5\n\n2\n"u8.ToArray(),
        "a.csv" => "time,priority,size\n0.5,5,100\n1.5,,\n3.25,2,7\n"u8.ToArray(),
        _ => null,
    };
}
