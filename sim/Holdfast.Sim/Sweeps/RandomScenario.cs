using System.Globalization;
using System.Text.Json.Nodes;

namespace Holdfast.Sim.Sweeps;

/// <summary>A plausible outage drawn from a seed, as the JSON of a scenario, so that one that finds something can be
/// kept as it is.</summary>
/// <remarks>
/// One service of one to three regions with one to eight targets each, used at 20 to 85 % of what its home has; one to
/// three faults of any kind in the first minute, then healing and two and a half minutes in which to come back. Every
/// bound is such that a run costs a few hundred milliseconds at most.
/// </remarks>
internal sealed class RandomScenario
{
    private const int BeginsAt = 15;
    private const int HealedAt = 70;
    private const int Duration = 220;
    private static readonly string[] s_regions = ["na", "eu", "ap"];
    private static readonly string[] s_kinds =
    [
        "error", "error", "error", "blackHole", "blackHole", "down", "down", "slow", "capacity", "acceptAndLose",
        "partition", "loss", "pause", "clockStep", "coldCache",
    ];
    private readonly Random _random;
    private readonly bool _isMail;
    private readonly int _regions;
    private readonly int _edges;
    private readonly int[] _targets;
    private readonly double[] _capacity;

    private RandomScenario(ulong seed)
    {
        _random = new Clockwork.RandomStream(seed, "random scenario");
        _isMail = _random.NextDouble() < 0.35;
        _regions = 1 + _random.Next(3);
        _edges = _random.NextDouble() < 0.6 ? 1 : 2 + _random.Next(2);
        _targets = [.. Enumerable.Range(0, _regions).Select(_ => 1 + _random.Next(8))];
        _capacity = [.. _targets.Select(t => t * (double)Pick(10, 15, 25))];
    }

    /// <summary>The same seed gives the same text.</summary>
    public static JsonObject Draw(ulong seed) =>
        new RandomScenario(seed).Draw(seed.ToString(CultureInfo.InvariantCulture));

    private JsonObject Draw(string seed) => new()
    {
        ["name"] = "random-" + seed,
        ["teaches"] = "Whatever seed " + seed + " drew.",
        ["seed"] = JsonNode.Parse(seed),
        ["duration"] = Seconds(Duration),
        ["healedAt"] = Seconds(HealedAt),
        ["regions"] = Array(Enumerable.Range(0, _regions).Select(r => (JsonNode)s_regions[r])),
        ["edges"] = Array(Enumerable.Range(1, _edges).Select(e => (JsonNode)new JsonObject { ["name"] = "edge-" + e })),
        ["services"] = new JsonArray(new JsonObject
        {
            ["name"] = "service", ["kind"] = _isMail ? "mail" : "http", ["attemptTimeout"] = _isMail ? "1m" : "10s",
        }),
        ["sites"] = Array(DrawSites()),
        ["network"] = DrawNetwork(),
        ["workloads"] = new JsonArray(DrawWork()),
        ["faults"] = Array(DrawFaults()),
        ["acts"] = Array(DrawActs()),
        ["holds"] = new JsonObject { ["convergeWithin"] = "130s" },
    };

    private List<JsonNode> DrawSites()
    {
        var sites = new List<JsonNode>();
        var isDeclared = Chance(0.7);
        var seconds = _isMail ? Pick(0.1, 0.3, 1) : Pick(0.05, 0.15, 0.4);
        for (var i = 0; i < _regions; i++)
        {
            var targets = new JsonObject
            {
                ["count"] = _targets[i],
                ["concurrency"] = Math.Max(1, (int)Math.Round(_capacity[i] / _targets[i] * seconds)),
                ["capacityPerSecond"] = _capacity[i] / _targets[i],
                ["queueMax"] = Pick(20, 50, 100),
                ["serviceTime"] = new JsonObject { ["sigma"] = Pick(0.3, 0.5, 0.7) },
            };
            if (Chance(0.4))
                targets["slowing"] = Pick(0.1, 0.3);
            if (Chance(0.2))
                targets["coldCache"] = new JsonObject { ["factor"] = Pick(2, 3), ["warmsIn"] = "20s" };
            var site = new JsonObject { ["name"] = Site(i), ["region"] = s_regions[i], ["concurrencyMax"] = 64 };
            if (isDeclared)
                site["declaredCapacity"] = _capacity[i];
            site["targets"] = targets;
            sites.Add(site);
        }
        return sites;
    }

    private JsonObject DrawNetwork() => new()
    {
        ["delay"] = "2ms",
        ["links"] = Array(Enumerable.Range(1, _regions - 1).Select(r => (JsonNode)new JsonObject
        {
            ["region"] = s_regions[r], ["delay"] = Pick("20ms", "40ms", "80ms"),
        })),
    };

    private JsonObject DrawWork()
    {
        // At most what all sites but the home one hold together, half of the time, so that the loss can be borne.
        var use = 0.2 + 0.65 * _random.NextDouble();
        var work = new JsonObject
        {
            ["name"] = "work",
            ["operation"] = _isMail ? "mailDelivery" : Pick("read", "write"),
            ["ratePerSecond"] = Math.Round(Math.Max(1, use * _capacity[0]), 1),
            ["priorities"] = new JsonObject { ["0"] = 1, ["2"] = 6, ["4"] = 3 },
            ["deadline"] = _isMail ? "2m" : "5s",
        };
        if (!_isMail)
        {
            work["client"] = new JsonObject
            {
                ["timeout"] = "5s", ["retries"] = _random.Next(4), ["backoff"] = Pick("200ms", "1s"), ["jitter"] = 0.5,
            };
        }
        else if (Chance(0.3))
        {
            work["backlog"] = (int)(_capacity[0] * (5 + _random.Next(40)));
        }
        return work;
    }

    private List<JsonNode> DrawFaults()
    {
        var faults = new List<JsonNode>();
        for (var i = 1 + _random.Next(3); i > 0; i--)
        {
            var kind = s_kinds[_random.Next(s_kinds.Length)];
            var at = BeginsAt + _random.Next(30);
            var fault = new JsonObject
            {
                ["kind"] = kind, ["at"] = Seconds(at), ["for"] = Seconds(3 + _random.Next(HealedAt - at - 3)),
                ["where"] = new JsonArray(DrawPlace(kind)),
            };
            switch (kind)
            {
                case "error" or "blackHole" or "acceptAndLose":
                    fault["share"] = Pick(0.1, 0.3, 0.5, 1, 1);
                    break;
                case "slow":
                    fault["factor"] = Pick(2, 5, 20);
                    break;
                case "capacity":
                    fault["factor"] = Pick(0.2, 0.5, 0.8);
                    break;
                case "loss":
                    fault["share"] = Pick(0.05, 0.2);
                    break;
                case "pause":
                    fault["for"] = Seconds(1 + _random.Next(4));
                    break;
                case "clockStep":
                    fault["by"] = Pick("1h", "-1h", "90s");
                    break;
                case "coldCache":
                    fault["factor"] = Pick(2, 4);
                    break;
                default:
                    break;
            }
            faults.Add(fault);
        }
        return faults;
    }

    private string DrawPlace(string kind)
    {
        if (kind is "pause" or "clockStep")
            return "edge-" + (1 + _random.Next(_edges));
        // The home region most of the time: that is where the traffic is.
        var region = Chance(0.7) ? 0 : _random.Next(_regions);
        if (kind == "partition")
            return Chance(0.5) ? s_regions[region] : $"edge-{1 + _random.Next(_edges)}/{s_regions[region]}";
        if (kind == "loss")
            return s_regions[region];
        return Chance(0.5) ? Site(region) : $"{Site(region)}/{_random.Next(_targets[region])}";
    }

    private List<JsonNode> DrawActs()
    {
        if (!Chance(0.15))
            return [];
        var act = new JsonObject
        {
            ["at"] = Seconds(20 + _random.Next(30)), ["act"] = Pick("drain", "weight"),
            ["where"] = new JsonArray(Site(_random.Next(_regions))), ["for"] = Seconds(10 + _random.Next(20)),
        };
        if ((string?)act["act"] == "weight")
            act["weight"] = Pick(0.2, 0.5);
        return [act];
    }

    private static string Site(int region) => "site-" + s_regions[region];
    private bool Chance(double share) => _random.NextDouble() < share;
    private T Pick<T>(params ReadOnlySpan<T> values) => values[_random.Next(values.Length)];
    private static string Seconds(int seconds) => seconds.ToString(CultureInfo.InvariantCulture) + "s";
    private static JsonArray Array(IEnumerable<JsonNode> nodes) => [.. nodes];
}
